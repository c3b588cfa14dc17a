"""Questions to a real Prefect server, for the tests of runs."""

import time

import httpx

RUN_SECONDS = 500  # by when a run has ended, on a busy machine; a quiet one needs a tenth of it


def wait_for(ask, seconds: float = 120):
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        if found := ask():
            return found
        time.sleep(0.5)  # each question costs the machine that runs the stages
    raise AssertionError(f"nothing within {seconds} s")


def get(api: str, path: str):
    answer = httpx.get(f"{api}/{path}", timeout=30)
    return answer.json() if answer.status_code == 200 else None


def ask(api: str, what: str, flow_run: str, **more) -> list[dict]:
    """The server's records of one flow run: task_runs, artifacts or logs."""
    one = what.removesuffix("s") if what != "task_runs" else "flow_run"
    key = {"task_runs": "flow_runs", "artifacts": "artifacts", "logs": "logs"}[what]
    wanted = (
        {"id": {"any_": [flow_run]}} if one == "flow_run" else {"flow_run_id": {"any_": [flow_run]}}
    )
    answer = httpx.post(f"{api}/{what}/filter", json={key: wanted, **more}, timeout=30)
    answer.raise_for_status()
    return answer.json()


def latest_run(api: str) -> str:
    asked = {"sort": "START_TIME_DESC", "limit": 1}
    return httpx.post(f"{api}/flow_runs/filter", json=asked, timeout=30).json()[0]["id"]


def start(api: str, deployment: dict, params: dict) -> httpx.Response:
    """The answer to a run's start; a busy SQLite's 503 is asked again, as Prefect's client does."""
    path = f"{api}/deployments/{deployment['id']}/create_flow_run"
    asked = {"parameters": {"params": params}, "state": {"type": "SCHEDULED"}}

    def answer() -> httpx.Response | None:
        given = httpx.post(path, json=asked, timeout=30)
        return None if given.status_code == httpx.codes.SERVICE_UNAVAILABLE else given

    return wait_for(answer, 60)


def finished(api: str, started: httpx.Response | str) -> dict:
    """The run at its end; `started` is its id, or the answer to its start."""
    if isinstance(started, httpx.Response):
        assert started.status_code == 201, started.text
        started = started.json()["id"]
    path = f"flow_runs/{started}"
    ends = ("COMPLETED", "FAILED", "CRASHED", "CANCELLED")

    def ended() -> dict | None:
        run = get(api, path)
        return run if run and run["state"]["type"] in ends else None

    return wait_for(ended, RUN_SECONDS)
