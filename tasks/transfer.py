"""Which failures of a library mean that object storage could not be reached."""

from typing import Final

from schemas.errors import TransferError

BROKEN_OFF: Final = {  # by name, so that no stage imports a library only to ask
    "aiohttp": {"ClientConnectionError", "ClientPayloadError", "ServerTimeoutError"},
    "botocore": {"HTTPClientError", "ConnectionError", "ReadTimeoutError"},
}
STORE_WORDS: Final = ("error sending request", "connection refused", "operation timed out")
REMEDY: Final = "check the network and the endpoint; the work goes on where it stopped"


def transfer_error(error: BaseException) -> TransferError | None:
    """Put a broken transfer in words; None for any other failure, which trying again cannot mend.

    What an error was raised from counts too: libraries wrap a lost connection in their own classes.
    """
    cause: BaseException | None = error
    while cause is not None:
        if _is_broken_off(cause):
            return TransferError(
                f"object storage could not be reached: {' '.join(str(error).split())[:300]}",
                remedy=REMEDY,
            )
        cause = cause.__cause__ or cause.__context__
    return None


def _is_broken_off(error: BaseException) -> bool:
    if isinstance(error, ConnectionError | TimeoutError):
        return True
    if isinstance(error, OSError | RuntimeError):  # LanceDB's own errors, told apart by their words
        text = str(error).lower()
        if "lance" in text and any(words in text for words in STORE_WORDS):
            return True
    return any(
        kind.__name__ in BROKEN_OFF.get(kind.__module__.split(".")[0], ())
        for kind in type(error).__mro__
    )
