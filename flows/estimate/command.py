"""`winnow estimate`: the whole estimate on standard output."""

from collections.abc import Sequence

from flows.estimate.foresight import in_words, last_errors
from flows.estimate.limits import Limits
from flows.estimate.looking import look
from flows.estimate.telling import above, as_json, as_text
from flows.form import checked
from flows.settings import apply_overrides
from tasks.stage import Paths, load_params


def estimate(overrides: Sequence[str], as_data: bool) -> tuple[str, bool]:
    """Estimate a run with `--set` overrides, which are not written.

    Returns the text, and whether the run keeps to the limits.
    """
    paths = Paths()
    params = checked(apply_overrides(load_params(paths.params), overrides))
    found, limits = look(params, paths, thorough=True), Limits.here()
    errors, broken = last_errors(paths), above(found, limits)
    if as_data:
        return as_json(found, limits, errors), not broken
    text = as_text(found, in_words(errors) if errors else "")
    return "\n".join([text, *(f"above the limit, {line}" for line in broken)]), not broken
