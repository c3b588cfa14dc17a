"""A person's way: the form on Prefect's page, a run, its artifacts and its report, in Chromium."""

import re
import shutil

import httpx
import polars as pl
import pytest
import yaml

from tests.flows.asking import RUN_SECONDS, ask, finished, get

playwright = pytest.importorskip("playwright.sync_api")
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
pytestmark = [
    pytest.mark.skipif(
        CHROMIUM is None, reason="no chromium: `make browser` says how to install it"
    ),
    pytest.mark.timeout(2 * RUN_SECONDS),
    pytest.mark.slow,
]
BUDGET, WEIGHT = "Budget (Optional)", "Diversity Weight (Optional)"


@pytest.fixture(scope="module")
def browser():
    with playwright.sync_playwright() as driver:
        chromium = driver.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield chromium
        chromium.close()


@pytest.fixture
def page(browser):
    page = browser.new_page(viewport={"width": 1300, "height": 1600}, reduced_motion="reduce")
    page.set_default_timeout(60_000)
    yield page
    page.close()


@pytest.fixture
def form(page, deployed, prefect_api):
    """The page `Custom run` of the deployment, reached as a person would."""
    deployment = get(prefect_api, "deployments/name/curate/curate")["id"]
    page.goto(f"{site(prefect_api)}/v2/deployments/deployment/{deployment}")
    page.get_by_role("button", name="Run", exact=True).click()
    page.get_by_role("menuitem", name="Custom Run").click()
    page.get_by_label(BUDGET, exact=True).wait_for()
    return page


def site(api: str) -> str:
    return api.removesuffix("/api")


def runs(api: str) -> set[str]:
    """The runs that somebody started: those of the schedule wait for tonight."""
    asked = {"flow_runs": {"deployment_id": {"any_": [deployment_id(api)]}}}
    answer = httpx.post(f"{api}/flow_runs/filter", json=asked, timeout=30)
    return {run["id"] for run in answer.raise_for_status().json()}


def deployment_id(api: str) -> str:
    return get(api, "deployments/name/curate/curate")["id"]


def test_the_form_starts_from_params_yaml_grouped_as_there_with_bounds(form, deployed, prefect_api):
    text = form.inner_text("body")
    blocks = ["Ingest", "Deduplicate", "Embed", "Score", "Choose", "Validate", "Measure", "Report"]
    places = [text.index(f"\n{block} (Optional)\n") for block in blocks]
    assert places == sorted(places)
    assert "Lambda: 0 = quality alone, 1 = diversity alone [>= 0, <= 1]" in text
    settings = get(prefect_api, "deployments/name/curate/curate")["parameters"]["params"]
    assert form.get_by_label(BUDGET, exact=True).input_value() == settings["choose"]["budget"]
    assert form.get_by_label(WEIGHT, exact=True).input_value() == str(
        settings["choose"]["diversity_weight"]
    )
    assert form.get_by_label("Max Tokens (Optional)", exact=True).input_value() == "32"


@pytest.mark.parametrize(
    ("label", "value", "words"),
    [
        (WEIGHT, "1.5", "Value must be less than or equal to 1."),
        ("Control Seeds (Optional)", "1", "Value must be greater than or equal to 2."),
    ],
)
def test_a_number_out_of_bounds_is_refused_in_the_form(form, prefect_api, label, value, words):
    before = runs(prefect_api)
    field = form.get_by_label(label, exact=True)
    field.fill(value)
    form.get_by_role("button", name="Submit").click()
    assert field.evaluate("field => field.validationMessage") == words
    assert form.url.partition("?")[0].endswith("/run")
    assert runs(prefect_api) == before


def test_a_budget_that_is_none_is_refused_and_no_run_is_made(form, prefect_api):
    before = runs(prefect_api)
    form.get_by_label(BUDGET, exact=True).fill("many")
    form.get_by_role("button", name="Submit").click()
    form.get_by_text(re.compile("does not match")).first.wait_for()
    assert runs(prefect_api) == before


def test_a_run_from_the_form_to_its_report(form, worker, prefect_api):
    form.get_by_label(BUDGET, exact=True).fill("9")
    form.get_by_label(WEIGHT, exact=True).fill("0.5")
    run = submitted(form)
    form.goto("about:blank")  # the page of a run under way turns a wheel, for half a core
    finished(prefect_api, run)
    form.goto(f"{site(prefect_api)}/v2/runs/flow-run/{run}")
    form.get_by_text("Completed", exact=True).first.wait_for()
    written = yaml.safe_load((worker.root / "params.yaml").read_text("utf-8"))["choose"]
    assert (written["budget"], written["diversity_weight"]) == ("9", 0.5)
    assert len(pl.read_parquet(worker.root / "artifacts" / "selection.parquet")) == 9
    counts = funnel_of_files(worker)
    artifacts = {one["key"]: one["id"] for one in ask(prefect_api, "artifacts", run)}
    for address in ("/v2/artifacts/artifact/", "/artifacts/artifact/"):
        shown = funnel_on_page(form, site(prefect_api) + address, artifacts["funnel"])
        assert shown == counts, address
    assert funnel_in_report(form, worker) == counts


def submitted(form) -> str:
    """The run that the server made of the form; its answer may take a while on a busy machine."""
    with form.expect_response(re.compile(r"/create_flow_run$"), timeout=120_000) as answer:
        form.get_by_role("button", name="Submit").click()
    assert answer.value.status == 201, answer.value.text()
    return answer.value.json()["id"]


def funnel_of_files(checkout) -> dict[str, int]:
    """Records read and kept, from the ledger and the selection themselves."""
    folder = checkout.root / "artifacts"
    return {
        "Records read": len(pl.read_parquet(folder / "decisions.parquet")),
        "Kept": len(pl.read_parquet(folder / "selection.parquet")),
    }


def funnel_on_page(page, folder: str, name: str) -> dict[str, int]:
    """The same two, read from the table of the artifact's page."""
    page.goto(folder + name)
    page.get_by_text("Records read").first.wait_for()
    found = {}
    for row in page.get_by_role("row").all():
        cells = [cell.strip() for cell in row.inner_text().split("\t")]
        if cells[0] in ("Records read", "Kept"):
            found[cells[0]] = int(cells[2])
    return found


def funnel_in_report(page, checkout) -> dict[str, int]:
    """The same two, read from the report."""
    page.goto((checkout.root / "artifacts" / "report.html").as_uri())
    text = page.inner_text("body")
    return {
        label: int(re.search(rf"{label}\s+([\d,]+)", text)[1].replace(",", ""))
        for label in ("Records read", "Kept")
    }
