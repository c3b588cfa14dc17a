"""Prefect's server, its database and its workers, asked over the API."""

from collections.abc import Iterator
from typing import Any

from flows import server
from flows.doctor.finding import Finding, absent, fail, ok, warn

START = "make services, or: winnow serve"


def check() -> Iterator[Finding]:
    """The server first: without it nothing can be said of the others."""
    url = server.configured_url()
    if not url:
        yield absent("prefect", "no PREFECT_API_URL: each run starts a temporary server", START)
        return
    client = _client(url)
    with client:
        finding = _server(client, url)
        yield finding
        if finding.state == "fail":
            return
        finding = _database(client)
        yield finding
        if finding.state != "fail":
            yield _workers(client)


def _client(url: str) -> Any:
    import httpx
    from prefect.settings import PREFECT_API_AUTH_STRING

    user, _, password = str(PREFECT_API_AUTH_STRING.value() or "").partition(":")
    return httpx.Client(base_url=url, timeout=10, auth=(user, password) if user else None)


def _server(client: Any, url: str) -> Finding:
    import httpx
    import prefect

    try:
        answer = client.get("/admin/version")
    except httpx.TransportError as error:
        return fail("prefect", f"{url} does not answer: {error}", START)
    if answer.status_code == httpx.codes.UNAUTHORIZED:
        mend = "export PREFECT_API_AUTH_STRING=$(cat FILE)   (user:password, as the server's)"
        return fail("prefect", f"{url} asks for a password, or for another one", mend)
    if answer.is_error:
        return fail("prefect", f"{url} answers {answer.status_code}", START)
    there, here = answer.json(), prefect.__version__
    if there != here:
        mend = "start the server from this .venv: make services-stop services"
        return warn("prefect", f"{url} is {there}, this side {here}", mend)
    return ok("prefect", f"{url}, version {there}")


def _database(client: Any) -> Finding:
    answer = client.get("/ready")
    if answer.is_error:
        mend = "make services   (PostgreSQL; or see the server's log)"
        return fail("database", f"the server cannot use its database ({answer.status_code})", mend)
    dialect = client.get("/admin/settings").json().get("server", {}).get("database", {})
    driver = dialect.get("driver") or ("given by address" if dialect.get("connection_url") else "")
    return ok("database", f"the server can use it{f' ({driver})' if driver else ''}")


def _workers(client: Any) -> Finding:
    pools = client.post("/work_pools/filter", json={}).json()
    if not pools:
        return absent("worker", "no work pool", "make services, or: winnow serve")
    online, silent = [], []
    for pool in pools:
        workers = client.post(f"/work_pools/{pool['name']}/workers/filter", json={}).json()
        here = [worker["name"] for worker in workers if worker["status"] == "ONLINE"]
        online += [f"{name} ({pool['name']})" for name in here]
        silent += [] if here else [pool["name"]]
    if silent:
        mend = f"prefect worker start --pool {silent[0]}, or: make services"
        return fail("worker", f"nobody works for the pool {', '.join(silent)}", mend)
    return ok("worker", ", ".join(online))
