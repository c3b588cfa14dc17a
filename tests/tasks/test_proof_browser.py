"""Both pages of proving in a real browser: drawn without a fault or a request, at any width."""

import shutil

import pytest

from tasks.pages.pareto import pareto_page
from tasks.pages.proof import proof_page
from tasks.proving.sweep import analyse
from tests.tasks.proof_data import proof_data
from tests.tasks.test_pareto import points

CHROMIUM = shutil.which("chromium")
HOSTILE = "</script><img src=x onerror=alert(1)>"


@pytest.fixture(params=["proof", "pareto"])
def page_file(request, tmp_path):
    made = {
        "proof": lambda: proof_page(proof_data(HOSTILE)),
        "pareto": lambda: pareto_page(
            {"selector": HOSTILE, **analyse(points(HOSTILE), "coverage_mean")}
        ),
    }
    file = tmp_path / f"{request.param}.html"
    file.write_text(made[request.param](), encoding="utf-8")
    return file


@pytest.mark.slow
@pytest.mark.skipif(CHROMIUM is None, reason="no Chromium: apt-get install chromium")
def test_a_page_is_drawn_at_any_width_and_in_the_dark(page_file):
    from playwright.sync_api import sync_playwright

    with sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        for width, scheme in ((1280, "light"), (390, "dark")):
            page = browser.new_page(viewport={"width": width, "height": 900}, color_scheme=scheme)
            problems, asked = [], []
            page.on("pageerror", lambda error, into=problems: into.append(str(error)))
            page.on("console", lambda said, into=problems: said.type == "error"
                    and into.append(said.text))  # fmt: skip
            page.on("dialog", lambda dialog, into=problems: into.append(dialog.message))
            page.on("request", lambda request, into=asked: into.append(request.url))
            page.goto(page_file.as_uri())
            places = page.locator(".plot").count()
            page.wait_for_function(
                "count => document.querySelectorAll('.plot .scatterlayer .point').length >= count",
                arg=places,
            )
            assert page.locator(".plot .main-svg").count() >= places > 0
            assert page.evaluate("document.documentElement.scrollWidth") == width
            assert problems == []
            assert all(url.startswith(("file:", "data:", "blob:")) for url in asked)
            page.close()
        browser.close()
