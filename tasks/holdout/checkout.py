"""What the guards of a checkout need: its salt, and its ledger in two copies."""

import secrets
from collections.abc import Iterator
from contextlib import contextmanager

from tasks.holdout.ledger import Ledger
from tasks.holdout.noise import LaplaceNoise
from tasks.paths import Paths
from tasks.storage.secret_files import make_once, private_folder


def noise_of(paths: Paths) -> LaplaceNoise:
    """Noise from the checkout's salt, which is made when it is first needed."""
    salt = make_once(private_folder(paths.secrets) / "holdout_salt", secrets.token_hex(32))
    return LaplaceNoise(salt.encode())


@contextmanager
def ledger_of(paths: Paths) -> Iterator[Ledger]:
    """The checkout's ledger, for this process alone."""
    private = paths.secrets / "holdout_ledger.jsonl"
    with Ledger.held(paths.guard_ledger, private) as ledger:
        yield ledger
