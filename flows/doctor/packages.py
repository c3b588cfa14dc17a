"""Python and the installed packages, against pyproject.toml and constraints.txt."""

import sys
import tomllib
from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Final

from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.version import Version

from flows.doctor.finding import Finding, fail, ok, warn

ROOT: Final = Path(__file__).resolve().parents[2]
MEND: Final = ".venv/bin/uv pip install -c constraints.txt -e '.[test]'"
SHOWN: Final = 5


def check(root: Path = ROOT) -> Iterator[Finding]:
    """Python's version, the bounds of pyproject.toml, the exact versions of constraints.txt."""
    project = tomllib.loads((root / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    yield _python(project["requires-python"])
    yield _bounds([Requirement(line) for line in project["dependencies"]])
    yield _pins((root / "constraints.txt").read_text(encoding="utf-8").splitlines())


def _python(wanted: str) -> Finding:
    here = ".".join(map(str, sys.version_info[:3]))
    if SpecifierSet(wanted).contains(here):
        return ok("python", here)
    mend = "sudo apt-get install python3.11 python3.11-venv && rm -r .venv && make setup"
    return fail("python", f"{here}; wanted {wanted}", mend)


def _bounds(requirements: list[Requirement]) -> Finding:
    wrong = []
    for wanted in requirements:
        here = _installed(wanted.name)
        if here is None:
            wrong.append(f"{wanted.name} is missing")
        elif not wanted.specifier.contains(Version(here).public, prereleases=True):
            wrong.append(f"{wanted.name} is {here}, wanted {wanted.specifier}")
    if wrong:
        return fail("packages", _some(wrong), MEND)
    shown = ", ".join(f"{n} {_installed(n)}" for n in ("prefect", "lancedb", "torch"))
    return ok("packages", f"all {len(requirements)} within pyproject.toml's bounds; {shown}")


def _pins(lines: list[str]) -> Finding:
    pins = dict(line.split("==") for line in lines if "==" in line)
    here = {name: found for name in pins if (found := _installed(name)) is not None}
    other = [
        f"{name} is {here[name]}, tested with {pins[name]}"
        for name in here
        if Version(here[name]).public != Version(pins[name]).public
    ]
    if other:
        return warn("pins", _some(other), MEND)
    return ok("pins", f"{len(here)} packages as in constraints.txt")


def _installed(name: str) -> str | None:
    try:
        return version(name)
    except PackageNotFoundError:
        return None


def _some(lines: list[str]) -> str:
    more = f"; and {len(lines) - SHOWN} more" if len(lines) > SHOWN else ""
    return "; ".join(lines[:SHOWN]) + more
