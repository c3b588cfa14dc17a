"""`winnow push`: artifacts of the workspace and of every kept run to the remote, runs to git's.

`dvc exp push` reads the remote of the commit that a run is on, so a run older than the remote would
leave its artifacts behind without a word: they are sent by what dvc.lock names instead.
"""

from typing import Final

from flows import repro
from flows.lock import run_lock
from flows.repro import outputs
from flows.repro.experiments import kept_runs, locked_outs, push_references

WHAT: Final = "winnow push"


def push(git_remote: str) -> str:
    """Send what the workspace and the kept runs hold; raises `WinnowError` if a place refuses."""
    with run_lock(WHAT):
        runs = kept_runs()
        outs = repro.lock_entries() + [out for run in runs for out in locked_outs(run)]
        sent = outputs.send({out.md5: out for out in outs}.values())
        known = push_references(git_remote) if runs else 0
    return (
        f"{sent} artifacts sent to the default remote, {known} of {len(runs)} runs to {git_remote}"
    )
