"""Where `make services` has put its services: found by `winnow` without anything to export."""

import os
from pathlib import Path
from typing import Final

OWN: Final = ("AWS_ACCESS_KEY_ID", "AWS_PROFILE", "AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_S3")
FILE: Final = Path(".services/winnow.env")  # there only while they run


def use_services(path: Path = FILE) -> None:
    """Take over the addresses in the file; what the user has set stays.

    Somebody who has named a key, a profile or an address means other objects than ours: then no
    AWS variable is taken.
    """
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (FileNotFoundError, NotADirectoryError):
        return
    elsewhere = any(name in os.environ for name in OWN)
    for name, _, value in (line.partition("=") for line in lines):
        if not (elsewhere and name.startswith("AWS_")):
            os.environ.setdefault(name, value)
