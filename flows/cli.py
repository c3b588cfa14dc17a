"""The command `winnow`: pick the rows worth training on, and ask why.

Exit status: 0 done, 1 a problem was found, 2 wrong use.
"""

import typer

from flows.commands import asking, keeping, proving, running
from flows.start import main as main

app = typer.Typer(
    name="winnow",
    help="Picks the rows worth training on, and says why each one is in or out.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)
for group in (running, asking, keeping, proving):
    app.add_typer(group.app)


if __name__ == "__main__":
    main()
