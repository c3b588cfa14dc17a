"""The settings, and the model they name."""

from collections.abc import Iterator

from flows.doctor.finding import Finding, fail, ok
from schemas.errors import WinnowError


def check() -> Iterator[Finding]:
    """Whether params.yaml is right and the model's files are here; the model is not loaded."""
    from tasks.encoders.models import WEIGHTS, model_folder
    from tasks.stage import Paths, load_params

    try:
        params = load_params(Paths().params)
    except WinnowError as error:
        yield fail("settings", _line(error), error.remedy or "git checkout params.yaml")
        return
    yield ok("settings", f"params.yaml is valid; selector {params.choose.selector}")
    try:
        folder = model_folder(params.embed)
    except WinnowError as error:
        mend = error.remedy or "winnow run --set embed.model=all-MiniLM-L6-v2"
        yield fail("model", _line(error), mend)
        return
    except ImportError as error:
        mend = ".venv/bin/uv pip install -c constraints.txt -e '.[test]'"
        yield fail("model", f"its package is missing: {error}", mend)
        return
    size = sum(path.stat().st_size for path in folder.rglob(WEIGHTS)) / 2**20
    yield ok("model", f"{params.embed.model}, weights {size:.0f} MiB")


def _line(error: WinnowError) -> str:
    return " ".join(str(error).split())
