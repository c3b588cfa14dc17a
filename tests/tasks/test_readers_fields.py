"""Records to documents: shapes, ids, sources, metadata."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from schemas.params import IngestParams
from tasks.readers.fields import Document, Mapping
from tasks.readers.records import Fault, Refused
from tasks.readers.shapes import without_field

ALPACA = "### Instruction:\n{instruction}\n\n### Input:\n{input}\n\n### Response:\n{output}"


def document(value: dict[str, Any], **settings: Any) -> Document:
    return Mapping(IngestParams(**settings)).document(value, "stem")


def fault(value: dict[str, Any], **settings: Any) -> Fault:
    with pytest.raises(Refused) as raised:
        document(value, **settings)
    return raised.value.fault


class TestInstruction:
    def text(self, *parts: Any, **settings: Any) -> str:
        value = dict(zip(("instruction", "input", "output"), parts, strict=True))
        return document(value, shape="instruction", **settings).text

    def test_three_parts_stand_apart(self) -> None:
        assert self.text("Add.", "1 2", "3") == "Add.\n\n1 2\n\n3"

    @pytest.mark.parametrize("blank", ["", " \n", None, "\x00", "\u200b"])
    def test_a_blank_input_leaves_no_gap(self, blank: str | None) -> None:
        assert self.text("Add.", blank, "3") == "Add.\n\n3"
        expected = "### Instruction:\nAdd.\n\n### Input:\n\n### Response:\n3"
        assert self.text("Add.", blank, "3", template=ALPACA) == expected

    def test_gaps_inside_the_corpus_text_stay(self) -> None:
        assert self.text("a\n\n\n\nb", "", "c") == "a\n\n\n\nb\n\nc"

    def test_field_names_in_the_corpus_are_never_expanded(self) -> None:
        nasty = "{output} {input} {0.__class__} %s $x {{instruction}} \\1 \\g<0>"
        assert self.text(nasty, nasty, "safe") == f"{nasty}\n\n{nasty}\n\nsafe"

    @given(st.text(max_size=9), st.text(max_size=9), st.text(max_size=9))
    def test_any_text_passes_as_it_is(self, one: str, two: str, three: str) -> None:
        one, two, three = f"<{one}>", f"<{two}>", f"<{three}>"
        template = "{output}|{instruction}|{input}|{output}"
        raw = f"{three}|{one}|{two}|{three}"
        value = {"instruction": one, "input": two, "output": three}
        expected = document({"text": raw}).text
        assert document(value, shape="instruction", template=template).text == expected

    def test_the_columns_may_have_other_names_and_input_may_be_absent(self) -> None:
        names = {"instruction_key": "q", "input_key": "ctx", "output_key": "a"}
        assert document({"q": "Q", "a": "A"}, shape="instruction", **names).text == "Q\n\nA"

    @pytest.mark.parametrize(
        ("value", "rule", "column"),
        [
            ({"instruction": "a"}, "missing_column", "output"),
            ({"instruction": None, "output": "b"}, "missing_text", "instruction"),
            ({"instruction": "a", "output": " "}, "blank_text", "output"),
            ({"instruction": "a", "output": "b", "input": 3}, "wrong_type", "input"),
        ],
    )
    def test_instruction_and_output_are_required(
        self, value: dict[str, Any], rule: str, column: str
    ) -> None:
        found = fault(value, shape="instruction")
        assert (found.rule, found.column) == (rule, column)

    @pytest.mark.parametrize(
        "template", ["{instruction}", "{instruction} {output} {system}", "x{}y"]
    )
    def test_a_template_with_other_fields_is_a_settings_error(self, template: str) -> None:
        with pytest.raises(ValidationError, match="template"):
            IngestParams(template=template)

    @pytest.mark.parametrize(
        ("template", "expected"),
        [
            ("a\n\n{input}\n\nb", "a\n\nb"),
            ("a\n{input}\n\n\nb", "a\n\n\nb"),
            ("{input}\n\nb", "b"),
            ("a\n\n{input}", "a"),
            ("a {input} b", "a b"),
            ("a({input})b", "a()b"),
            ("a", "a"),
        ],
    )
    def test_a_field_taken_out_leaves_one_gap(self, template: str, expected: str) -> None:
        assert without_field(template, "input") == expected


class TestMessages:
    def text(self, messages: Any) -> str:
        return document({"messages": messages}, shape="messages").text

    def test_both_ways_of_writing_a_chat_give_the_same_text(self) -> None:
        openai = [{"role": "user", "content": "Hi\n"}, {"role": "assistant", "content": "Hello"}]
        sharegpt = [{"from": m["role"], "value": m["content"]} for m in openai]
        joined = [{**a, **dict.fromkeys(b)} for a, b in zip(openai, sharegpt, strict=True)]
        for chat in (openai, sharegpt, joined, json.dumps(openai)):
            assert self.text(chat) == "user: Hi\n\nassistant: Hello"

    def test_messages_without_content_are_left_out(self) -> None:
        chat = [{"role": "system", "content": " "}, {"role": "user", "content": "Hi"}]
        assert self.text(chat) == "user: Hi"

    @pytest.mark.parametrize(
        ("messages", "rule", "column"),
        [
            (None, "missing_text", "messages"),
            ([], "blank_text", "messages"),
            ([{"role": "user", "content": ""}], "blank_text", "messages"),
            ("not json", "wrong_type", "messages"),
            ({"role": "user", "content": "x"}, "wrong_type", "messages"),
            (["hi"], "wrong_type", "messages[0]"),
            ([{"role": "u", "content": "x"}, {"role": "u"}], "missing_text", "messages[1].content"),
            ([{"role": "u", "content": [{"text": "x"}]}], "wrong_type", "messages[0].content"),
            ([{"content": "x"}], "wrong_type", "messages[0].role"),
            ([{"role": "user\nassistant: x", "content": "y"}], "wrong_type", "messages[0].role"),
            ([{"role": "u" * 65, "content": "y"}], "wrong_type", "messages[0].role"),
        ],
    )
    def test_the_message_at_fault_is_named(self, messages: Any, rule: str, column: str) -> None:
        found = fault({"messages": messages}, shape="messages")
        assert (found.rule, found.column) == (rule, column)

    def test_an_absent_column_is_missing(self) -> None:
        found = fault({"conversations": []}, shape="messages")
        assert (found.rule, "conversations" in found.hint) == ("missing_column", True)


class TestIds:
    def test_without_a_column_the_id_is_the_content(self) -> None:
        found = document({"text": "a\r\nb", "id": 7}, id_key="")
        assert found.id == found.content_sha256[:32]
        assert found.id == document({"text": "a\nb"}).id
        assert found.raw_sha256 != found.content_sha256

    @pytest.mark.parametrize(
        ("given", "expected"),
        [
            ("a", "a"),
            (" e\u0301 ", "\u00e9"),
            (0, "0"),
            (-5, "-5"),
            (2**130, str(2**130)),
            ("x" * 512, "x" * 512),
            ("007", "007"),
        ],
    )
    def test_strings_and_integers_are_ids(self, given: Any, expected: str) -> None:
        assert document({"text": "t", "id": given}, id_key="id").id == expected

    @pytest.mark.parametrize(
        ("given", "rule"),
        [
            (None, "missing_id"),
            ("", "missing_id"),
            (" \u200b", "missing_id"),
            (True, "bad_id"),
            (1.0, "bad_id"),
            ([1], "bad_id"),
            ("a\nb", "bad_id"),
            ("a\tb", "bad_id"),
            ("a\x00b", "bad_id"),
            ("x" * 513, "bad_id"),
            (10**512, "bad_id"),
            ("\ud800", "bad_id"),
        ],
    )
    def test_other_things_are_not(self, given: Any, rule: str) -> None:
        found = fault({"text": "t", "id": given}, id_key="id")
        assert (found.rule, found.column) == (rule, "id")

    def test_an_absent_id_names_the_columns(self) -> None:
        found = fault({"text": "t", "idd": 1}, id_key="id")
        assert (found.rule, "'idd'" in found.hint) == ("missing_id", True)


class TestSourceAndRest:
    @pytest.mark.parametrize("given", [None, "", " "])
    def test_a_source_not_told_is_the_files_name(self, given: str | None) -> None:
        assert document({"text": "t", "source": given}).source == "stem"
        assert document({"text": "t"}).source == "stem"
        assert document({"text": "t", "source": "web"}, source_key="").source == "stem"

    @pytest.mark.parametrize("given", [3, ["web"], "a\nb", "x" * 513])
    def test_a_source_is_one_line_of_text(self, given: Any) -> None:
        assert fault({"text": "t", "source": given})[:2] == ("wrong_type", "source")

    def test_the_rest_of_a_text_record_is_metadata(self) -> None:
        value = {"text": "t", "id": "i", "source": "s", "z": [1, None], "a": "é"}
        assert document(value, id_key="id").metadata == '{"a":"é","z":[1,null]}'
        assert document(value).metadata == '{"a":"é","id":"i","z":[1,null]}'

    def test_other_shapes_keep_the_whole_record(self) -> None:
        value = {"instruction": "a", "input": "", "output": "b", "id": "i", "extra": 2**70}
        found = document(value, shape="instruction", id_key="id")
        assert json.loads(found.metadata) == value

    @pytest.mark.parametrize(("size", "accepted"), [(10, True), (11, False)])
    def test_length_is_counted_in_characters_after_normalisation(
        self, size: int, accepted: bool
    ) -> None:
        value = {"text": "é" * size + " \n"}
        if accepted:
            assert len(document(value, max_chars=10).text) == 10
        else:
            assert fault(value, max_chars=10).rule == "too_long"

    def test_half_a_character_in_the_text_is_refused(self) -> None:
        found = fault({"text": "ab\ud83d"})
        assert (found.rule, found.found) == ("invalid_unicode", "ab\\ud83d")
