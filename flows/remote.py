"""`winnow init-remote`: say once where artifacts are stored beyond this machine."""

from typing import Final
from urllib.parse import urlsplit

from flows.repro.remotes import set_default
from schemas.errors import SettingsError

NEXT: Final = """\
git add .dvc/config && git commit && git push    so that every clone knows the place
winnow push    artifacts of this workspace and of all kept runs, and the runs
elsewhere: git clone, dvc exp pull origin -A --no-cache, dvc pull or winnow checkout RUN"""


def init_remote(url: str, endpoint: str) -> str:
    """Make `url` DVC's default remote if it can be written to; says what comes next."""
    ensure_place(url)
    ensure_endpoint(endpoint)
    changed = set_default(url, endpoint)
    said = "is now" if changed else "was already"
    return f"{url} {said} DVC's default remote; an object was written there and read back\n{NEXT}"


def ensure_place(url: str) -> None:
    """Raise `SettingsError` unless this is a local path or `s3://bucket/prefix` without secrets."""
    if "://" not in url:
        if not url.strip():
            raise SettingsError(
                "the remote has no address", expected="s3://bucket/prefix or a path"
            )
        return
    parts = urlsplit(url)
    if "@" in parts.netloc or parts.query:
        raise SettingsError(
            "the address holds credentials or options, and git tracks the file it is written to",
            expected="s3://bucket/prefix alone",
            remedy="put credentials into the environment or ~/.aws/credentials",
        )
    if parts.scheme != "s3" or not parts.netloc:
        raise SettingsError(
            f"{url!r} is no place that init-remote knows",
            expected="s3://bucket/prefix or a path",
            remedy="for other kinds: dvc remote add --default",
        )


def ensure_endpoint(endpoint: str) -> None:
    """Raise `SettingsError` unless this is empty or the plain address of an HTTP service."""
    parts = urlsplit(endpoint)
    if endpoint and (parts.scheme not in ("http", "https") or not parts.hostname):
        raise SettingsError(
            f"{endpoint!r} is no address of a service", expected="http://host:port or https://host"
        )
    if parts.username or parts.password or parts.query:
        raise SettingsError(
            "the endpoint holds credentials, and git tracks the file it is written to",
            expected="http://host:port alone",
            remedy="put credentials into the environment or ~/.aws/credentials",
        )
