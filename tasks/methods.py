"""From names and settings to methods: what the settings ask for must exist before anything runs."""

import difflib
from collections.abc import Mapping
from dataclasses import fields
from typing import Any

from schemas.errors import SettingsError
from schemas.params import ChooseParams, Params
from tasks.scorers import COLUMNS, VECTOR_COLUMNS
from tasks.selectors import SELECTORS, Selector


def build(registry: Mapping[str, type], name: str, settings: Mapping[str, Any], where: str) -> Any:
    """Make the method `name` with `settings`; raises `SettingsError` naming what exists."""
    if name not in registry:
        near = difflib.get_close_matches(name, registry, n=1)
        raise SettingsError(
            f"unknown method {name!r}",
            expected=f"one of {', '.join(sorted(registry))}",
            where=where,
            remedy=f"did you mean {near[0]!r}?" if near else "",
        )
    known = [field.name for field in fields(registry[name])]
    unknown = sorted(set(settings) - set(known))
    if unknown:
        raise SettingsError(
            f"{name} has no setting {unknown[0]!r}",
            expected=f"keys among {', '.join(known) or '(none)'}",
            where=f"{where} settings",
        )
    try:
        return registry[name](**settings)
    except TypeError as error:
        raise SettingsError(f"settings of {name} do not fit: {error}", where=where) from None


def selector_of(params: ChooseParams) -> Selector:
    """The selector asked for; `diversity_weight` goes to those that have it."""
    settings = dict(params.settings)
    target = SELECTORS.get(params.selector)
    if target and "diversity_weight" in {field.name for field in fields(target)}:
        settings.setdefault("diversity_weight", params.diversity_weight)
    selector: Selector = build(SELECTORS, params.selector, settings, "choose.selector")
    return selector


def check_methods(params: Params) -> None:
    """Raise `SettingsError` for any method, setting or score column that does not exist."""
    selector_of(params.choose)
    columns = {*COLUMNS, *VECTOR_COLUMNS}
    for name in params.score.quality_weights:
        if name not in columns:
            near = difflib.get_close_matches(name, columns, n=3)
            raise SettingsError(
                f"score.quality_weights names no score column: {name!r}",
                expected=f"one of {', '.join(near or sorted(columns))}",
                where="params.yaml",
            )
