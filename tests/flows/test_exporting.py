"""`winnow export` of the workspace, of kept runs from DVC's cache, and of promoted ones."""

import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from typer.testing import CliRunner

from flows.cli import app
from flows.exporting import export
from flows.record import record
from flows.repro import cached
from schemas.errors import SettingsError, WinnowError
from tasks.exports.settings import ExportSettings
from tests.flows.kept_runs import Project, copy_project, make_project
from tests.tasks.exporting import files_of, finished_run

ROWS = [{"id": f"r{i}", "text": f"Text number {i}."} for i in range(6)]
NAMES = ("sources.json", "documents.parquet", "ingest.json", "selection.parquet", "choose.json",
         "validation.json", "comparison.parquet", "measure.json")  # fmt: skip
MAKE = """
import pathlib, shutil, yaml
settings = yaml.safe_load(open("params.yaml"))
shutil.copytree("made/" + settings["word"], "artifacts", dirs_exist_ok=True)
pathlib.Path("artifacts/metrics.json").write_text("{}")
pathlib.Path("artifacts/out.txt").write_text(settings["word"])
"""


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """Artifacts of two runs over the same rows."""
    root = tmp_path_factory.mktemp("made")
    for word, chosen in (("first", ["r4", "r1"]), ("second", ["r2", "r4", "r0"])):
        finished_run(root / word, ROWS, chosen)
    return root


@pytest.fixture(scope="module")
def two_runs(made, tmp_path_factory):
    """A checkout with the kept runs `first` and `second`, the latter in the workspace."""
    with pytest.MonkeyPatch.context() as patch:
        return _two_runs(made, make_project(tmp_path_factory.mktemp("two_runs"), patch))


@pytest.fixture
def project(two_runs, tmp_path, monkeypatch) -> Iterator[Project]:
    """A copy of it; DVC's cache is looked for anew."""
    cached._cache.cache_clear()
    yield copy_project(two_runs, tmp_path / "project", monkeypatch)
    cached._cache.cache_clear()


def _two_runs(made: Path, project: Project) -> Project:
    project.write("tasks/make.py", MAKE)
    outs = ", ".join(f"artifacts/{name}: {{persist: true}}" for name in NAMES)
    lines = project.read("dvc.yaml").replace("[artifacts/out.txt", f"[{outs}, artifacts/out.txt")
    project.write("dvc.yaml", lines.replace(": {persist: true}", ""))
    for word in ("first", "second"):
        artifacts = made / word / "artifacts"
        for name in NAMES:
            target = project.root / "made" / word / name
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(artifacts / name, target)
        project.run(word)
        record(word)
    return project


def exported(run: str | None, target: str, force: bool = False) -> dict:
    return json.loads(export(Path(target), run, ExportSettings(), force, as_json=True))


def test_a_kept_run_comes_from_the_cache_as_it_came_from_the_workspace(project):
    here = exported(None, "out/here")
    assert here["run"] == "second", "what lies here is that run"
    assert here["rows"] == 3
    shutil.rmtree("artifacts")
    again = exported("second", "out/again")
    assert again == {**here, "folder": "out/again"}
    assert files_of(Path("out/here")) == files_of(Path("out/again"))
    first = exported("first", "out/first")
    assert (first["run"], first["rows"]) == ("first", 2)
    assert not Path("artifacts").exists(), "the workspace is left alone"


def test_what_no_kept_run_left_has_no_name(project, made):
    shutil.rmtree("artifacts")
    shutil.copytree(made / "first" / "artifacts", "artifacts")
    found = exported(None, "out")
    assert found["rows"] == 2
    assert found["run"] is None, "dvc.lock is that of `second`, the artifacts are not"
    assert f"Winnow selection-{found['selection_sha256'][:12]}" in Path("out/README.md").read_text()


def test_a_promoted_run_is_found_by_its_name_and_as_the_current_one(project, made):
    Path("promoted").mkdir()
    shutil.copytree(made / "first" / "artifacts", "promoted/quiet-owl")
    Path("promoted/current").symlink_to("quiet-owl")
    for number, name in enumerate(("quiet-owl", "current", "promoted/current")):
        found = exported(name, f"out/{number}")
        assert (found["run"], found["rows"]) == ("quiet-owl", 2)
    assert files_of(Path("out/0")) == files_of(Path("out/2"))


