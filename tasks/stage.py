"""How a stage runs: params.yaml and `artifacts/` in, tables and a manifest out.

`python -m tasks.<stage>` is the only way a stage is started, by DVC or by hand.
"""

import json
import logging
import sys
import time
from collections.abc import Callable
from pathlib import Path

import yaml
from pydantic import ValidationError

from schemas.errors import SettingsError, WinnowError
from schemas.manifest import Manifest, file_digest
from schemas.params import Params
from tasks.paths import Paths as Paths
from tasks.storage.rows import write_text
from tasks.transfer import transfer_error

log = logging.getLogger("winnow")


MANIFEST_NAMES = {
    "validate": "validation",
    "gate": "gates",
}  # every other stage's manifest has the stage's name


def manifest_path(paths: Paths, stage: str) -> Path:
    """Where a stage's manifest lies."""
    return paths.json(MANIFEST_NAMES.get(stage, stage))


def load_params(path: Path) -> Params:
    """Read and validate params.yaml; raises `SettingsError` naming each wrong key."""
    try:
        loaded = yaml.safe_load(path.read_text(encoding="utf-8"))
        return Params.model_validate(loaded or {})
    except FileNotFoundError:
        raise SettingsError(
            f"no {path.name} here",
            where=str(path.parent.resolve()),
            remedy="run inside a checkout of Winnow",
        ) from None
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise SettingsError(f"{path.name} is not YAML: {error}", where=str(path)) from None
    except ValidationError as error:
        raise settings_error(error, path.name) from None


def settings_error(error: ValidationError, where: str) -> SettingsError:
    """Put pydantic's findings in words: key, what is wrong, what was found."""
    lines = []
    for found in error.errors():
        key = ".".join(str(part) for part in found["loc"])
        lines.append(f"{key}: {found['msg']} (found {str(found['input'])[:80]!r})")
    return SettingsError(
        "settings are not valid:\n    " + "\n    ".join(lines),
        where=where,
        remedy="`winnow run --help` and params.yaml list every key with its bounds",
    )


def write_manifest(
    paths: Paths,
    manifest: Manifest,
    inputs: tuple[Path, ...] = (),
    outputs: tuple[Path, ...] = (),
) -> Manifest:
    """Add the digests of input and output files to a manifest and write it."""
    full = Manifest(
        **{
            **manifest.__dict__,
            "inputs": {path.name: file_digest(path) for path in inputs},
            "outputs": {path.name: file_digest(path) for path in outputs},
        }
    )
    write_text(manifest_path(paths, manifest.stage), full.to_json())
    return full


def peak_memory_mb() -> float:
    """Largest resident memory of this process so far (`ru_maxrss` would count its parent's)."""
    status = Path("/proc/self/status")
    if not status.exists():
        return float("nan")
    found = [line for line in status.read_text().splitlines() if line.startswith("VmHWM")]
    return int(found[0].split()[1]) / 1024


def run_stage(stage: str, run: Callable[[Params, Paths], Manifest]) -> None:
    """Run one stage in the current folder: log to stderr, note time and memory, exit 0, 1 or 2."""
    logging.basicConfig(level=logging.WARNING, format="%(message)s", stream=sys.stdout)
    log.setLevel(logging.INFO)
    paths = Paths()
    started = time.monotonic()
    try:
        manifest = run(load_params(paths.params), paths)
    except Exception as error:
        problem = error if isinstance(error, WinnowError) else transfer_error(error)
        if problem is None:
            raise
        print(f"\n{stage} stopped: {problem}", file=sys.stderr)
        sys.exit(problem.exit_status)
    seconds = time.monotonic() - started
    peak_mb = peak_memory_mb()
    known = round(peak_mb) if peak_mb == peak_mb else None  # not a number where it is not told
    facts = {"seconds": round(seconds, 2), "peak_mb": known}
    write_text(paths.artifacts / "facts" / f"{stage}.json", json.dumps(facts) + "\n")
    rows = " ".join(f"{name}={count:,}" for name, count in manifest.rows.items())
    log.info(f"{stage} {manifest.version}: {rows} seconds={seconds:.1f} peak_mb={peak_mb:.0f}")
