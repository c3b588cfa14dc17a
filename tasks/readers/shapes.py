"""The three shapes of a record: one text, instruction with input and output, chat messages."""

import re
from collections.abc import Callable
from typing import Any, Final

import orjson

from schemas.params import IngestParams
from tasks.readers.normalise import has_control, is_blank
from tasks.readers.records import Fault, Refused, missing_column, visible

_FIELD: Final = re.compile(r"\{(instruction|input|output)\}")
_ROLE_CHARS: Final = 64
_MESSAGE: Final = "{role, content} or {from, value}, both strings"


def required_text(value: dict[str, Any], key: str, setting: str) -> str:
    """Take the string under `key`; raises `Refused` if it is absent, null, blank or no string."""
    text = optional_text(value, key)
    if text is None:
        if key in value:
            hint = "drop the record, or fill the field"
            raise Refused(Fault("missing_text", key, "a text", "null", hint))
        hint = missing_column(key, tuple(value), setting)
        raise Refused(Fault("missing_column", key, "a text", "no such column", hint))
    if is_blank(text):
        hint = "drop the record, or fill the field"
        raise Refused(Fault("blank_text", key, "a text that is not blank", visible(text), hint))
    return text


def optional_text(value: dict[str, Any], key: str) -> str | None:
    """Take the string under `key`, None if absent or null; raises `Refused` for any other type."""
    found = value.get(key)
    if found is None or isinstance(found, str):
        return found
    hint = f"found {type(found).__name__}; convert the column to text"
    raise Refused(Fault("wrong_type", key, "a string", visible(found), hint))


def render_instruction(params: IngestParams) -> Callable[[dict[str, Any]], str]:
    """Fill the template from three columns in one pass, so that no corpus text is ever expanded.

    A blank input leaves no gap: the white space around its place becomes that of one side.
    """
    whole, short = params.template, without_field(params.template, "input")

    def render(value: dict[str, Any]) -> str:
        given = optional_text(value, params.input_key) or ""
        parts = {
            "instruction": required_text(value, params.instruction_key, "instruction_key"),
            "input": given,
            "output": required_text(value, params.output_key, "output_key"),
        }
        template = short if is_blank(given) else whole
        return _FIELD.sub(lambda found: parts[found[1]], template)

    return render


def without_field(template: str, name: str) -> str:
    """Take a field out of a template; of the white space on its two sides the longer run stays."""
    left, *others = template.split("{" + name + "}")
    for right in others:
        before, after = left.rstrip(), right.lstrip()
        gaps = left[len(before) :], right[: len(right) - len(after)]
        gap = max(gaps, key=lambda run: (run.count("\n"), len(run)))
        left = before + (gap if before and after else "") + after
    return left


def render_messages(value: dict[str, Any], key: str) -> str:
    """Write a chat as `role: content`, blank lines between; messages without content are left out.

    The list may be JSON in a string, as CSV has it. Raises `Refused` naming the message at fault.
    """
    if value.get(key) is None:
        return required_text(value, key, "messages_key")
    messages = value[key]
    if isinstance(messages, str):
        messages = _parsed(messages, key)
    if not isinstance(messages, list):
        hint = "name the column of the list in ingest.messages_key"
        raise Refused(Fault("wrong_type", key, "a list of messages", visible(messages), hint))
    said = [_message(message, f"{key}[{place}]") for place, message in enumerate(messages)]
    lines = [f"{role}: {content}" for role, content in said if not is_blank(content)]
    if not lines:
        hint = "drop the record"
        raise Refused(Fault("blank_text", key, "a message with content", visible(messages), hint))
    return "\n\n".join(lines)


def _parsed(text: str, key: str) -> Any:
    try:
        return orjson.loads(text)
    except orjson.JSONDecodeError as error:
        fault = Fault("wrong_type", key, "a JSON list of messages", visible(text), error.msg)
        raise Refused(fault) from None


def _message(message: object, where: str) -> tuple[str, str]:
    if not isinstance(message, dict):
        fault = Fault("wrong_type", where, _MESSAGE, visible(message), "each item is an object")
        raise Refused(fault)
    names = ("role", "content") if message.get("from") is None else ("from", "value")
    role, content = message.get(names[0]), message.get(names[1])
    role_is_label = isinstance(role, str) and 0 < len(role) <= _ROLE_CHARS and not has_control(role)
    if not role_is_label or is_blank(role):  # type: ignore[arg-type]
        hint = f"one line of at most {_ROLE_CHARS} characters"
        raise Refused(Fault("wrong_type", f"{where}.{names[0]}", "a role", visible(role), hint))
    if not isinstance(content, str):
        rule = "missing_text" if content is None else "wrong_type"
        hint = "a message whose content is not text (tool calls, images) is not supported"
        fault = Fault(rule, f"{where}.{names[1]}", "a string", visible(content), hint)
        raise Refused(fault)
    return str(role).strip(), content.strip()
