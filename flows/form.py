"""The settings as the Prefect form shows them: as in schemas/params.py, methods as choices.

`winnow run --set` and the form go through this one model, so both refuse the same values.
"""

from typing import TYPE_CHECKING, Any, Literal

from pydantic import ValidationError, create_model

from schemas.params import ChooseParams, Params
from tasks.methods import check_methods
from tasks.selectors import SELECTORS
from tasks.stage import settings_error


def _choose_form() -> type[ChooseParams]:
    """ChooseParams, with `selector` narrowed to the registered names."""
    field = ChooseParams.model_fields["selector"]
    names: Any = Literal[tuple(SELECTORS)]
    return create_model(
        "ChooseParams",
        __base__=ChooseParams,
        __module__=__name__,
        __doc__=ChooseParams.__doc__,
        selector=(names, field),
    )


if TYPE_CHECKING:
    ChooseForm = ChooseParams
else:
    ChooseForm = _choose_form()


class CurateParams(Params):
    """Every setting of a curation run; one left out takes its default, not params.yaml's value."""

    choose: ChooseForm = ChooseForm()


def checked(params: Params) -> CurateParams:
    """Check the methods and their settings too; raises `SettingsError` naming each wrong key."""
    try:
        form = CurateParams.model_validate(params.model_dump())
    except ValidationError as error:
        raise settings_error(error, "the settings of this run") from None
    check_methods(form)
    return form
