"""Kernels compiled by different processes work together when they come from the cache.

numba names what it makes of np.sort and np.argsort alike, but for a number counted per process: two
cached functions can bring different code under one name, and the first one loaded runs for both
(numba issue 10486). So kernels sort in one way only.
"""

import ast
import os
import subprocess
import sys
from pathlib import Path

import tasks
from tests.tasks.kernels_apart import KERNELS

FOLDER = Path(tasks.__file__).parent


def test_each_compiled_by_a_process_of_its_own_they_are_right_together(tmp_path: Path) -> None:
    for names in (["positions"], ["candidates"], list(KERNELS)):
        command = [sys.executable, "-m", "tests.tasks.kernels_apart", *names]
        environment = {**os.environ, "NUMBA_CACHE_DIR": str(tmp_path)}
        ended = subprocess.run(
            command, cwd=FOLDER.parent, env=environment, capture_output=True, text=True, check=False
        )
        assert ended.returncode == 0, (names, ended.returncode, ended.stderr[-500:])


def test_kernels_sort_in_one_way() -> None:
    found = set()
    for file in FOLDER.rglob("*.py"):
        text = file.read_text(encoding="utf-8")
        if "njit" not in text:
            continue
        calls = [node.func for node in ast.walk(ast.parse(text)) if isinstance(node, ast.Call)]
        found |= {call.attr for call in calls if isinstance(call, ast.Attribute)}
    assert "sort" in found
    assert not found & {"argsort", "lexsort", "partition", "argpartition", "median", "unique"}
