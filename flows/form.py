"""The settings as the Prefect form shows them: as in schemas/params.py, methods as choices.

`winnow run --set` and the form go through this one model, so both refuse the same values. What only
a validator knows (a budget's words, a method's own settings) is added to the form's JSON schema, so
that the Prefect API refuses a wrong value before a run is made.
"""

import warnings
from typing import TYPE_CHECKING, Any, Final, Literal

from pydantic import BaseModel, ConfigDict, TypeAdapter, ValidationError, create_model

from flows.settings import describe, is_block
from schemas.params import ChooseParams, IngestParams, Params, ScoreParams
from tasks.methods import check_methods
from tasks.scorers import COLUMNS, VECTOR_COLUMNS
from tasks.selectors import SELECTORS
from tasks.stage import Paths, load_params, settings_error

_WHOLE: Final = r"0*[1-9]\d{0,15}"
PATTERNS: Final = {  # what a validator accepts, as far as an expression can say it
    "budget": rf"^\s*({_WHOLE}|{_WHOLE}(\.0+)?\s*(rows?|tokens?)"
    r"|(?!0+(\.0+)?\s*%)0*(100(\.0+)?|\d{1,2}(\.\d+)?)\s*%|0+\.0*[1-9]\d*|0*1\.0+)\s*$",
    "template": r"^(?=[\s\S]*\{instruction\})(?=[\s\S]*\{output\})",
    "group_by": r"\S",
}


def _block(model: type[BaseModel]) -> type[BaseModel]:
    """A block as the form shows it: bounds in each description, and what MORE knows of its keys."""
    more = MORE.get(model, {})
    fields: dict[str, Any] = {}
    for name, field in model.model_fields.items():
        own = more.get(name, {})
        schema = {"description": describe(field), **own.get("schema", {})}
        told = field.merge_field_infos(field, json_schema_extra=schema)
        fields[name] = (own.get("kind", field.annotation), told)
    made: Any = create_model(
        model.__name__, __base__=model, __module__=__name__, __doc__=model.__doc__, **fields
    )
    made.model_config = made.model_config | ConfigDict(json_schema_extra=BLOCK_MORE.get(model, {}))
    made.model_rebuild(force=True)
    return made  # type: ignore[no-any-return]


def _own_settings() -> list[dict[str, Any]]:
    """For each selector: `settings` may hold its keys alone, each of its type."""
    return [
        {
            "if": {"properties": {"selector": {"const": name}}, "required": ["selector"]},
            "then": {
                "properties": {
                    "settings": {
                        "properties": TypeAdapter(selector).json_schema().get("properties", {}),
                        "additionalProperties": False,
                    }
                }
            },
        }
        for name, selector in SELECTORS.items()
    ]


_COLUMNS: Final = sorted([*COLUMNS, *VECTOR_COLUMNS])
MORE: Final[dict[type, dict[str, dict[str, Any]]]] = {  # block -> key -> its type, its JSON schema
    IngestParams: {"template": {"schema": {"pattern": PATTERNS["template"]}}},
    ScoreParams: {"quality_weights": {"schema": {"propertyNames": {"enum": _COLUMNS}}}},
    ChooseParams: {
        "selector": {"kind": Literal[tuple(SELECTORS)]},  # type: ignore[valid-type]
        "budget": {"schema": {"pattern": PATTERNS["budget"]}},
        "group_by": {"schema": {"pattern": PATTERNS["group_by"]}},
    },
}
BLOCK_MORE: Final[dict[type, Any]] = {ChooseParams: {"allOf": _own_settings()}}
MEANING: Final = "Every setting of a curation run; one left out takes its value from params.yaml."


def _form_model() -> Any:
    """Params, of the blocks as the form shows them."""
    fields: dict[str, Any] = {}
    for name, field in Params.model_fields.items():
        if is_block(field):
            block = _block(field.annotation)  # type: ignore[arg-type]
            fields[name] = (block, block())
    with warnings.catch_warnings():  # a block is named after its stage
        warnings.filterwarnings("ignore", message='Field name "validate"')
        return create_model(
            "CurateParams", __base__=Params, __module__=__name__, __doc__=MEANING, **fields
        )


if TYPE_CHECKING:
    CurateParams = Params
else:
    CurateParams = _form_model()


def checked(params: Params) -> CurateParams:
    """Check the methods and their settings too; raises `SettingsError` naming each wrong key."""
    return _form(params.model_dump())


def filled(params: Params) -> CurateParams:
    """Take what was left out from params.yaml, and check the whole; raises `SettingsError`."""
    given = params.model_dump(exclude_unset=True)
    values = load_params(Paths().params).model_dump()
    for name, value in given.items():
        is_block = isinstance(values[name], dict)
        values[name] = {**values[name], **value} if is_block else value
    return _form(values)


def _form(values: dict[str, Any]) -> CurateParams:
    try:
        form = CurateParams.model_validate(values)
    except ValidationError as error:
        raise settings_error(error, "the settings of this run") from None
    check_methods(form)
    return form
