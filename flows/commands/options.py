"""Options that several commands have."""

from typing import Annotated

import typer

Json = Annotated[bool, typer.Option("--json", help="Print data instead of words")]
MaxMinutes = Annotated[
    float,
    typer.Option("--max-minutes", min=0, envvar="WINNOW_MAX_MINUTES",
                 help="Refuse a run estimated to take longer; 0: none"),
]  # fmt: skip
MaxMemory = Annotated[
    float,
    typer.Option("--max-memory-gb", min=0, envvar="WINNOW_MAX_MEMORY_GB",
                 help="Refuse a run estimated to need more memory; 0: none"),
]  # fmt: skip
MaxDisk = Annotated[
    float,
    typer.Option("--max-disk-gb", min=0, envvar="WINNOW_MAX_DISK_GB",
                 help="Refuse a run estimated to need more disk; 0: none"),
]  # fmt: skip
