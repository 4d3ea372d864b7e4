"""Helper for browser tests: wait for a condition on a page."""

from __future__ import annotations

import time

from playwright.sync_api import Page


def until(page: Page, expression: str, wanted: object = True) -> None:  # noqa: FBT002 - JSON's
    """Wait until a JavaScript expression has a value; the page's CSP forbids Playwright's own wait.

    Args:
        page: in the browser.
        expression: JavaScript.
        wanted: its value.
    """
    deadline = time.monotonic() + 15
    while (found := page.evaluate(expression)) != wanted:
        assert time.monotonic() < deadline, f"{expression} is {found!r}, not {wanted!r}"
        time.sleep(0.02)
