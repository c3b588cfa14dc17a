"""The files that dvc.lock names: in the cache, in the remote, and back in the workspace."""

from collections.abc import Iterable, Sequence
from pathlib import Path

from flows.repro import LockedOut, repository
from flows.repro.remotes import storage_errors
from schemas.errors import WinnowError


def not_cached(outs: Sequence[LockedOut]) -> list[LockedOut]:
    """Those outputs whose bytes DVC's cache on this machine does not hold."""
    with repository() as repo:
        return [out for out in outs if not repo.cache.local.exists(out.md5)]


def fetch(outs: Sequence[LockedOut]) -> None:
    """Bring outputs from the default remote into the cache; raises `WinnowError` naming a failure.

    The workspace is not touched.
    """
    from dvc.config import NoRemoteError
    from dvc_data.hashfile.hash_info import HashInfo

    with repository() as repo, storage_errors("the default DVC remote"):
        try:
            repo.cloud.pull([HashInfo("md5", out.md5) for out in outs])
        except NoRemoteError:
            raise WinnowError(
                f"{len(outs)} artifacts are not in the cache here, and there is no remote",
                where=", ".join(out.path for out in outs),
                remedy="`winnow init-remote PLACE`, with the place they were pushed to",
            ) from None
    if lost := not_cached(outs):
        raise WinnowError(
            f"{len(lost)} artifacts are neither in the cache here nor in the remote",
            where=", ".join(out.path for out in lost),
            remedy="on the machine that made them: `dvc exp push origin -A`, which sends artifacts "
            "too; or make them again from the run's settings and code",
        )


def link(outs: Iterable[LockedOut], folder: Path) -> None:
    """Put outputs into a folder by their file names: links into the cache, only to be read."""
    with repository() as repo:
        for out in outs:
            (folder / Path(out.path).name).symlink_to(Path(repo.cache.local.oid_to_path(out.md5)))


def unsaved() -> list[str]:
    """Outputs in the workspace that were changed by hand: DVC's cache does not hold their bytes."""
    with repository() as repo:
        changed = [
            out for out in repo.index.outs
            if out.use_cache and out.exists and out.changed_checksum()
        ]  # fmt: skip
        return [str(out) for out in changed if not repo.cache.local.exists(out.get_hash().value)]


def restore() -> None:
    """Make the outputs those of dvc.lock, from the cache; raises `WinnowError` if one is not."""
    with repository() as repo:
        repo.checkout(force=True)
        wrong = [str(out) for out in repo.index.outs if out.use_cache and out.changed_checksum()]
    if wrong:
        raise WinnowError(
            "the cache gave other bytes than dvc.lock names",
            where=", ".join(wrong),
            remedy="delete these objects of .dvc/cache and fetch them again",
        )


def send(outs: Iterable[LockedOut]) -> int:
    """Send outputs that the cache holds to the default remote; returns how many were new there."""
    from dvc_data.hashfile.hash_info import HashInfo

    with repository() as repo, storage_errors("the default DVC remote"):
        held = [HashInfo("md5", out.md5) for out in outs if repo.cache.local.exists(out.md5)]
        result = repo.cloud.push(held)
    if result.failed:
        raise WinnowError(
            f"{len(result.failed)} artifacts could not be sent to the default remote",
            remedy="`winnow init-remote PLACE` again tests the place",
        )
    return len(result.transferred)
