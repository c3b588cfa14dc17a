"""A line in the log every few seconds while records are read."""

import logging
import time
from typing import Final

from tasks.pace import Pace

_SECONDS: Final = 5.0
_LOOK_EVERY: Final = 1024  # records between glances at the clock

log = logging.getLogger("winnow")


class Progress:
    """Counts records and says now and then how far and how fast; never part of an artifact."""

    def __init__(self, stage: str):
        self.stage, self.done = stage, 0
        self._started = self._said = time.monotonic()

    def step(self, where: str) -> None:
        """Count one record of file `where`."""
        self.done += 1
        if self.done % _LOOK_EVERY:
            return
        now = time.monotonic()
        if now - self._said >= _SECONDS:
            self._said = now
            rate = self.done / (now - self._started)
            log.info(Pace(self.stage, self.done, rate).line(where))
