"""What an interrupted stage left behind, so that it can go on: arrays in a file per phase."""

import logging
import shutil
import zipfile
from collections.abc import Callable
from functools import cached_property
from pathlib import Path

import numpy as np

from tasks.storage.rows import replacing

log = logging.getLogger("winnow")


class ProgressFiles:
    """Arrays by phase under one folder, each with the key of the work they belong to.

    A file of other work, or one that cannot be read whole, counts as none: the work then starts
    from its beginning. `key` is worked out only if there is something to compare or to save.
    """

    def __init__(self, folder: Path, key: Callable[[], str]):
        self.folder, self._make_key = folder, key

    @cached_property
    def key(self) -> str:
        """The digest of all that the arrays depend on."""
        return self._make_key()

    def _file(self, phase: str) -> Path:
        return self.folder / f"{phase.replace(' ', '-')}.npz"

    def load(self, phase: str) -> dict[str, np.ndarray] | None:
        """The arrays saved last for a phase of this work; None if there are none."""
        file = self._file(phase)
        if not file.exists():
            return None
        try:
            with np.load(file, allow_pickle=False) as kept:
                arrays = {name: kept[name] for name in kept.files}
            key = str(arrays.pop("key"))
        except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile) as error:
            log.info(f"starting from the beginning: {file} cannot be read ({error})")
            return None
        if key != self.key:
            log.info(f"starting from the beginning: {file} belongs to other inputs or settings")
            return None
        return arrays

    def save(self, phase: str, arrays: dict[str, np.ndarray]) -> None:
        """Replace the arrays of a phase, whole or not at all."""
        with replacing(self._file(phase)) as temporary, temporary.open("wb") as file:
            np.savez(file, allow_pickle=False, key=np.array(self.key), **arrays)

    def remove(self) -> None:
        """Forget everything: the work is done."""
        shutil.rmtree(self.folder, ignore_errors=True)
