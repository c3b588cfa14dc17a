"""Where the files of a run lie. Imports nothing heavy: `winnow why` is to be quick."""

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from tasks.storage.places import is_remote

SECRETS: Final = "WINNOW_SECRETS"  # names another folder for secrets, for checkouts to share


@dataclass(frozen=True)
class Paths:
    """Where everything lies, relative to the checkout's root."""

    root: Path = Path()

    @property
    def artifacts(self) -> Path:
        """Folder of everything a run writes."""
        return self.root / "artifacts"

    def table(self, name: str) -> Path:
        """Path of the table `artifacts/<name>.parquet`."""
        return self.artifacts / f"{name}.parquet"

    def json(self, name: str) -> Path:
        """Path of `artifacts/<name>.json`."""
        return self.artifacts / f"{name}.json"

    def progress(self, stage: str) -> Path:
        """Folder of what an interrupted stage needs to go on: no output, tracked by nobody."""
        return self.artifacts / ".progress" / stage

    @property
    def seen_objects(self) -> Path:
        """Hashes of objects on S3 seen before: saves reading them, tracked by nobody."""
        return self.artifacts / ".progress" / "seen_objects.json"

    @property
    def promoted(self) -> Path:
        """Folder of the promoted runs: one folder each, and the link `current` to one of them."""
        return self.root / "promoted"

    def store(self, setting: str) -> Path | str:
        """The LanceDB store that the setting `store` names: a folder, or an address on S3.

        Derived, rebuilt at need, tracked by nobody.
        """
        if is_remote(setting):
            return setting
        return self.root / setting if setting else self.artifacts / "lancedb"

    @property
    def takedowns(self) -> Path:
        """Folder of the takedown records: which rows stay out, by salted digests."""
        return self.root / "takedowns"

    @property
    def guard_ledger(self) -> Path:
        """Every answer given on held-out rows; DVC tracks it on its own, beside the pipeline."""
        return self.root / "guard" / "ledger.jsonl"

    @property
    def secrets(self) -> Path:
        """Folder of the guards' salt and private ledger: ignored by git and DVC, its owner's."""
        return Path(os.environ.get(SECRETS) or self.root / ".winnow-secrets")

    @property
    def params(self) -> Path:
        """The settings file."""
        return self.root / "params.yaml"
