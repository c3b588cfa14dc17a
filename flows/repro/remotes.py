"""Where DVC stores artifacts beyond this machine: a folder, or a bucket reached over HTTP."""

import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from flows.repro import repository
from schemas.errors import WinnowError

REMOTE: Final = "storage"  # what `winnow init-remote` calls the remote in .dvc/config
SECRET_KEYS: Final = ("access_key_id", "secret_access_key", "session_token", "password")
CREDENTIALS: Final = (
    "AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY in the environment, a profile in "
    f"~/.aws/credentials, or, once the remote is there, `dvc remote modify --local {REMOTE} "
    "access_key_id ...` (and secret_access_key), which writes to .dvc/config.local"
)
CONNECT_SECONDS: Final = 5
PROBE: Final = b"winnow was here; this object can be deleted"


def set_default(url: str, endpoint: str) -> bool:
    """Make a place DVC's default remote once it can be written to; False if it is so already.

    Address and endpoint go to .dvc/config, as by `dvc remote add --default`; other options that the
    remote has stay. Raises `WinnowError`, nothing changed, where an object cannot be written and
    read back, or where .dvc/config, which git tracks, holds credentials.
    """
    with repository() as repo:
        file = Path(repo.config.files["repo"])
        before = file.read_bytes()
        shared = repo.config.load_one("repo")
        _ensure_no_secret(shared, file)
        entry = _entry(shared["remote"].get(REMOTE, {}), url, endpoint)
        _probe({**repo.config.load_one("local")["remote"].get(REMOTE, {}), **entry})
        with repo.config.edit("repo") as edited:
            edited["remote"][REMOTE] = entry
            edited["core"]["remote"] = REMOTE
        return file.read_bytes() != before


def _entry(known: dict[str, Any], url: str, endpoint: str) -> dict[str, Any]:
    """The remote's settings: an endpoint belongs to its address, all else is the user's."""
    kept = {key: value for key, value in known.items() if key not in ("url", "endpointurl")}
    if not endpoint and known.get("url") == url:
        endpoint = known.get("endpointurl", "")
    return {"url": url, **({"endpointurl": endpoint} if endpoint else {}), **kept}


def _ensure_no_secret(shared: dict[str, Any], file: Path) -> None:
    for name, remote in shared["remote"].items():
        if found := [key for key in SECRET_KEYS if key in remote]:
            raise WinnowError(
                f"remote {name!r} has its {', '.join(found)} in a file that git tracks",
                where=str(file),
                expected=CREDENTIALS,
                remedy="; ".join(f"dvc remote modify --unset {name} {key}" for key in found)
                + "; and have the credentials replaced if they were ever committed",
            )


def _probe(entry: dict[str, Any]) -> None:
    """Write, read and delete a small object."""
    from dvc.fs import get_cloud_fs

    patient = {"connect_timeout": CONNECT_SECONDS} if "://" in entry["url"] else {}
    kind, config, path = get_cloud_fs({"remote": {REMOTE: {**patient, **entry}}}, name=REMOTE)
    with storage_errors(str(entry["url"])):
        place = kind(**config)
        name = place.join(path, f"winnow-probe-{uuid.uuid4().hex}")
        if place.protocol == "local":
            place.makedirs(path, exist_ok=True)
        place.pipe_file(name, PROBE)
        found = place.cat_file(name)
        place.remove(name)
    if found != PROBE:
        raise WinnowError("the storage gives back other bytes than it got", where=name)


@contextmanager
def storage_errors(place: str) -> Iterator[None]:
    """Turn what object storage and folders raise into our words."""
    from botocore.exceptions import (
        BotoCoreError,
        ClientError,
        NoCredentialsError,
        PartialCredentialsError,
    )

    try:
        yield
    except (NoCredentialsError, PartialCredentialsError, PermissionError) as error:
        raise WinnowError(f"access denied: {error}", where=place, remedy=CREDENTIALS) from None
    except FileNotFoundError as error:
        remedy = "create the bucket first, or correct its name"
        raise WinnowError(f"no such place: {error}", where=place, remedy=remedy) from None
    except (OSError, BotoCoreError, ClientError) as error:
        raise WinnowError(
            f"the storage cannot be reached: {error}",
            where=place,
            remedy="is the service up, and --endpoint its address (http://127.0.0.1:9000)?",
        ) from None
