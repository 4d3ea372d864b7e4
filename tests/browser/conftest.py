"""Fixtures: a headless Chromium without network, and reports to open in it."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from browsing import until
from playwright.sync_api import Browser, Page, Playwright, Route, sync_playwright
from report_pages import Tree, furnished, hostile

from sweep.report.figures.figure import ReportFigure
from sweep.report.figures.kinds import draw
from sweep.report.page.page import page
from sweep.report.write import library

ALL_DRAWN = "[...document.querySelectorAll('.figure')].every(p => p.dataset.drawn === 'true')"

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")


@pytest.fixture(scope="module")
def playwright() -> Iterator[Playwright]:
    """Playwright's driver, per module, since no other test can run asyncio meanwhile."""
    with sync_playwright() as found:
        yield found


@pytest.fixture(scope="module")
def browser(playwright: Playwright) -> Iterator[Browser]:
    """The system's Chromium."""
    path = next(filter(None, map(shutil.which, NAMES)), None)
    if path is None:
        pytest.skip(f"no Chromium browser is installed (looked for {', '.join(NAMES)})")
    # Root in a container has no user namespaces for the sandbox; the pages are our own.
    found = playwright.chromium.launch(executable_path=path, args=["--no-sandbox"])
    yield found
    found.close()


@pytest.fixture(scope="session")
def tree() -> Tree:
    """The report tree of a real study with HTML in its names and every optional part."""
    return furnished(hostile())


@pytest.fixture(scope="session")
def drawn(tree: Tree) -> list[ReportFigure]:
    """The tree's figures."""
    return draw(tree)


@pytest.fixture(scope="session")
def report_html(
    tree: Tree, drawn: list[ReportFigure], tmp_path_factory: pytest.TempPathFactory
) -> Path:
    """The report as an HTML file."""
    path = tmp_path_factory.mktemp("report") / "report.html"
    path.write_text(page(tree, drawn, plotly_js=library()), encoding="utf-8")
    return path


@pytest.fixture(scope="session")
def words_html(
    tree: Tree, drawn: list[ReportFigure], tmp_path_factory: pytest.TempPathFactory
) -> Path:
    """The report without plotly.js, which loads faster."""
    path = tmp_path_factory.mktemp("words") / "report.html"
    path.write_text(page(tree, drawn, plotly_js=None), encoding="utf-8")
    return path


@pytest.fixture(scope="session")
def scatter(drawn: list[ReportFigure]) -> str:
    """The id of a figure with a dot for each trial, and with a legend."""
    for each in drawn:
        traces = (each.figure or {"data": []})["data"]
        named = [t for t in traces if t.get("showlegend") is not False and t.get("name")]
        hovers = [t for t in traces if "trial" in str(t.get("hovertemplate"))]
        if len(named) > 1 and hovers and each.section == "Effects":
            return f"plot-{each.key}"
    raise AssertionError("no figure of trials has a legend")


@dataclass
class Seen:
    """A page in the browser.

    Attributes:
        page: Playwright's page.
        problems: errors and warnings of its console, errors of its scripts.
        asked: URLs that it requested, except its own.
    """

    page: Page
    problems: list[str] = field(default_factory=list)
    asked: list[str] = field(default_factory=list)

    def draw_all(self) -> None:
        """Scroll to each figure, until all are drawn."""
        for place in self.page.locator(".figure").all():
            place.scroll_into_view_if_needed()
        self.wait_for_figures()

    def wait_for_figures(self) -> None:
        """Wait until every figure is drawn."""
        until(self.page, ALL_DRAWN)


Open = Callable[..., Seen]


@pytest.fixture
def opened(browser: Browser, report_html: Path) -> Iterator[Open]:
    """Opens the report from disk without network; any console error fails the test."""
    contexts, views = [], []

    def open_it(*, path: Path = report_html, width: int = 1200, **how: Any) -> Seen:
        context = browser.new_context(offline=True, viewport={"width": width, "height": 800}, **how)
        contexts.append(context)
        seen = Seen(context.new_page())
        views.append(seen)

        def refuse(route: Route) -> None:
            if route.request.url == path.as_uri():
                route.continue_()
            else:
                seen.asked.append(route.request.url)
                route.abort()

        context.route("**/*", refuse)
        seen.page.on(
            "console",
            lambda message: (
                seen.problems.append(message.text) if message.type in ("error", "warning") else None
            ),
        )
        seen.page.on("pageerror", lambda error: seen.problems.append(str(error)))
        seen.page.set_default_timeout(15_000)
        seen.page.goto(path.as_uri())
        return seen

    yield open_it
    for context in contexts:
        context.close()
    assert [seen.problems for seen in views if seen.problems] == []
    assert [seen.asked for seen in views if seen.asked] == []
