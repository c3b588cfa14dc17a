"""The settings as the Prefect form shows them: as in schemas/params.py, methods as choices.

`winnow run --set` and the form go through this one model, so both refuse the same values. What only
a validator knows (a budget's words, a method's own settings) is added to the form's JSON schema, so
that the Prefect API refuses a wrong value before a run is made.
"""

from typing import TYPE_CHECKING, Any, Final, Literal

from pydantic import ConfigDict, TypeAdapter, ValidationError, create_model

from schemas.params import ChooseParams, IngestParams, Params, ScoreParams
from tasks.methods import check_methods
from tasks.scorers import SCORERS
from tasks.selectors import SELECTORS
from tasks.stage import Paths, load_params, settings_error

_WHOLE: Final = r"0*[1-9]\d{0,15}"
PATTERNS: Final = {  # what a validator accepts, as far as an expression can say it
    "budget": rf"^\s*({_WHOLE}|{_WHOLE}(\.0+)?\s*(rows?|tokens?)"
    r"|(?!0+(\.0+)?\s*%)0*(100(\.0+)?|\d{1,2}(\.\d+)?)\s*%|0+\.0*[1-9]\d*|0*1\.0+)\s*$",
    "template": r"^(?=[\s\S]*\{instruction\})(?=[\s\S]*\{output\})",
    "group_by": r"\S",
}


def _refined(model: type, schema: dict[str, Any] | None = None, **fields: dict[str, Any]) -> Any:
    """A block with more in its JSON schema: keys for some fields, and some for the block."""
    refined: dict[str, Any] = {}
    for name, more in fields.items():
        field = model.model_fields[name]  # type: ignore[attr-defined]
        kind = more.pop("kind", field.annotation)
        refined[name] = (kind, field.merge_field_infos(field, json_schema_extra=more))
    made: Any = create_model(
        model.__name__, __base__=model, __module__=__name__, __doc__=model.__doc__, **refined
    )
    made.model_config = made.model_config | ConfigDict(json_schema_extra=schema or {})
    made.model_rebuild(force=True)
    return made


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


def _choose_form() -> type[ChooseParams]:
    names: Any = Literal[tuple(SELECTORS)]
    form: type[ChooseParams] = _refined(
        ChooseParams,
        {"allOf": _own_settings()},
        selector={"kind": names},
        budget={"pattern": PATTERNS["budget"]},
        group_by={"pattern": PATTERNS["group_by"]},
    )
    return form


def _score_form() -> type[ScoreParams]:
    columns = sorted(name for scorer in SCORERS.values() for name in scorer.columns)
    keys = {"propertyNames": {"enum": columns}}
    form: type[ScoreParams] = _refined(ScoreParams, quality_weights=keys)
    return form


if TYPE_CHECKING:
    ChooseForm = ChooseParams
    ScoreForm = ScoreParams
    IngestForm = IngestParams
else:
    ChooseForm, ScoreForm = _choose_form(), _score_form()
    IngestForm = _refined(IngestParams, template={"pattern": PATTERNS["template"]})


class CurateParams(Params):
    """Every setting of a curation run; one left out takes its value from params.yaml."""

    ingest: IngestForm = IngestForm()
    score: ScoreForm = ScoreForm()
    choose: ChooseForm = ChooseForm()


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