def test_a_promoted_run_without_its_texts_takes_them_from_the_cache(project):
    kept = exported("first", "out/kept")
    commit = _commit(project, "first")
    folder = Path("promoted/first")
    folder.mkdir(parents=True)
    (folder / "dvc.lock").write_text(project.git("show", f"{commit}:dvc.lock"))
    (folder / "promotion.json").write_text(json.dumps({"commit": commit}))
    shutil.copy2("made/first/selection.parquet", folder)
    Path("promoted/current").symlink_to("first")
    shutil.rmtree("artifacts")
    assert exported("current", "out/promoted") == {**kept, "folder": "out/promoted"}
    assert files_of(Path("out/kept")) == files_of(Path("out/promoted"))
    (folder / "dvc.lock").unlink()
    with pytest.raises(WinnowError, match="a selection without its texts"):
        exported("current", "out/none")


def _commit(project: Project, run: str) -> str:
    listed = project.git("for-each-ref", "--format=%(refname) %(objectname)", "refs/exps")
    (found,) = [line.split()[1] for line in listed.splitlines() if f"/{run} " in line]
    return found


def test_a_damaged_object_in_the_cache_is_named(project):
    shutil.rmtree("artifacts")
    for content in Path(".dvc/cache").rglob("*"):
        if content.is_file() and b'"stage": "choose"' in content.read_bytes():
            content.chmod(0o644)
            content.write_bytes(
                content.read_bytes().replace(b"FacilityLocation", b"FacilityL0cation")
            )
    with pytest.raises(WinnowError, match=r"artifacts/choose.json of that run is damaged"):
        exported("second", "out")
    assert not Path("out").exists()


def test_an_unknown_run_and_a_run_without_artifacts_here_or_elsewhere_are_told(project):
    with pytest.raises(
        SettingsError, match="no run is called 'frist'\n  expected: for instance fir"
    ):
        exported("frist", "out")
    shutil.rmtree("artifacts")
    with pytest.raises(WinnowError, match="no run has finished here"):
        exported(None, "out")
    assert not Path("artifacts").exists()
    shutil.rmtree(".dvc/cache")
    with pytest.raises(WinnowError, match="not in the cache here, and there is no remote"):
        exported("second", "out")


def test_words_name_files_rows_and_the_papers(project):
    told = export(Path("out"), None, ExportSettings(), force=False, as_json=False)
    lines = told.splitlines()
    assert lines[1].startswith("3     ")
    assert lines[1].endswith("part-00000-of-00001.parquet")
    assert lines[-1] == (
        "3 rows of second as parquet: out, with a card (README.md), croissant.json, prov.json"
    )


def test_the_command_takes_the_options_and_says_what_is_wrong_with_them(project):
    def winnow(*arguments: str):
        return CliRunner().invoke(app, ["export", *arguments])

    done = winnow("out", "--format", "jsonl", "--compression", "zst", "--shard-rows", "2", "--json")
    assert done.exit_code == 0, done.output
    told = json.loads(done.stdout)
    assert [file["path"] for file in told["files"]] == [
        "part-00000-of-00002.jsonl.zst", "part-00001-of-00002.jsonl.zst"
    ]  # fmt: skip
    assert sum(file["rows"] for file in told["files"]) == told["rows"] == 3
    assert winnow("out", "--format", "csv").exit_code == 2
    assert winnow("out", "--shard-rows", "0").exit_code == 2
    wrong = winnow("other", "--compression", "gz").exception
    assert isinstance(wrong, SettingsError)
    assert "leave the compression out" in str(wrong)
    assert "--force replaces an earlier export" in str(winnow("out").exception)
    assert winnow("out", "--force", "--order", "id", "--license", "mit").exit_code == 0
    assert json.loads(Path("out/croissant.json").read_text())["license"] == ["mit"]
