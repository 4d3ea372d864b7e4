"""Waiting for a page, for the tests that open one."""

from __future__ import annotations

import time

from playwright.sync_api import Page


def until(page: Page, expression: str, wanted: object = True) -> None:  # noqa: FBT002 - JSON's
    """Wait until an expression has a value; the page's policy forbids it to wait by itself.

    Args:
        page: in the browser.
        expression: JavaScript.
        wanted: its value.
    """
    deadline = time.monotonic() + 15
    while (found := page.evaluate(expression)) != wanted:
        assert time.monotonic() < deadline, f"{expression} is {found!r}, not {wanted!r}"
        time.sleep(0.02)
