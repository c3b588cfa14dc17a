"""params.yaml: read overrides from the command line, write every field with what it means."""

import difflib
import textwrap
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, Literal, get_args, get_origin

import yaml
from pydantic import BaseModel, ValidationError
from pydantic.fields import FieldInfo

from schemas.errors import SettingsError
from schemas.params import Params
from tasks.stage import settings_error
from tasks.storage.rows import write_text

HEADER = """\
# Settings of a run: one block per stage; `winnow run --set KEY=VALUE` changes one key.
# Written whole by every run, so edits to values stay and other comments do not.
"""
BOUNDS = {"ge": ">=", "gt": ">", "le": "<=", "lt": "<"}


def known_keys(
    model: type[BaseModel] = Params, prefix: str = ""
) -> Iterator[tuple[str, FieldInfo]]:
    """Yield (dotted key, field) of every setting, in the order of the model."""
    for name, field in model.model_fields.items():
        if is_block(field):
            yield from known_keys(field.annotation, f"{prefix}{name}.")  # type: ignore[arg-type]
        else:
            yield f"{prefix}{name}", field


def apply_overrides(params: Params, overrides: Iterable[str]) -> Params:
    """Return `params` with `KEY=VALUE` texts applied in order; raises `SettingsError`.

    A key is dotted (`choose.budget`) and may go into a mapping (`choose.group_caps.web`). A value
    is YAML; for a text key it is taken as it stands, for a list key a bare text is its one element.
    """
    fields = dict(known_keys())
    values = params.model_dump()
    for override in overrides:
        key, equals, text = override.partition("=")
        if not equals:
            raise SettingsError(f"--set {override!r} has no value", expected="KEY=VALUE")
        name, inner = _find(key.strip(), fields)
        _put(values, name, inner, _parse(text.strip(), name, inner, fields[name]))
    try:
        return type(params).model_validate(values)
    except ValidationError as error:
        raise settings_error(error, "--set") from None


def dump(params: Params) -> str:
    """Render params.yaml: every field, its meaning and bounds above it; equal in, equal out."""
    lines = [HEADER.rstrip()]
    for name, field in Params.model_fields.items():
        value = getattr(params, name)
        lines.append("")
        if not is_block(field):
            lines += [*_comment(describe(field), ""), f"{name}: {_scalar(value)}"]
            continue
        lines += [*_comment(field.annotation.__doc__ or "", ""), f"{name}:"]  # type: ignore[union-attr]
        for key, inner in field.annotation.model_fields.items():  # type: ignore[union-attr]
            lines += [*_comment(describe(inner), "  "), f"  {key}: {_scalar(getattr(value, key))}"]
    return "\n".join(lines) + "\n"


def save(params: Params, path: Path) -> bool:
    """Write params.yaml, whole or not at all; an equal file is left alone and gives False."""
    text = dump(params)
    if path.exists() and path.read_text(encoding="utf-8") == text:
        return False
    write_text(path, text)
    return True


def describe(field: FieldInfo) -> str:
    """Describe a setting in one line: its description, its choices, its bounds."""
    limits = []
    if get_origin(field.annotation) is Literal:
        limits.append(" | ".join(str(choice) for choice in get_args(field.annotation)))
    for limit in field.metadata:
        limits += [
            f"{sign} {value}"
            for name, sign in BOUNDS.items()
            if (value := getattr(limit, name, None)) is not None
        ]
        if getattr(limit, "min_length", None):
            limits.append("not empty")
    text = field.description or ""
    return f"{text} [{', '.join(limits)}]" if limits else text


def is_block(field: FieldInfo) -> bool:
    """Whether a field is a block of settings."""
    return isinstance(field.annotation, type) and issubclass(field.annotation, BaseModel)


def _find(key: str, fields: dict[str, FieldInfo]) -> tuple[str, str]:
    """Split a key into a known setting and, where that is a mapping, the key inside it."""
    if key in fields:
        return key, ""
    for name, field in fields.items():
        if key.startswith(f"{name}.") and get_origin(field.annotation) is dict:
            return name, key.removeprefix(f"{name}.")
    inside = [name for name in fields if name.startswith(f"{key}.")]
    if inside:
        raise SettingsError(
            f"{key!r} is a block of settings", expected="one of its keys: " + ", ".join(inside)
        )
    raise SettingsError(
        f"no setting is called {key!r}",
        expected="for instance " + ", ".join(_near(key, list(fields))),
        remedy="`winnow run --help` lists every key",
    )


def _near(key: str, names: list[str]) -> list[str]:
    """Known keys nearest to a wrong one, by whole name or by its last part."""
    lasts = {name.rpartition(".")[2]: name for name in reversed(names)}
    close = difflib.get_close_matches(key, names, n=3, cutoff=0.6)
    last = difflib.get_close_matches(key.rpartition(".")[2], list(lasts), n=3, cutoff=0.6)
    found = list(dict.fromkeys([*(lasts[name] for name in last), *close]))
    return found[:4] or names[:4]


def _put(values: dict[str, Any], name: str, inner: str, value: Any) -> None:
    *blocks, last = name.split(".")
    for block in blocks:
        values = values[block]
    if inner:
        values[last] = {**values[last], inner: value}
    else:
        values[last] = value


def _parse(text: str, name: str, inner: str, field: FieldInfo) -> Any:
    kind, origin = field.annotation, get_origin(field.annotation)
    try:
        if kind is str or origin is Literal:
            return _text(text)
        if origin is list:
            if not text.startswith("["):
                return [_text(text)]
            return yaml.load(text, Loader=yaml.BaseLoader)  # noqa: S506  # gives texts only
        return yaml.safe_load(text)
    except yaml.YAMLError as error:
        where = f"{name}.{inner}" if inner else name
        reason = " ".join(str(error).split())
        raise SettingsError(
            f"the value of {where} is not YAML: {reason}",
            where=text,
            remedy="put quotes around a text with signs in it: ['*.jsonl']",
        ) from None


def _text(text: str) -> Any:
    """Take a text as typed: quotes may surround it, `null` is no text."""
    if text[:1] in ("'", '"'):
        return yaml.safe_load(text)
    return None if text in ("null", "~") else text


class _OneLine(yaml.SafeDumper):
    """Writes a text of several lines as one, with escapes."""

    def represent_str(self, data: str) -> yaml.ScalarNode:
        style = '"' if "\n" in data else None
        return self.represent_scalar("tag:yaml.org,2002:str", data, style=style)


_OneLine.add_representer(str, _OneLine.represent_str)


def _scalar(value: Any) -> str:
    """Render a value as YAML on one line, keys sorted."""
    text: str = yaml.dump(
        value, Dumper=_OneLine, default_flow_style=True, width=10**9, allow_unicode=True
    )
    return text.removesuffix("\n").removesuffix("\n...")


def _comment(text: str, indent: str) -> list[str]:
    prefix = f"{indent}# "
    lines = textwrap.wrap(" ".join(text.split()), 100 - len(prefix), break_on_hyphens=False)
    return [prefix + line for line in lines]
