"""The house's rules (design D9): who may import whom, and that stages, settings and DVC agree.

Every finding names file, line and rule.
"""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from flows.versions import stage_version
from schemas.params import Params
from tasks import PIPELINE

ROOT = Path(__file__).resolve().parent.parent
METHODS = ("tasks/scorers/", "tasks/selectors/", "tasks/metrics/")
FLOORS = {"schemas": ("tasks", "flows"), "tasks": ("flows",)}  # floor -> what lies above it
ONLY_IN = {  # library -> the only places that may import it
    "prefect": ("flows/",),
    "dvc": ("flows/repro/",),
    "lancedb": ("tasks/storage/vectors/",),
    "lance": ("tasks/storage/vectors/",),
    "torch": (
        "tasks/encoders/",
        "tasks/engine/products.py",
        "tasks/proving/consumers/small_transformer.py",
    ),
    "sentence_transformers": ("tasks/encoders/",),
}
NO_METHOD_IMPORTS = ("tasks.storage", "tasks.stage", "tasks.readers", "pathlib", "io", "os")


def imported(path: str, tree: ast.AST) -> Iterator[tuple[int, str]]:
    """Yield (line, module) of every import, in functions too, relative ones made absolute."""
    package = path.removesuffix(".py").split("/")[:-1]
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            above = package[: len(package) - node.level + 1] if node.level else []
            base = ".".join([*above, *([node.module] if node.module else [])])
            yield from ((node.lineno, f"{base}.{alias.name}") for alias in node.names)
        elif isinstance(node, ast.Call) and _name(node.func) in ("import_module", "__import__"):
            yield from ((node.lineno, str(arg.value)) for arg in node.args[:1] if _is_text(arg))


def dvc_commands(tree: ast.AST) -> Iterator[int]:
    """Yield the lines that spell a DVC command: `[..., "dvc", ...]` or `run("dvc ...")`."""
    for node in ast.walk(tree):
        if isinstance(node, ast.List | ast.Tuple):
            if any(isinstance(part, ast.Constant) and part.value == "dvc" for part in node.elts):
                yield node.lineno
        elif isinstance(node, ast.Call) and _name(node.func) in (
            "run", "Popen", "call", "check_call", "check_output", "system", "getoutput",
        ):  # fmt: skip
            first = node.args[0] if node.args else None
            if isinstance(first, ast.Constant) and str(first.value).split()[:1] == ["dvc"]:
                yield node.lineno


def _name(function: ast.expr) -> str:
    return getattr(function, "attr", getattr(function, "id", ""))


def _is_text(node: ast.expr) -> bool:
    return isinstance(node, ast.Constant) and isinstance(node.value, str)


def violations(path: str, source: str) -> list[str]:
    """Every broken rule of one file, as `path:line: rule`."""
    tree = ast.parse(source)
    found = []
    for line, module in imported(path, tree):
        top = module.split(".")[0]
        if top in FLOORS.get(path.split("/")[0], ()):
            found.append(f"{path}:{line}: {path.split('/')[0]} may not import {module} from above")
        if not path.startswith(ONLY_IN.get(top, "")):
            found.append(f"{path}:{line}: {top} belongs in {' '.join(ONLY_IN[top])} only")
        inside = [f"{name}." for name in NO_METHOD_IMPORTS]
        if path.startswith(METHODS) and f"{module}.".startswith(tuple(inside)):
            found.append(f"{path}:{line}: a method sees arrays, not {module}")
    if not path.startswith(ONLY_IN["dvc"]):
        found += [
            f"{path}:{line}: dvc belongs in {' '.join(ONLY_IN['dvc'])} only"
            for line in dvc_commands(tree)
        ]
    return found


def sources() -> list[Path]:
    return [
        file for floor in ("schemas", "tasks", "flows") for file in (ROOT / floor).rglob("*.py")
    ]


def test_no_file_breaks_the_rules_of_the_layers():
    found = [
        violation
        for file in sources()
        for violation in violations(
            file.relative_to(ROOT).as_posix(), file.read_text(encoding="utf-8")
        )
    ]
    assert not found, "\n" + "\n".join(found)


