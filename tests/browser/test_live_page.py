"""The report served during a sweep: it updates in place and keeps the reader's view state."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from typing import Any

import pytest
from browsing import until
from playwright.sync_api import Browser, Page, expect
from report_pages import Tree

from sweep.report.serve import ReportRefresher, Server

pytestmark = pytest.mark.browser


class ReportServer:
    """A real HTTP server of a report tree that a test changes."""

    def __init__(self, tree: Tree) -> None:
        self.tree = tree
        self.number = 0
        self.editor = ReportRefresher(lambda: self.tree, lambda: self.number)
        self.server = Server(self.editor, 0)
        self._thread = threading.Thread(target=self.server.serve_forever, args=(0.02,))
        self._thread.start()

    def publish(self, tree: Tree) -> None:
        """Publish a new tree."""
        self.tree = tree
        self.number += 1
        assert self.editor.renew()

    def close(self) -> None:
        """Stop the server."""
        self.server.shutdown()
        self.server.server_close()
        self._thread.join()


def running(tree: Tree, complete: int) -> Tree:
    """The report tree at an earlier time, with this many trials."""
    study = tree["study"] | {"driver": "somebody", "target_trials": 60}
    return tree | {"study": study, "counts": tree["counts"] | {"complete": complete}}


@pytest.fixture
def report_server(tree: Tree) -> Iterator[ReportServer]:
    """A server of the report of a running sweep."""
    made = ReportServer(running(tree, 13))
    yield made
    made.close()


@pytest.fixture
def page(browser: Browser, report_server: ReportServer) -> Iterator[Page]:
    """The page in the browser."""
    context = browser.new_context(viewport={"width": 1200, "height": 800})
    found = context.new_page()
    found.set_default_timeout(15_000)
    found.goto(report_server.server.url)
    expect(found.locator("#news")).to_contain_text("13 of 60 trials")
    yield found
    context.close()


def test_updates_come_in_place_and_keep_the_view_state(
    page: Page, report_server: ReportServer, tree: Tree, scatter: str
) -> None:
    """Keeps open details, table order, hidden legend entries, scroll position and the figures."""
    name, place = scatter, page.locator(f"#{scatter}")
    place.scroll_into_view_if_needed()
    expect(place).to_have_attribute("data-drawn", "true")
    hidden = f"document.getElementById('{name}')._fullData.filter(t => t.visible !== true).length"
    place.locator(".legendtoggle").first.click()
    until(page, f"{hidden} > 0")  # plotly waits for a possible double click
    before = page.evaluate(hidden)
    page.evaluate(f"document.getElementById('{name}').mine = true")
    words = page.locator(f"#{name.replace('plot-', 'fig-')}-words")
    words.locator("summary").click()
    page.locator("#trial-table thead button").first.click()
    place.scroll_into_view_if_needed()
    top = place.evaluate("e => e.getBoundingClientRect().top")

    more = running(tree, 14)
    report_server.publish(
        more | {"cannot": [*more["cannot"], "Something longer, above the reader."]}
    )

    expect(page.locator("#news")).to_contain_text("14 of 60 trials")
    expect(page.locator("#news")).to_contain_text("updated")
    expect(page.locator('.lede data[data-at="/counts/complete"]')).to_have_text("14")
    expect(page.locator("#cannot")).to_contain_text("Something longer")
    assert page.evaluate(f"document.getElementById('{name}').mine") is True
    assert page.evaluate(hidden) == before
    assert words.get_attribute("open") is not None
    expect(page.locator("#trial-table thead th").first).to_have_attribute("aria-sort", "ascending")
    assert page.locator("#trial-table tbody th").first.inner_text() == "0"
    assert abs(place.evaluate("e => e.getBoundingClientRect().top") - top) < 5


def test_the_end_of_the_sweep_and_of_the_server_is_shown(
    page: Page, report_server: ReportServer, tree: Tree
) -> None:
    """As text in the status bar, also for screen readers."""
    done = running(tree, 60)
    report_server.publish(done | {"study": done["study"] | {"driver": None}})
    expect(page.locator("#news")).to_have_text("the sweep has ended, 60 of 60 trials")
    assert page.locator("#news").get_attribute("role") == "status"

    page.context.set_offline(True)  # an open connection would outlive the server
    expect(page.locator("#news")).to_have_text("the server is gone")
    assert page.locator("h1").is_visible()
    page.context.set_offline(False)
    expect(page.locator("#news")).to_have_text("the sweep has ended, 60 of 60 trials")


def test_a_new_figure_is_drawn_and_a_removed_one_disappears(
    page: Page, report_server: ReportServer, tree: Tree
) -> None:
    """Figures are added and removed with the tree."""
    nothing: dict[str, Any] = {"trials": [], "ranking": [], "best": None, "analysis": None}
    nothing |= {"factors": [], "cells": [], "best_so_far": [], "gaps": [], "front": []}
    report_server.publish(running(tree, 14) | nothing)
    expect(page.locator("#news")).to_contain_text("14 of")
    assert page.locator(".figure").count() == 0

    report_server.publish(running(tree, 15))
    expect(page.locator("#news")).to_contain_text("15 of")
    first = page.locator(".figure").first
    first.scroll_into_view_if_needed()
    expect(first).to_have_attribute("data-drawn", "true")
