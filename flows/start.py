"""Entry of the command `winnow`: a problem is shown in words, not as a traceback.

`winnow why ID` answers within a tenth of a second, so it goes past the parser of the other commands
(typer's import alone takes longer) and past what pyarrow imports only because it is installed.
"""

import os
import signal
import sys
from typing import Final

from flows.environment import use_services
from flows.quiet import be_quiet
from schemas.errors import SettingsError, WinnowError

UNUSED: Final = ("numpy", "cloudpickle")  # pyarrow does without them; nothing here converts arrays


def main() -> None:
    """Run the command of `sys.argv`: exit status 0 done, 1 a problem was found, 2 wrong use."""
    be_quiet()
    use_services()
    signal.signal(signal.SIGTERM, _leave)
    try:
        try:
            _answer(sys.argv[1:])
        finally:
            sys.stdout.flush()  # here, where a closed pipe can be met, and not at the very end
    except BrokenPipeError:  # `winnow why ID | head` has read enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(128 + signal.SIGPIPE)


def _answer(arguments: list[str]) -> None:
    try:
        question = asked_why(arguments)
        if question:
            _tell_why(*question)
        else:
            from flows.cli import app

            app()
    except WinnowError as error:
        print(error, file=sys.stderr)
        sys.exit(2 if isinstance(error, SettingsError) else 1)


def asked_why(arguments: list[str]) -> tuple[str, bool] | None:
    """The id and whether JSON is wanted, of `why ID [--json]`; None for any other command line."""
    plain = [each for each in arguments if each != "--json"]
    if len(plain) != 2 or plain[0] != "why" or plain[1].startswith("-"):
        return None
    return plain[1], len(plain) < len(arguments)


def _tell_why(row: str, as_json: bool) -> None:
    for name in UNUSED:
        sys.modules.setdefault(name, None)  # type: ignore[arg-type]  # as if not installed
    from flows.reasons import tell

    print(tell(row, as_json))


def _leave(number: int, frame: object) -> None:  # noqa: ARG001  # signal's
    """End in an orderly way when asked to: a Prefect server that was started here ends too."""
    sys.exit(128 + number)


if __name__ == "__main__":
    main()
