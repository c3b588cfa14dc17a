"""The most a run may take: options of the command, else the environment."""

import os
from dataclasses import dataclass
from typing import Final

from schemas.errors import SettingsError


@dataclass(frozen=True)
class Limits:
    """The most a run may take; 0: no limit. From options, else from the environment.

    They belong to the machine, not to the subset: in params.yaml they would follow a run about.
    """

    max_minutes: float = 0.0
    max_memory_gb: float = 0.0
    max_disk_gb: float = 0.0

    @classmethod
    def here(cls) -> "Limits":
        """Limits of WINNOW_MAX_MINUTES, WINNOW_MAX_MEMORY_GB and WINNOW_MAX_DISK_GB."""
        return cls(**{name: _number(variable) for name, variable in VARIABLES.items()})

    def set(self) -> None:
        """Make these the limits of this process and of what it starts."""
        for name, variable in VARIABLES.items():
            if getattr(self, name):
                os.environ[variable] = f"{getattr(self, name):g}"


VARIABLES: Final = {
    "max_minutes": "WINNOW_MAX_MINUTES",
    "max_memory_gb": "WINNOW_MAX_MEMORY_GB",
    "max_disk_gb": "WINNOW_MAX_DISK_GB",
}


def _number(variable: str) -> float:
    text = os.environ.get(variable, "") or "0"
    try:
        value = float(text)
    except ValueError:
        value = -1.0
    if not 0 <= value < float("inf"):
        raise SettingsError(
            f"{variable} is {text!r}", expected="a number, 0 for no limit", where="the environment"
        )
    return value
