"""A finished run's subset in one folder, its tables checked against its manifests' digests."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from schemas.errors import ContractError, WinnowError
from schemas.manifest import Manifest, file_digest
from tasks import PIPELINE
from tasks.exports.settings import Keys
from tasks.stage import MANIFEST_NAMES

TABLES: Final = ("selection", "documents")  # what there must be; the rest is told where it is
WRITERS: Final = {"selection": "choose", "documents": "ingest", "comparison": "measure"}
DIGEST_CHARS: Final = 12


@dataclass(frozen=True)
class Subset:
    """A run's tables and manifests; `run` and `commit` are empty where it was not kept by name."""

    folder: Path
    run: str
    commit: str
    manifests: dict[str, Manifest]
    sources: dict[str, Any]  # sources.json: its version, and of each file path, bytes and SHA-256
    selection_sha256: str

    def table(self, name: str) -> Path:
        """Path of one of its tables."""
        return self.folder / f"{name}.parquet"

    @property
    def keys(self) -> Keys:
        """The columns of the input that its texts came from."""
        ingest = self.manifests.get("ingest")
        return Keys.of(ingest.params if ingest else {})

    @property
    def name(self) -> str:
        """The run's name, or one made of the selection's digest."""
        return self.run or f"selection-{self.selection_sha256[:DIGEST_CHARS]}"


def open_subset(folder: Path, run: str = "", commit: str = "") -> Subset:
    """Find the tables of a subset; raises `WinnowError` where one lacks or has other bytes.

    Manifests and sources.json may be missing (a folder put together by hand): what they would have
    told is then left out of the export's papers.
    """
    for name in TABLES:
        if not (folder / f"{name}.parquet").is_file():
            raise WinnowError(
                "there is no subset to export",
                expected=f"a file {name}.parquet",
                where=str(folder),
                remedy="run `winnow run` first, or name a run that `winnow runs` lists",
            )
    manifests = _manifests(folder)
    sources = folder / "sources.json"
    known = json.loads(sources.read_text(encoding="utf-8")) if sources.is_file() else {}
    for table in WRITERS:
        _ensure_whole(folder / f"{table}.parquet", manifests.get(WRITERS[table]))
    digest = file_digest(folder / "selection.parquet")
    return Subset(folder, run, commit, manifests, known, digest)


def _manifests(folder: Path) -> dict[str, Manifest]:
    """Manifests of the stages that are at hand, in the pipeline's order; `sources` has none.

    A stage that read other bytes than stand here now belongs to an earlier run and is left out; if
    that is `choose`, a `ContractError` is raised.
    """
    found: dict[str, Manifest] = {}
    made: dict[str, str] = {}
    for stage in PIPELINE[1:]:
        path = folder / f"{MANIFEST_NAMES.get(stage, stage)}.json"
        if not path.is_file():
            continue
        manifest = Manifest.read(path)
        other = [
            name for name, digest in manifest.inputs.items() if made.get(name, digest) != digest
        ]
        if not other:
            found[stage] = manifest
            made |= manifest.outputs
        elif stage == "choose":
            raise ContractError(
                f"the selection was made from another {', '.join(other)}",
                expected="artifacts of one run",
                where=str(folder),
                remedy="`winnow run` finishes the run that was begun; --run exports a kept one",
            )
    return found


def _ensure_whole(path: Path, manifest: Manifest | None) -> None:
    """Raise `ContractError` unless a table has the bytes that its stage wrote."""
    if manifest is None or not path.is_file():
        return
    expected, found = manifest.outputs.get(path.name, ""), file_digest(path)
    if found != expected:
        raise ContractError(
            f"{path.name} is not the file that stage `{manifest.stage}` wrote",
            expected=f"SHA-256 {expected[:DIGEST_CHARS]}…",
            where=f"{path}, SHA-256 {found[:DIGEST_CHARS]}…",
            remedy="`dvc checkout` or `winnow run` makes artifacts and manifests agree again",
        )
