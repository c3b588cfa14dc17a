"""Every hostile record gets the verdict that stands beside it, and none is lost."""

import random

import pytest

from tests.hostile.records import ACCEPTED, NAMED, Line, generated
from tests.tasks.ingesting import Outcome, conserved, run

GENERATED = 300


@pytest.fixture(scope="module")
def named(tmp_path_factory) -> Outcome:
    """All named lines in one file."""
    content = b"\n".join(line.raw for line in NAMED)
    return run(tmp_path_factory.mktemp("named"), {"named.jsonl": content}, id_key="id")


def test_names_are_used_once():
    names = [line.name for line in NAMED]
    assert sorted(set(names)) == sorted(names)


def test_every_record_is_accounted_for(named):
    conserved(named)
    assert named.facts["records_read"] == len(NAMED)


def test_every_record_has_its_verdict(named):
    verdicts = dict.fromkeys(named.documents["line"], ACCEPTED)
    verdicts |= dict(named.quarantine.select("line", "rule").iter_rows())
    wrong = [
        (line.name, line.verdict, verdicts.get(number))
        for number, line in enumerate(NAMED, start=1)
        if verdicts.get(number) != line.verdict
    ]
    assert not wrong


def test_what_is_told_of_a_refused_record_is_short_and_harmless(named):
    for column in ("id", "column", "expected", "found", "hint"):
        for told in named.quarantine[column]:
            assert len(told) <= 1200, (column, len(told))
            if column != "id":
                assert told.isprintable(), (column, told)


@pytest.mark.parametrize("seed", [1, 2])
def test_generated_records_are_all_accounted_for(tmp_path, seed):
    content = b"\n".join(generated(GENERATED, seed))
    outcome = run(tmp_path, {"generated.jsonl": content}, id_key="id")
    conserved(outcome)
    assert outcome.facts["records_read"] == GENERATED
    assert len(outcome.documents) > GENERATED // 4
    assert len(outcome.quarantine) > GENERATED // 20


def test_the_order_of_hostile_records_decides_nothing(tmp_path, named):
    lines: list[Line] = list(NAMED)
    random.Random(0).shuffle(lines)
    content = b"\n".join(line.raw for line in lines)
    outcome = run(tmp_path, {"named.jsonl": content}, id_key="id")
    for one, two in ((named.documents, outcome.documents), (named.quarantine, outcome.quarantine)):
        assert one.drop("row", "line").equals(two.drop("row", "line"))
