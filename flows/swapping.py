"""`winnow compare --attribute`: each cause's part of the change, measured by running again.

A run is its rows after `ingest` (data), its settings, its code and its model. Some are taken from A
and some from B, and the stages from there to `choose` run in a folder of their own.
"""

import itertools
import math
import shutil
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Any, Final

import polars as pl
import yaml

from flows import repro
from flows.attribution import CAUSES, MODEL_KEYS, Attribution, Measured, code, settings
from flows.git import git
from flows.sides import Origin
from schemas.errors import WinnowError
from tasks.comparing.side import Side
from tasks.storage.rows import read_vectors, write_text

CODE: Final = ("schemas", "tasks")  # what a stage imports
DATA: Final = ("documents.parquet", "quarantine.parquet", "sources.json", "ingest.json")
MOST_FOR_EVERY_ORDER: Final = 2  # causes up to which every mixture is run
LAST_LINES: Final = 12
Mixture = frozenset[str]  # the causes taken from B


def measure(
    a: Origin, b: Origin, found: Attribution, tell: Callable[[str], None]
) -> Measured | None:
    """Swap one cause after the other from A to B and run again; None where nothing is to be shared.

    Up to two causes: every mixture, averaged over the orders (Shapley, 1953). More: one order,
    that of `CAUSES`. Raises `WinnowError` if a side is no run, or a mixture does not run.
    """
    causes = [name for name in CAUSES if name in found.differing]
    if len(causes) < 2:
        return None
    for one in (a, b):
        _ensure_a_run(one)
    with tempfile.TemporaryDirectory(prefix="winnow-attribute-") as name:
        runner = _Runner(a, b, Path(name), tell, reuse=not _encoders_differ(found))
        churn = {frozenset(): 0, **{m: runner.churn(m) for m in mixtures(causes)}}
        everything = frozenset(causes)
        again = runner.churn(everything, against=b.side)
    churn[everything] = _apart(b.side.chosen["id"], a.side.chosen["id"])
    return shared_out(causes, churn, again, _notes(found, again))


def mixtures(causes: Sequence[str]) -> list[Mixture]:
    """The mixtures that must run, between all of A and all of B."""
    if len(causes) <= MOST_FOR_EVERY_ORDER:
        return [frozenset([cause]) for cause in causes]
    return [frozenset(causes[:count]) for count in range(1, len(causes))]


def shared_out(
    causes: Sequence[str], churn: dict[Mixture, int], again: int, notes: list[str]
) -> Measured:
    """Divide the churn among the causes: over every order where all mixtures are known."""
    every = len(causes) <= MOST_FOR_EVERY_ORDER
    orders = list(itertools.permutations(causes)) if every else [tuple(causes)]
    parts = dict.fromkeys(causes, 0.0)
    for order in orders:
        for place, cause in enumerate(order):
            before, after = frozenset(order[:place]), frozenset(order[: place + 1])
            parts[cause] += (churn[after] - churn[before]) / len(orders)
    total = churn[frozenset(causes)]
    alone = [churn.get(frozenset([cause])) for cause in causes]
    known = all(each is not None for each in alone)
    return Measured(
        f"mean over {math.factorial(len(causes))} orders" if every
        else f"one order: {', then '.join(causes)}; another may share it out differently",
        parts,
        total,
        total - sum(each or 0 for each in alone) if known else None,
        {" and ".join(c for c in causes if c in mixture): rows
         for mixture, rows in churn.items() if mixture},
        again,
        notes,
    )  # fmt: skip


def _notes(found: Attribution, again: int) -> list[str]:
    of_ingest = [each for cause in found.causes if cause.name != "data" for each in cause.differs
                 if each.startswith(("ingest.", "tasks/ingest.py", "tasks/readers"))]  # fmt: skip
    notes = []
    if of_ingest:
        notes.append(f"counted with data, whose rows are taken as ingested: {'; '.join(of_ingest)}")
    if again:
        notes.append(
            f"B, run again here, differs from B by {again:,} rows: another machine, library or "
            "time limit has a part in every number above"
        )
    return notes


def _ensure_a_run(one: Origin) -> None:
    missing = [name for name in DATA if not (one.side.folder and (one.side.folder / name).exists())]
    if one.kind in ("folder", "file") or missing or not one.stages:
        raise WinnowError(
            f"{one.name!r} cannot be run again",
            expected="a kept run, a git revision or the workspace, whose settings, code and rows "
            "are known",
            where=f"not here: {', '.join(missing)}" if missing else one.kind,
        )


def _encoders_differ(found: Attribution) -> bool:
    code = next(cause for cause in found.causes if cause.name == "code")
    return any(each.startswith(("tasks/embed.py", "tasks/encoders")) for each in code.differs)


def _apart(left: pl.Series, right: pl.Series) -> int:
    return len(set(left).symmetric_difference(right))


