"""From a record to a document: text by shape, id, source, and everything else as metadata."""

import unicodedata
from collections.abc import Callable
from typing import Any, Final, NamedTuple

from schemas.params import IngestParams
from tasks.readers.canonical import canonical
from tasks.readers.normalise import has_control, has_surrogate, is_blank, normalise
from tasks.readers.records import Fault, Refused, digest, missing_column, visible
from tasks.readers.shapes import render_instruction, render_messages, required_text

LABEL_CHARS: Final = 512
_KINDS: Final = {bool: "a boolean", int: "an integer", float: "a number", str: "a string"}


class Document(NamedTuple):
    """An accepted record; see `schemas.tables.Documents`."""

    id: str
    text: str
    source: str
    metadata: str
    content_sha256: str
    raw_sha256: str


class Mapping:
    """How the fields of a record become a document, as the settings say."""

    def __init__(self, params: IngestParams):
        self.params = params
        self._render: Callable[[dict[str, Any]], str] = {
            "text": lambda value: required_text(value, params.text_key, "text_key"),
            "instruction": render_instruction(params),
            "messages": lambda value: render_messages(value, params.messages_key),
        }[params.shape]
        self._column = {"text": params.text_key, "messages": params.messages_key}.get(
            params.shape, params.instruction_key
        )
        used = (params.text_key, params.id_key, params.source_key)
        self._left_out = frozenset(used) if params.shape == "text" else frozenset()

    def document(self, value: dict[str, Any], stem: str) -> Document:
        """Map one record; raises `Refused` with the first fault found (text, id, source, rest)."""
        raw = self._render(value)
        encoded = self._encode(raw)
        text = normalise(raw)
        limit = self.params.max_chars
        if len(text) > limit:
            found, hint = f"{len(text):,} characters: {text[:160]}", "raise ingest.max_chars"
            expected = f"at most {limit:,} characters"
            raise Refused(Fault("too_long", self._column, expected, visible(found), hint))
        raw_sha = digest(encoded)
        content_sha = raw_sha if text == raw else digest(text.encode())
        return Document(
            self._id(value) if self.params.id_key else content_sha[:32],
            text,
            self._source(value, stem),
            self._metadata(value),
            content_sha,
            raw_sha,
        )

    def _encode(self, text: str) -> bytes:
        try:
            return text.encode()
        except UnicodeEncodeError as error:
            near = visible(text[max(0, error.start - 40) :])
            hint = "half of a surrogate pair; whatever wrote it cut a character in two"
            fault = Fault("invalid_unicode", self._column, "whole characters", near, hint)
            raise Refused(fault) from None

    def readable_id(self, value: dict[str, Any] | None) -> str:
        """Find the record's own id, or an empty string where it has none that can be read."""
        if not value or not self.params.id_key:
            return ""
        try:
            return self._id(value)
        except Refused:
            return ""

    def _id(self, value: dict[str, Any]) -> str:
        key = self.params.id_key
        expected = f"a string or integer of at most {LABEL_CHARS} characters"
        if key not in value:
            hint = missing_column(key, tuple(value), "id_key")
            raise Refused(Fault("missing_id", key, expected, "no such field", hint))
        found = value[key]
        if found is None or (isinstance(found, str) and is_blank(found)):
            hint = "give every record an id, or leave ingest.id_key empty (ids from content)"
            raise Refused(Fault("missing_id", key, expected, visible(found), hint))
        if type(found) is int:
            return self._label(str(found), key)
        if isinstance(found, str):
            return self._label(found, key)
        kind = _KINDS.get(type(found), "neither")
        hint = f"found {kind}; write the id as a string or an integer"
        raise Refused(Fault("bad_id", key, expected, visible(found), hint))

    def _label(self, found: str, key: str) -> str:
        text = unicodedata.normalize("NFC", found.strip())
        problem = ""
        if len(text) > LABEL_CHARS:
            problem = f"it has {len(text):,} characters"
        elif has_control(text):
            problem = "it holds a line end or another control character"
        elif has_surrogate(text):
            problem = "it holds half a character"
        if problem:
            expected = f"one line of at most {LABEL_CHARS} characters"
            raise Refused(Fault("bad_id", key, expected, visible(found), f"{problem}; shorten it"))
        return text

    def _source(self, value: dict[str, Any], stem: str) -> str:
        key = self.params.source_key
        found = value.get(key) if key else None
        if found is None or (isinstance(found, str) and is_blank(found)):
            return stem
        expected = f"a string of one line, at most {LABEL_CHARS} characters"
        hint = "name another column in ingest.source_key, or leave it empty (file names)"
        if not isinstance(found, str):
            raise Refused(Fault("wrong_type", key, expected, visible(found), hint))
        try:
            return self._label(found, key)
        except Refused:
            raise Refused(Fault("wrong_type", key, expected, visible(found), hint)) from None

    def _metadata(self, value: dict[str, Any]) -> str:
        kept = {key: field for key, field in value.items() if key not in self._left_out}
        return canonical(kept).decode()
