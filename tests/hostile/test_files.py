"""Hostile files are read as far as they go, within bounded memory and time; nothing is lost."""

import pytest

from tests.hostile.child import MOST_MEGABYTES, Child, in_child
from tests.hostile.files import DEAR, GROUPS, File, damaged
from tests.tasks.ingesting import Outcome, conserved, run

SETTINGS = "ingest: {sources: ['*.*'], max_quarantine_share: 1.0}"
DAMAGED = 120


def test_names_are_used_once_and_the_corpus_is_large():
    from tests.hostile.places import PLACES
    from tests.hostile.records import NAMED
    from tests.hostile.test_records import GENERATED

    names = [file.name for files in GROUPS.values() for file in files]
    assert sorted(set(names)) == sorted(names)
    assert len(NAMED) + 2 * GENERATED + len(names) + DAMAGED + len(PLACES) >= 1000
    assert len(NAMED) + len(names) + len(PLACES) >= 300


def rules_by_file(outcome: Outcome) -> dict[str, set[str]]:
    return {
        name: set(outcome.quarantine.filter(source_file=name)["rule"])
        for name in outcome.facts["files"]
    }


def test_files_are_refused_by_their_rules_and_no_others(tmp_path):
    check(tmp_path, [file for files in GROUPS.values() for file in files if file.name not in DEAR])


@pytest.mark.slow
def test_bombs_are_refused_by_their_rules_and_no_others(tmp_path):
    check(tmp_path, [file for files in GROUPS.values() for file in files if file.name in DEAR])


def check(root, files: list[File]) -> None:
    outcome = run(root, {file.name: file.content() for file in files})
    conserved(outcome)
    found = rules_by_file(outcome)
    wrong = {
        file.name: sorted(found[file.name]) for file in files if found[file.name] != file.rules
    }
    assert not wrong
    for file in files:
        counts = outcome.facts["files"][file.name]
        assert counts["records"], file.name
        assert file.rules or counts["accepted"], file.name


@pytest.mark.parametrize("seed", [1])
def test_damaged_files_are_all_accounted_for(tmp_path, seed):
    files = {file.name: file.content() for file in damaged(DAMAGED, seed)}
    outcome = run(tmp_path, {**files, "sound.jsonl": b'{"text":"x"}\n'})
    conserved(outcome)
    assert {"truncated_file", "unreadable_file", "broken_json"} <= set(outcome.rules)


@pytest.mark.slow
@pytest.mark.parametrize("group", GROUPS)
def test_the_command_reads_a_group_within_bounded_memory(tmp_path, group):
    for file in GROUPS[group]:
        (tmp_path / file.name).write_bytes(file.content())
    (tmp_path / "sound.jsonl").write_bytes(b'{"text":"A sound record."}\n')
    said = read_by_command(tmp_path, SETTINGS.replace("*.*", "*.[cjpt]*"))
    assert said.status == 0, said.text


def read_by_command(root, settings: str) -> Child:
    """`python -m tasks.sources`, then `python -m tasks.ingest`; returns the last that ran."""
    (root / "params.yaml").write_text(settings)
    for stage in ("sources", "ingest"):
        said = in_child(root, stage)
        assert said.status in (0, 1, 2), said.text
        assert "Traceback" not in said.text
        assert said.peak_megabytes < MOST_MEGABYTES, (stage, said.peak_megabytes)
        assert all(char.isprintable() or char == "\n" for char in said.text)
        if said.status:
            break
    return said
