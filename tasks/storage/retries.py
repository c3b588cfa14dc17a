"""Try again where that can help: bounded, with growing pauses, each retry in the log."""

import logging
import random
import time
from collections.abc import Callable
from typing import Final, TypeVar

ATTEMPTS: Final = 6
FIRST_WAIT_SECONDS: Final = 0.5  # doubles with every retry: 15 s in all at most
T = TypeVar("T")
log = logging.getLogger("winnow")


def retrying(
    call: Callable[[], T],
    what: str,
    is_transient: Callable[[Exception], bool],
    words: Callable[[Exception], str] = str,
) -> T:
    """Call until it succeeds, at most `ATTEMPTS` times; any error that is not transient is raised.

    The last attempt's error is raised as it is. `what` names the work in the log, `words`
    the error.
    """
    for attempt in range(1, ATTEMPTS):
        try:
            return call()
        except Exception as error:
            if not is_transient(error):
                raise
            # a random share keeps many readers from coming back at the same moment
            wait = FIRST_WAIT_SECONDS * 2 ** (attempt - 1) * random.uniform(0.5, 1)
            log.warning(
                f"{what} failed ({words(error)}); attempt {attempt + 1} of {ATTEMPTS} "
                f"in {wait:.1f} s"
            )
            time.sleep(wait)
    return call()
