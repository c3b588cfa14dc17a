"""Canonical JSON: equal values give equal bytes, whatever file format they came from."""

import base64
import json
from typing import Any

import orjson

from tasks.readers.records import Fault, Refused, visible


def canonical(value: dict[str, Any]) -> bytes:
    """Compact UTF-8 JSON with sorted keys; raises `Refused` where a value has no such form.

    Bytes become Base64, other foreign types their text, NaN and infinities null. Integers of any
    size are kept. More than 254 levels of nesting are refused.
    """
    try:
        return orjson.dumps(value, _as_text, orjson.OPT_SORT_KEYS)
    except TypeError as error:
        return _second_try(value, str(error))


def _second_try(value: dict[str, Any], problem: str) -> bytes:
    """Write integers beyond 64 bits, which orjson cannot; refuse the rest."""
    if "64-bit" in problem:
        try:
            return _write_slowly(value).encode()
        except RecursionError as error:
            problem = str(error)
    if "surrogates" in problem:
        raise Refused(
            Fault(
                "invalid_unicode", "", "whole characters", visible(value), "see the text's writer"
            )
        )
    expected, hint = "at most 254 levels of nesting", "flatten the record"
    raise Refused(Fault("broken_json", "", expected, problem, hint))


def _write_slowly(value: dict[str, Any]) -> str:
    return json.dumps(
        value, default=_as_text, sort_keys=True, separators=(",", ":"), ensure_ascii=False
    )


def _as_text(value: object) -> str:
    if isinstance(value, bytes | bytearray | memoryview):
        return base64.b64encode(value).decode("ascii")
    return str(value)
