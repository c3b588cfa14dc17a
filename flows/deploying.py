"""`winnow deploy`: the work pool and the deployments of infra/prefect.yaml.

Prefect's own `prefect deploy` reads the file; what differs between checkouts it asks of
`describe_checkout`, the file's build step.
"""

import shlex
import subprocess
import sys
from pathlib import Path
from typing import Any, Final

from flows import server
from schemas.errors import SettingsError, WinnowError

FILE: Final = Path("infra/prefect.yaml")
POOL: Final = "winnow"


def describe_checkout() -> dict[str, Any]:
    """Say where this checkout lies, how its Python starts a run, and what params.yaml holds.

    The nightly run is compared with what is promoted when it starts, whatever params.yaml says.
    """
    from flows.form import checked
    from tasks.stage import Paths, load_params

    params = checked(load_params(Paths().params)).model_dump(mode="json")
    return {
        "directory": str(Path().resolve()),
        "command": shlex.join([sys.executable, "-m", "prefect.engine"]),
        "params": params,
        "nightly_params": {**params, "previous": {**params["previous"], "follow": True}},
    }


def deploy(replace: bool = False) -> str:
    """Make or update pool and deployments on the configured Prefect API; returns what to do next.

    Safe to repeat. Raises `SettingsError` where no API is configured, `WinnowError` where it does
    not answer or where a deployment belongs to another checkout, unless `replace`.
    """
    here = describe_checkout()["directory"]  # wrong settings are told before anything is made
    url = _api()
    if not replace:
        _ensure_ours(here)
    _make_pool()
    told = subprocess.run(
        [sys.executable, "-m", "prefect", "--no-prompt", "deploy", "--all",
         "--prefect-file", str(FILE)],
        capture_output=True,
        text=True,
        check=False,
    )  # fmt: skip
    if told.returncode:
        said = (told.stdout + told.stderr).strip()
        raise WinnowError("Prefect did not take the deployments", where=said[-2000:])
    names = ", ".join(_names())
    return (
        f"deployed to {url}: {names}\n"
        f"page: {url.removesuffix('/api')}/v2/deployments\n"
        f"a worker runs them: prefect worker start --pool {POOL}"
    )


def _api() -> str:
    url = server.configured_url()
    if not url:
        raise SettingsError(
            "no Prefect server is configured",
            expected="PREFECT_API_URL, or a Prefect profile that names the API",
            remedy="prefect server start, then export PREFECT_API_URL=http://127.0.0.1:4200/api; "
            "or `winnow serve`, which needs neither server nor worker",
        )
    if not server.is_reachable():
        raise WinnowError(
            "the Prefect server does not answer", where=url, remedy="prefect server start"
        )
    return url


def _names() -> list[str]:
    """Every deployment of the file as Prefect calls it: flow/deployment."""
    import yaml

    found = yaml.safe_load(FILE.read_text("utf-8"))["deployments"]
    return [f"{each['entrypoint'].rpartition(':')[2]}/{each['name']}" for each in found]


def _ensure_ours(here: str) -> None:
    """Refuse to take a deployment away from another checkout: its runs would move here unasked."""
    from prefect.client.orchestration import get_client
    from prefect.exceptions import ObjectNotFound

    with get_client(sync_client=True) as client:
        for name in _names():
            try:
                known = client.read_deployment_by_name(name)
            except ObjectNotFound:
                continue
            for step in known.pull_steps or []:
                directory = next(iter(step.values())).get("directory", here)
                if directory != here:
                    raise WinnowError(
                        f"the deployment {name} belongs to another checkout",
                        expected=here,
                        where=directory,
                        remedy="winnow deploy --replace takes it over",
                    )


def _make_pool() -> None:
    """Create the pool of worker processes unless it is there; a changed one is left as it is."""
    from prefect.client.orchestration import get_client
    from prefect.client.schemas.actions import WorkPoolCreate
    from prefect.exceptions import ObjectAlreadyExists
    from prefect.workers.process import ProcessWorker

    pool = WorkPoolCreate(
        name=POOL,
        type=ProcessWorker.type,
        base_job_template=ProcessWorker.get_default_base_job_template(),
        description="Winnow's runs, as processes of a worker on the checkout's machine",
    )
    with get_client(sync_client=True) as client:
        try:
            client.create_work_pool(pool)
        except ObjectAlreadyExists:
            found = client.read_work_pool(POOL)
            if found.type != ProcessWorker.type:
                raise WinnowError(
                    f"the work pool {POOL} has type {found.type}",
                    expected=ProcessWorker.type,
                    remedy=f"prefect work-pool delete {POOL}",
                ) from None