@dataclass
class _Runner:
    """Runs mixtures of A and B, each in a new folder; known vectors are taken, not made again."""

    a: Origin
    b: Origin
    folder: Path
    tell: Callable[[str], None]
    reuse: bool
    store: Path | None = None

    def churn(self, mixture: Mixture, against: Side | None = None) -> int:
        """Run one mixture; by how many rows its selection differs from A's, or from `against`."""
        names = " and ".join(each for each in CAUSES if each in mixture)
        self.tell(f"running again with {names} of B, the rest of A" if against is None
                  else "running B again, as a check")  # fmt: skip
        place = Path(tempfile.mkdtemp(dir=self.folder))
        of = {cause: self.b if cause in mixture or against else self.a for cause in CAUSES}
        _put_code(of["code"], place)
        _put_data(of["data"], place)
        known = _unaffected(self.a, self.b, of)
        _put_outputs(of["data"], known, place)
        left = [stage for stage in _stages(of["code"]) if stage not in known]
        params = _settings(of)
        params["store"] = str(self._known_vectors()) if self.reuse and "embed" in left else ""
        write_text(place / "params.yaml", yaml.safe_dump(params, allow_unicode=True))
        for stage in left:
            _run(stage, place, self.tell)
        chosen = pl.read_parquet(place / "artifacts" / "selection.parquet", columns=["id"])["id"]
        shutil.rmtree(place)
        return _apart(chosen, (against or self.a.side).chosen["id"])

    def _known_vectors(self) -> Path:
        """A store that holds the vectors of both runs."""
        if self.store is None:
            from tasks.storage.vectors import VectorStore

            self.store = self.folder / "store"
            for one in (self.a, self.b):
                manifest, path = one.side.manifest("embed"), one.side.table("vectors")
                if manifest and path:
                    rows, vectors = read_vectors(path)
                    identity, width = manifest.facts["model_identity"], manifest.facts["width"]
                    cache = VectorStore(self.store).cache(identity, width)
                    new = ~rows["content_sha256"].is_in(cache.places()["content_sha256"].implode())
                    at = new.arg_true()
                    part = rows[at]
                    cache.add(part["content_sha256"], part["tokens"].to_numpy(), vectors[at])
        return self.store


def _unaffected(a: Origin, b: Origin, of: dict[str, Origin]) -> list[str]:
    """The first stages that are alike in A and B but for the data: their outputs are recorded."""
    known = []
    for stage in _stages(of["code"]):
        alike = all(
            {key: value for (each, key), value in facts(a, b).items() if each == stage}
            == {key: value for (each, key), value in facts(b, a).items() if each == stage}
            for facts in (settings, code)
        )
        outs = (of["data"].stages or {}).get(stage, {}).get("outs")
        if not alike or not outs or (stage == "embed" and _model(a) != _model(b)):
            break
        known.append(stage)
    return known


def _model(one: Origin) -> Any:
    manifest = one.side.manifest("embed")
    return manifest and manifest.facts.get("model_identity")


def _put_outputs(one: Origin, stages: Sequence[str], place: Path) -> None:
    assert one.side.folder is not None
    for stage in stages:
        for out in (one.stages or {})[stage]["outs"]:
            name = Path(out["path"]).name
            shutil.copyfile(one.side.folder / name, place / "artifacts" / name)


def _put_code(one: Origin, place: Path) -> None:
    if not one.sha:
        for name in CODE:
            shutil.copytree(name, place / name, ignore=shutil.ignore_patterns("__pycache__"))
        return
    packed = git("archive", "--format=zip", one.sha, *CODE)
    with zipfile.ZipFile(BytesIO(packed)) as archive:
        archive.extractall(place)  # leaves no place but this one, links are files


def _put_data(one: Origin, place: Path) -> None:
    assert one.side.folder is not None
    (place / "artifacts").mkdir()
    for name in DATA:
        shutil.copyfile(one.side.folder / name, place / "artifacts" / name)
    if Path("promoted").is_dir():  # what a run's settings may name as the one before
        (place / "promoted").symlink_to(Path("promoted").resolve())


def _settings(of: dict[str, Origin]) -> dict[str, Any]:
    """The settings of one side with the model and the reference file of the sides they are from."""
    found = _params(of["parameters"])
    for key in MODEL_KEYS:
        block, name = key.split(".")
        if name in _params(of["model"]).get(block, {}):
            found[block][name] = _params(of["model"])[block][name]
    if "score" in found:
        found["score"]["reference"] = _params(of["data"])["score"].get("reference", "")
    for block, name in (("embed", "model"), ("score", "reference")):
        value = found.get(block, {}).get(name)
        if value and Path(value).exists():  # else a packaged model, a hub id or an address
            found[block][name] = str(Path(value).resolve())
    return found


def _params(one: Origin) -> dict[str, Any]:
    return _yaml(one, "params.yaml")


def _yaml(one: Origin, name: str) -> dict[str, Any]:
    text = git("show", f"{one.sha}:./{name}").decode() if one.sha else Path(name).read_text("utf-8")
    loaded: dict[str, Any] = yaml.safe_load(text)
    return loaded


def _stages(one: Origin) -> list[str]:
    """The stages from the ingested rows to the subset, as that code's dvc.yaml orders them."""
    names = list(_yaml(one, "dvc.yaml")["stages"])
    return [
        name for name in names[: names.index("choose") + 1] if name not in ("sources", "ingest")
    ]


def _run(stage: str, place: Path, tell: Callable[[str], None]) -> None:
    done = subprocess.run(
        [sys.executable, "-m", f"tasks.{stage}"],
        cwd=place,
        env=repro.stage_environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
        check=False,
    )
    lines = done.stdout.strip().splitlines()
    if done.returncode:
        raise WinnowError(
            f"this mixture of A and B does not run: stage {stage} failed",
            where="\n    ".join(lines[-LAST_LINES:]),
            remedy="settings of one version may not fit the code of another: compare runs that "
            "are closer to each other",
        )
    tell(f"  {lines[-1]}" if lines else f"  {stage} done")
