"""`winnow promote` and `winnow rollback`: which run is the one that others read.

The order makes a kill at any moment harmless: the run's folder is written whole and renamed, the
searchable table gets the run's tag, `current` moves by one rename, and only then follow the tag
`current` and the history, which the next promotion or rollback completes.
"""

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from flows import repro
from flows.git import line
from flows.lock import run_lock
from flows.promotion import folder
from flows.promotion.files import RunFiles, write_run
from flows.promotion.tags import tag_current, tag_run
from flows.record import Recorded, record
from flows.repro.experiments import Kept, kept_runs
from schemas.errors import SettingsError, WinnowError
from tasks.stage import Paths, load_params

NAME: Final = re.compile(r"(?!current$)[A-Za-z0-9][A-Za-z0-9_.-]*")  # what `previous.run` may name
SAID: Final = {"promote": "promoted", "rollback": "current again"}


@dataclass(frozen=True)
class Moved:
    """What was done: `run` is current now, `before` was; failed gates that were forced, and why.

    `problem` says why the searchable table has not the run's rows, which its files do not need.
    """

    action: str
    run: str
    before: str
    folder: str
    forced: str = ""
    failed: tuple[str, ...] = ()
    problem: str = ""

    def told(self, as_json: bool) -> str:
        """What the commands print."""
        if as_json:
            return json.dumps(self.__dict__, indent=2, ensure_ascii=False)
        came = f"before: {self.before}" if self.before else "the first one"
        lines = [f"run {self.run} is {SAID[self.action]} ({came}): {self.folder}"]
        if self.before == self.run:
            lines = [f"run {self.run} was current already: {self.folder}"]
        if self.failed:
            lines += [f"forced ({self.forced}) past:", *(f"  {words}" for words in self.failed)]
        if self.problem:
            lines.append(f"`winnow search` does not know its rows: {self.problem}")
        return "\n".join(lines)


def promote(wanted: str = "", force: str | None = None) -> Moved:
    """Promote a kept run, or the one in the workspace, which is kept first if need be.

    Raises `WinnowError` if a gate of it failed, unless `force` gives a reason, which is recorded.
    Repeated, it completes what was interrupted.
    """
    if force is not None and not force.strip():
        raise SettingsError("--force needs a reason", expected="--force 'why the gate is wrong'")
    paths = Paths()
    load_params(paths.params)  # no checkout? say so
    with run_lock(f"winnow promote {wanted}".rstrip()):
        files = RunFiles.of(_named(_find(wanted)))
        before, failed = folder.current_name(paths), list[str]()
        if not files.is_promoted(paths):
            failed = failures(files, before)
            if failed and force is None:
                raise held(files.name, failed)
            write_run(paths, files, force or "", failed)
        tag_run(paths, files)
        _move(paths, files, "promote", force or "")
        place = str(paths.promoted / files.name)
        return Moved("promote", files.name, before, place, force or "", tuple(failed))


def rollback(wanted: str = "") -> Moved:
    """Make the run before the current one current again, or any other that was promoted.

    Where the searchable table cannot be had as it was, the files are moved all the same.
    """
    paths = Paths()
    load_params(paths.params)
    with run_lock(f"winnow rollback {wanted}".rstrip()):
        before, problem = folder.current_name(paths), ""
        name = wanted or folder.before_current(paths)
        if not name:
            raise WinnowError(
                f"no run was promoted before {before}" if before else "no run is promoted here",
                remedy="`winnow rollback RUN` goes to any promoted run: "
                + (", ".join(folder.names(paths)) or "there is none"),
            )
        place = folder.folder_of(paths, name)
        files = RunFiles.in_folder(place)
        try:
            tag_run(paths, files)
        except WinnowError as error:
            problem = error.problem
        _move(paths, files, "rollback", "", is_tagged=not problem)
        return Moved("rollback", name, before, str(place), problem=problem)


def _move(paths: Paths, files: RunFiles, action: str, forced: str, is_tagged: bool = True) -> None:
    """Everything after folder and tag are there; done again, each step changes nothing more."""
    if folder.current_name(paths) != files.name:
        folder.point(paths, files.name)
    if is_tagged:
        tag_current(paths, files)
    noted = folder.noted_current(paths)
    if noted != files.name:
        who = folder.now(), folder.somebody()
        folder.note(paths, folder.Move(*who, action, noted, files.name, forced))


def failures(files: RunFiles, current: str) -> list[str]:
    """What keeps a run from being promoted, in words: failed gates, or compared with another."""
    manifest = files.gates()
    compared = manifest["params"]["previous"]
    failed = list(manifest["facts"]["failed"])
    if compared != current:
        failed.append(
            f"its gates compared it with {compared or 'no run'}, but {current or 'none'} is "
            "current: `winnow run` compares it again"
        )
    return failed


def held(name: str, failed: Sequence[str]) -> WinnowError:
    """The refusal of a run that is held: which number failed, by how much, and what to do."""
    return WinnowError(
        f"run {name} is held: {len(failed)} {'gate' if len(failed) == 1 else 'gates'} failed",
        where="\n    ".join(failed),
        remedy="mend the cause and run again; or, if the gate is wrong, "
        f"`winnow promote {name} --force REASON`",
    )


def _named(run: Recorded) -> Recorded:
    if NAME.fullmatch(run.name):
        return run
    raise SettingsError(
        f"a promoted run cannot be called {run.name!r}",
        expected="letters, digits and _ . -, a letter or digit first, and not `current`",
        remedy="`dvc exp rename` gives it another name",
    )


def _find(wanted: str) -> Recorded:
    """The kept run of that name; without one the workspace's, recorded if it is not kept yet."""
    if wanted:
        from flows.checkout import find

        run = find(wanted, kept_runs())
        return Recorded(run.name, run.commit)
    from flows.runs import with_place

    here = [run for run, is_here in with_place(kept_runs()) if is_here]
    if here:
        newest = max(here, key=_made)
        return Recorded(newest.name, newest.commit)
    if stale := repro.stale_stages():
        raise WinnowError(
            f"the run in the workspace is not finished: {', '.join(stale)} would run again",
            remedy="`winnow run` first, or name a kept run: `winnow runs` lists them",
        )
    choose = load_params(Paths().params).choose
    return record(f"curate-{choose.selector}-{choose.budget}")


def _made(run: Kept) -> tuple[int, str]:
    return int(line("show", "-s", "--format=%ct", run.commit) or 0), run.name
