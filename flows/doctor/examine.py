"""All checks in their order, as a table or as JSON."""

import json
import textwrap
from collections.abc import Callable, Iterable, Sequence
from typing import Final

from flows.doctor import machine, model, packages, prefect, storage
from flows.doctor.finding import Finding, fail

CHECKS: Final[tuple[Callable[[], Iterable[Finding]], ...]] = (
    packages.check,
    machine.check_git,
    machine.check_disk,
    machine.check_memory,
    model.check,
    storage.check_repository,
    storage.check_remote,
    storage.check_s3,
    prefect.check,
)


def examine() -> list[Finding]:
    """Run every check; one that breaks is itself a finding, and the others go on."""
    found: list[Finding] = []
    for check in CHECKS:
        try:
            found += check()
        except Exception as error:  # a doctor must not die of the illness: it is reported
            name = f"{check.__module__.rpartition('.')[2]} ({check.__name__})"
            found.append(fail(name, f"the check broke: {type(error).__name__}: {error}", ""))
    return found


def failed(findings: Iterable[Finding]) -> bool:
    """Whether anything does not work."""
    return any(finding.state == "fail" for finding in findings)


def as_json(findings: Sequence[Finding]) -> str:
    """One object: whether all is well, and every finding."""
    checks = [finding.as_dict() for finding in findings]
    return json.dumps({"healthy": not failed(findings), "checks": checks}, indent=1)


def as_text(findings: Sequence[Finding]) -> str:
    """Render a line per finding, and below those that are not well the command that mends them."""
    width = max(len(finding.what) for finding in findings)
    lines = []
    for finding in findings:
        found = textwrap.shorten(finding.found, 400)
        lines.append(f"{finding.state:<10}  {finding.what:<{width}}  {found}")
        if finding.mend and finding.state != "ok":
            lines.append(f"{'':<10}  {'':<{width}}  -> {finding.mend}")
    return "\n".join(lines)