@pytest.mark.parametrize(
    ("path", "source", "line"),
    [
        ("schemas/params.py", "import json\nimport tasks.stage", 2),
        ("schemas/params.py", "def f():\n    from flows import cli", 2),
        ("tasks/embed.py", "from flows.repro import is_unchanged", 1),
        ("tasks/embed.py", "\n\nimport prefect", 3),
        ("tasks/stage.py", "def f():\n    from dvc.repo import Repo", 2),
        ("flows/curate.py", "import dvc.api", 1),
        ("flows/reproduce.py", "from dvc.repo import Repo", 1),
        ("flows/curate.py", "import subprocess\nsubprocess.run(['dvc', 'repro'])", 2),
        ("flows/curate.py", "import os\nos.system('dvc repro')", 2),
        ("flows/verify.py", "import sys\ncommand = (sys.executable, '-m', 'dvc')", 2),
        ("tasks/search.py", "import lancedb", 1),
        ("tasks/storage/rows.py", "from lance import dataset", 1),
        ("tasks/embed.py", "import importlib\nimportlib.import_module('torch')", 2),
        ("tasks/score.py", "from sentence_transformers import SentenceTransformer", 1),
        ("tasks/selectors/uniform.py", "from pathlib import Path", 1),
        ("tasks/selectors/uniform.py", "from tasks.storage.rows import read_rows", 1),
        ("tasks/selectors/uniform.py", "from tasks import storage", 1),
        ("tasks/scorers/rules.py", "from ..stage import Paths", 1),
        ("tasks/metrics/vendi.py", "import io", 1),
    ],
)
def test_the_checker_names_file_and_line_of_each_kind_of_offence(path, source, line):
    (found,) = violations(path, source)
    assert found.startswith(f"{path}:{line}: ")


@pytest.mark.parametrize(
    ("path", "source"),
    [
        ("flows/repro/__init__.py", "from dvc.repo import Repo\nimport subprocess\nx = ['dvc']"),
        ("flows/curate.py", "import prefect\nfrom tasks import PIPELINE\nimport schemas.params"),
        ("tasks/embed.py", "from schemas.params import Params\nfrom tasks.storage import rows"),
        ("tasks/encoders/sentence.py", "import torch"),
        ("tasks/selectors/uniform.py", "import numpy as np\nfrom tasks.engine.pool import Pool"),
        ("tasks/selectors/uniform.py", "import operator, iolib"),
    ],
)
def test_the_checker_lets_what_is_allowed_pass(path, source):
    assert violations(path, source) == []


def _pipeline() -> dict:
    return yaml.safe_load((ROOT / "dvc.yaml").read_text(encoding="utf-8"))["stages"]


def _stage_modules() -> set[str]:
    """Modules in tasks/ that start as a stage: they call `run_stage`."""
    return {
        file.stem
        for file in (ROOT / "tasks").glob("*.py")
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8")))
        if isinstance(node, ast.Call) and _name(node.func) == "run_stage"
    }


def test_stages_of_dvc_modules_and_blocks_of_the_settings_are_the_same_in_the_same_order():
    assert tuple(_pipeline()) == PIPELINE
    assert _stage_modules() == set(PIPELINE)
    blocks = [name for name in Params.model_fields if name not in ("seed", "store")]
    assert tuple(blocks) == PIPELINE[1:], "sources has no block: its setting is ingest.sources"


@pytest.mark.parametrize("stage", PIPELINE)
def test_dvc_runs_a_stage_as_its_module_and_watches_its_version(stage):
    entry = _pipeline()[stage]
    assert entry["cmd"] == f"python -m tasks.{stage}"
    assert {f"tasks/{stage}.py": ["VERSION"]} in entry["params"]
    assert stage_version(stage, ROOT / "tasks").count(".") == 2


@pytest.mark.parametrize("stage", PIPELINE)
def test_a_stage_reads_only_what_earlier_stages_write(stage):
    stages = _pipeline()
    earlier = PIPELINE[: PIPELINE.index(stage)]
    written = {
        next(iter(out))
        for name in earlier
        for out in [*stages[name].get("outs", []), *stages[name].get("metrics", [])]
    }
    reads = {dep for dep in stages[stage].get("deps", []) if dep.startswith("artifacts/")}
    assert reads <= written
