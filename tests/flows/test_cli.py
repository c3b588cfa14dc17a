"""The command as a person meets it: a process of its own."""

import subprocess
import sys
from pathlib import Path

import pytest

from schemas.params import Params

ROOT = Path(__file__).resolve().parents[2]
LISTING = (
    "import sys; from flows.cli import app\ntry:\n    app({})\nfinally:\n    print(*sys.modules)"
)


def winnow(*arguments: str, folder: Path = ROOT) -> subprocess.CompletedProcess:
    code = f"import sys; sys.path.insert(0, {str(ROOT)!r}); from flows.cli import main; main()"
    return subprocess.run(
        [sys.executable, "-c", code, *arguments], cwd=folder, capture_output=True, text=True
    )


def test_help_imports_none_of_the_heavy_libraries():
    listed = subprocess.run(
        [sys.executable, "-c", LISTING.format(["--help"])],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    loaded = {name.partition(".")[0] for name in listed.stdout.splitlines()[-1].split()}
    assert "flows" in loaded
    heavy = {"torch", "prefect", "polars", "dvc", "numpy", "pydantic", "yaml", "pyarrow", "rich"}
    assert not heavy & loaded


@pytest.mark.parametrize(
    "command",
    [
        "run",
        "serve",
        "deploy",
        "why",
        "search",
        "verify",
        "doctor",
        "runs",
        "checkout",
        "init-remote",
        "push",
        "lineage",
        "export",
    ],
)
def test_every_command_is_listed_and_has_help(command):
    assert f"\n  {command} " in winnow("--help").stdout
    told = winnow(command, "--help")
    assert told.returncode == 0
    assert "Usage:" in told.stdout


def test_the_help_of_run_names_every_key_of_the_settings():
    told = winnow("run", "--help").stdout
    for name, field in Params.model_fields.items():
        inner = getattr(field.annotation, "model_fields", None)
        for key in inner or [""]:
            assert f" {name}.{key}".rstrip(".") + " " in told


@pytest.mark.parametrize(
    ("arguments", "status", "words"),
    [
        (["run", "--set", "choose.budjet=3"], 2, "choose.budget"),
        (["run", "--set", "choose.diversity_weight=2"], 2, "less than or equal to 1"),
        (["run", "--set", "choose.selector=facility_locatoin"], 2, "'facility_location'"),
        (["serve", "--host", "0.0.0.0"], 2, "PREFECT_SERVER_API_AUTH_STRING_FILE"),
        (["serve", "--host", "example.org"], 2, "loopback"),
        (["checkout", "no-such-run"], 2, "no run is called 'no-such-run'"),
        (["init-remote", "s3://key:secret@bucket"], 2, "holds credentials"),
        (["nonsense"], 2, "nonsense"),
        (["search", "text", "--k", "0"], 2, "--k"),
    ],
)
def test_wrong_use_ends_with_status_2_and_says_what_is_right(arguments, status, words):
    before = (ROOT / "params.yaml").read_bytes()
    told = winnow(*arguments)
    assert told.returncode == status
    assert words in told.stderr
    assert "Traceback" not in told.stderr
    assert told.stdout == ""
    assert (ROOT / "params.yaml").read_bytes() == before


@pytest.mark.parametrize(
    ("arguments", "status", "words"),
    [
        (["run"], 2, "no params.yaml here"),
        (["why", "x"], 1, "no run has finished here"),
    ],
)
def test_outside_a_checkout_the_remedy_is_named(arguments, status, words, tmp_path):
    told = winnow(*arguments, folder=tmp_path)
    assert (told.returncode, told.stdout) == (status, "")
    assert words in told.stderr
    assert "Traceback" not in told.stderr


@pytest.mark.parametrize("arguments", [["why", "long"], ["--help"]])
def test_a_reader_that_has_seen_enough_is_no_problem(arguments, tmp_path):
    code = "import flows.start as start, flows.reasons as reasons; "
    code += "reasons.tell = lambda row, as_json: 'a line\\n' * 100_000; start.main()"
    reader = subprocess.Popen(["true"], stdin=subprocess.PIPE)
    reader.wait()
    told = subprocess.run(
        [sys.executable, "-c", code, *arguments],
        cwd=ROOT, stdout=reader.stdin, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert told.stderr == ""
    assert told.returncode in (1, 141)
