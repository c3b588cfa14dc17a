"""`winnow prove` at a terminal: progress to stderr as it comes, the table to stdout."""

import json
import logging
import sys
from collections.abc import Sequence
from itertools import groupby
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from flows.console import columns
from schemas.params import Params
from schemas.plain import plain
from schemas.proof import ProveParams
from tasks.paths import Paths
from tasks.proving.engine import Tell
from tasks.proving.prove import Proof, prove
from tasks.proving.records import Summary
from tasks.stage import load_params, settings_error

HEADER = ("budget", "method", "score", "against uniform", "95 % interval", "verdict", "rows")


def tell(asked: dict[str, Any], out: Path | None, as_data: bool) -> str:
    """Run the experiment; returns the table, or all of it as JSON."""
    _listen()
    proof = run(settings_of(asked), out, _progress)
    return json.dumps(proof.as_dict()) if as_data else as_text(proof)


def settings_of(asked: dict[str, Any]) -> ProveParams:
    """Check what was asked; raises `SettingsError` naming each wrong option."""
    try:
        return ProveParams.model_validate(asked)
    except ValidationError as error:
        raise settings_error(error, "winnow prove") from None


def run(asked: ProveParams, out: Path | None, progress: Tell) -> Proof:
    """Run it with the settings of params.yaml, or Winnow's own where there is no such file."""
    paths = Paths()
    params = load_params(paths.params) if paths.params.exists() else Params()
    return prove(asked, params, paths, out or paths.artifacts / "proof", progress)


def _listen() -> None:
    """Show the lines of embedding and scoring too."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(logging.Formatter("%(message)s"))
    log = logging.getLogger("winnow")
    log.handlers, log.propagate = [handler], False
    log.setLevel(logging.INFO)


def _progress(text: str) -> None:
    print(plain(text), file=sys.stderr, flush=True)


def as_text(proof: Proof) -> str:
    """One table per consumer, budgets in order; then how to read it."""
    facts = proof.facts
    lines = [
        f"{plain(proof.name)}: {facts['train']:,} rows to choose from, {facts['test']:,} held out"
        f" ({facts['copies_removed_from_test']:,} copies of the former removed)"
    ]
    by_consumer = sorted(proof.summaries, key=lambda each: (each.consumer, each.budget))
    for consumer, group in groupby(by_consumer, key=lambda each: each.consumer):
        found = list(group)
        unit = f"{found[0].unit}, {found[0].better} is better"
        lines += ["", f"{consumer} ({unit})", columns([HEADER, *map(_line, found)])]
    return "\n".join([*lines, "", explained(facts)])


def _line(each: Summary) -> Sequence[str]:
    reference = each.method == "uniform"
    return (
        f"{100 * each.budget:g} %",
        each.method,
        f"{each.score:.4f}",
        "" if reference else f"{each.delta:+.4f}",
        "" if reference else f"{each.low:+.4f} to {each.high:+.4f}",
        each.verdict,
        f"{each.rows:,.0f}",
    )


def explained(facts: dict[str, Any]) -> str:
    """What the intervals and verdicts mean."""
    return (
        f"Differences are paired over {facts['seeds']} seeds and by test row; the interval holds "
        f"both errors and is not adjusted.\nVerdicts are: Holm, 5 % over all "
        f"{facts['comparisons']} comparisons."
    )
