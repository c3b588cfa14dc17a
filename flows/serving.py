"""`winnow serve`: the deployment `curate`, so that the Prefect page's form starts a run."""

import os
import sys
from contextlib import ExitStack

from flows import server


def serve(host: str, port: int) -> None:
    """Serve until interrupted, on the configured Prefect API or on a local server started for it.

    A server started here ends here. Runs wait for each other: one at a time per checkout. Beyond
    loopback it asks for a password, and raises `SettingsError` if none is set.
    """
    from tasks.stage import Paths, load_params

    os.environ.setdefault("PREFECT_RUNNER_POLL_FREQUENCY", "2")  # a person waits for the form's run
    auth = server.guarded(host)
    params = load_params(Paths().params)
    with ExitStack() as stack:
        url = server.configured_url()
        if not url or not server.is_reachable():
            print("starting a Prefect server, which takes about 10 s", file=sys.stderr, flush=True)
            url = stack.enter_context(server.local_server(host, server.free_port(host, port), auth))
        stack.enter_context(_talking_to(url, auth))
        print(f"page: {url.removesuffix('/api')}/v2/deployments", flush=True)
        print("open the deployment `curate`, then Run > Custom run; Ctrl-C stops", flush=True)
        from flows.curate import curate

        curate.serve(
            name="curate",
            parameters={"params": params.model_dump(mode="json")},
            limit=1,
            description="Pick the rows worth training on. The form starts from params.yaml.",
            print_starting_message=False,
        )


def _talking_to(url: str, auth: str) -> ExitStack:
    """Point this process, and the runs it starts, to an API."""
    from prefect.settings import PREFECT_API_AUTH_STRING, PREFECT_API_URL, temporary_settings

    updates = {PREFECT_API_URL: url, **({PREFECT_API_AUTH_STRING: auth} if auth else {})}
    os.environ.update({"PREFECT_API_URL": url, **server.with_auth(auth)})
    stack = ExitStack()
    stack.enter_context(temporary_settings(updates=updates))
    return stack
