"""The surface rules of Gopher, C4 and FineWeb, each at its threshold."""

import numpy as np
import pytest

from tasks.scorers import SCORERS
from tasks.scorers.rules import RULES, Rules


def words(count: int, word: str = "word") -> str:
    return " ".join([word] * count)


def lines(count: int, line: str, others: int, other: str) -> str:
    return "\n".join([line] * count + [other] * others)


LONG, SHORT = "x" * 31, "x" * 30
PAIRS = [  # rule, a text that just passes, its value, a text that just fails
    ("gopher_words", words(50), 50, words(49)),
    ("gopher_words", words(100_000), 100_000, words(100_001)),
    ("gopher_mean_word_length", "abc abc", 3, "abc abc ab"),
    ("gopher_mean_word_length", "a" * 10, 10, "a" * 11),
    ("gopher_hashes_per_word", words(9) + " #tag", 0.1, words(8) + " #tag"),
    ("gopher_ellipses_per_word", words(9) + " so...", 0.1, words(8) + " so…"),
    ("gopher_bullet_lines", lines(9, "• a", 1, "a"), 0.9, lines(10, "- a", 1, "a")),
    ("gopher_ellipsis_lines", lines(3, "a...", 7, "a"), 0.3, lines(4, "a…", 9, "a")),
    ("gopher_alphabetic_words", words(8) + " 1 2", 0.8, words(7) + " 1 2"),
    ("gopher_stop_words", "The cat, and", 2, "the The the"),
    ("c4_terminal_lines", "a.\nb", 0.5, "a.\nb\nc"),
    ("c4_terminal_lines", 'he said "so"\nb', 0.5, "he said so,\nb"),
    ("c4_long_lines", "a b c\na b", 0.5, "a b c\na b\na"),
    ("c4_boilerplate_lines", "Java scripts", 0, "Enable JavaScript here"),
    ("c4_boilerplate_lines", "We bake cookies", 0, "Our use of cookies"),
    ("c4_lorem_ipsum", "lorem dolor", 0, "Lorem Ipsum"),
    ("c4_curly_brackets", "(a)}", 0, "{"),
    ("c4_sentences", "A. B! C? D.) E.", 5, "A. B! C? D.5 E."),
    ("fineweb_terminal_lines", lines(3, "a.", 22, "a"), 0.12, lines(3, "a.", 23, "a")),
    ("fineweb_terminal_lines", "これは文です。", 1, "これは文です"),
    ("fineweb_short_lines", lines(67, SHORT, 33, LONG), 0.67, lines(68, SHORT, 33, LONG)),
    ("fineweb_duplicate_line_characters", "x\nx\n" + "y" * 98, 0.01, "x\nx\n" + "y" * 97),
    ("fineweb_newlines_per_word", words(7) + "\na\na\na", 0.3, words(6) + "\na\na\na"),
]


@pytest.mark.parametrize(("rule", "passing", "value", "failing"), PAIRS)
def test_a_rule_passes_at_its_threshold_and_fails_just_beyond(
    rule: str, passing: str, value: float, failing: str
) -> None:
    found = Rules()([passing, failing]).columns
    assert found[f"{rule}_ok"].tolist() == [1.0, 0.0]
    assert found[rule][0] == pytest.approx(value, abs=1e-12)


def test_every_rule_has_a_pair_at_its_threshold() -> None:
    assert {pair[0] for pair in PAIRS} == {rule.name for rule in RULES}


def test_a_text_without_words_or_lines_has_no_shares_and_passes_no_rule_on_them() -> None:
    found = Rules()(["", " \n\n\t"]).columns
    shares = [rule.name for rule in RULES if rule.unit in ("share", "per word", "characters")]
    for name in shares:
        assert np.isnan(found[name]).all(), name
        assert found[f"{name}_ok"].tolist() == [0.0, 0.0], name
    assert found["gopher_words"].tolist() == [0.0, 0.0]


def test_rules_passed_counts_the_flags() -> None:
    text = "The first of the lines.\n# {x} ... 12"
    found = Rules()([text]).columns
    flags = {rule.name: found[f"{rule.name}_ok"][0] for rule in RULES}
    assert [name for name, passed in flags.items() if not passed] == [
        "gopher_words",
        "gopher_hashes_per_word",
        "gopher_ellipses_per_word",
        "gopher_alphabetic_words",
        "c4_curly_brackets",
        "c4_sentences",
        "fineweb_short_lines",
    ]
    assert found["rules_passed"][0] == pytest.approx(1 - 7 / 18)


def test_quantities_of_a_small_text_are_those_counted_by_hand() -> None:
    text = "To be, or not to be: that is it.\n\n* a bullet...\nTo be, or not to be: that is it."
    found = {name: values[0] for name, values in Rules()([text]).columns.items()}
    assert found["gopher_words"] == 21
    assert found["gopher_mean_word_length"] == pytest.approx((24 + 11 + 24) / 21)
    assert found["gopher_stop_words"] == 3  # to, be, that
    assert found["gopher_bullet_lines"] == pytest.approx(1 / 3)
    assert found["c4_sentences"] == 3
    assert found["fineweb_duplicate_line_characters"] == pytest.approx(32 / (32 + 13 + 32))
    assert found["fineweb_newlines_per_word"] == pytest.approx(3 / 21)


def test_a_long_hostile_line_is_measured_in_time_that_grows_with_its_length_only() -> None:
    nasty = ["use of " * 10_000, "." * 50_000, "\n \n" * 20_000 + "a", "(" * 50_000]
    assert len(SCORERS["rules"]()(nasty).columns["rules_passed"]) == 4
