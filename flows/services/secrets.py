"""The services' passwords: made once, kept in files that only their owner can read."""

import json
import secrets
from pathlib import Path
from typing import Final

from flows.services.config import Config
from tasks.storage.secret_files import make_once, private_folder

FILES: Final = (  # compose.yaml mounts these same files
    "postgres_password",
    "pgpass",
    "s3_credentials",
    "s3_identities.json",
    "prefect_auth",
)


def ensure_secrets(folder: Path, config: Config) -> None:
    """Make the files of `FILES` that are missing; those that are there stay as they are."""
    private_folder(folder)
    password = make_once(folder / "postgres_password", secrets.token_urlsafe(24))
    make_once(folder / "pgpass", f"*:*:*:{config.postgres_user}:{password}\n")
    key = make_once(folder / "s3_credentials", _aws_profile())
    make_once(folder / "s3_identities.json", _identities(key))
    make_once(folder / "prefect_auth", f"winnow:{secrets.token_urlsafe(24)}")


def _aws_profile() -> str:
    key, secret = f"WINNOW{secrets.token_hex(7).upper()}", secrets.token_urlsafe(30)
    return f"[default]\naws_access_key_id = {key}\naws_secret_access_key = {secret}\n"


def _identities(profile: str) -> str:
    """The same key in the form that compose's S3 server, SeaweedFS, reads."""
    pairs = dict(line.split(" = ") for line in profile.splitlines() if " = " in line)
    credentials = {
        "accessKey": pairs["aws_access_key_id"],
        "secretKey": pairs["aws_secret_access_key"],
    }
    actions = ["Admin", "Read", "Write", "List", "Tagging"]
    who = {"name": "winnow", "credentials": [credentials], "actions": actions}
    return json.dumps({"identities": [who]}, indent=1)
