"""The README's promises that can be run."""

import importlib.util
import re
import sys
from pathlib import Path

import numpy as np
import typer

from flows.cli import app
from tasks.engine.constraints import Limits
from tests.pools import random_pool

README = Path(__file__).parent.parent / "README.md"


def test_the_selector_of_the_readme_works_as_it_stands(tmp_path):
    (code,) = re.findall(r"```python\n(.*?)```", README.read_text(encoding="utf-8"), re.DOTALL)
    file = tmp_path / "longest.py"
    file.write_text(code, encoding="utf-8")
    spec = importlib.util.spec_from_file_location("longest", file)
    module = importlib.util.module_from_spec(spec)
    sys.modules["longest"] = module  # dataclasses look their module up
    try:
        spec.loader.exec_module(module)
    finally:
        del sys.modules["longest"]
    pool = random_pool(40)
    chosen = module.Longest()(pool, Limits(7), seed=0)
    assert sorted(pool.cost[chosen.indices]) == sorted(np.sort(pool.cost)[-7:])


def test_every_command_of_the_readme_exists():
    named = set(re.findall(r"`winnow ([\w-]+)", README.read_text(encoding="utf-8")))
    known = typer.main.get_command(app).commands
    assert named
    assert named <= set(known), "a function without its decorator is no command"
    targets = set(re.findall(r"`?make (\w[\w-]*)", README.read_text(encoding="utf-8")))
    makefile = (README.parent / "Makefile").read_text(encoding="utf-8")
    assert {"demo", "test"} <= targets
    assert all(f"\n{name}:" in makefile for name in targets), targets
