"""The report page in a real browser, opened from disk without network."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from browsing import until
from playwright.sync_api import Page, expect
from report_pages import EVIL, Tree

from sweep.report.figures.figure import ReportFigure

pytestmark = pytest.mark.browser

Open = Callable[..., Any]

LIGHT, DARK = "rgb(255, 255, 255)", "rgb(24, 27, 32)"
"""The figures' background colour, the page's ``--surface``."""


def background(figure: str) -> str:
    """A JavaScript expression for the background colour of a figure."""
    return f"getComputedStyle(document.querySelector('#{figure} .main-svg')).backgroundColor"


def test_every_figure_is_drawn_and_no_name_is_executed(
    opened: Open, drawn: list[ReportFigure]
) -> None:
    """Figures are drawn only when they scroll into view."""
    seen = opened()
    page = seen.page
    page.wait_for_load_state()
    at_first = page.locator(".figure[data-drawn]").count()
    seen.draw_all()

    figures = [each.key for each in drawn if each.figure is not None]
    assert at_first < len(figures)
    assert page.locator(".figure[data-drawn=true] .main-svg >> nth=0").count() == 1
    for key in figures:
        assert page.locator(f"#plot-{key} .main-svg").count() >= 2, key
    assert page.title().startswith(EVIL)
    assert page.locator("h1").inner_text().startswith(EVIL)


def test_a_point_s_tooltip_names_its_trial(opened: Open, scatter: str) -> None:
    """Hovering over a point shows its trial."""
    seen = opened()
    page, name = seen.page, scatter
    place = page.locator(f"#{name}")
    place.scroll_into_view_if_needed()
    expect(place).to_have_attribute("data-drawn", "true")
    point = place.locator(".scatterlayer .trace path.point").first
    box = point.bounding_box()
    assert box is not None
    page.mouse.move(box["x"] - 30, box["y"] - 30)
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2, steps=3)

    hover = place.locator(".hoverlayer .hovertext")
    expect(hover.first).to_contain_text(re.compile(r"trial \d+"))


def test_a_legend_entry_stays_hidden_in_another_theme(opened: Open, scatter: str) -> None:
    """Legend entries toggle traces; redrawing keeps them hidden."""
    seen = opened()
    page, name = seen.page, scatter
    place = page.locator(f"#{name}")
    place.scroll_into_view_if_needed()
    expect(place).to_have_attribute("data-drawn", "true")
    hidden = f"document.getElementById('{name}')._fullData.filter(t => t.visible !== true).length"
    before = page.evaluate(hidden)
    place.locator(".legendtoggle").first.click()
    until(page, f"{hidden} > {before}")
    after = page.evaluate(hidden)
    until(page, background(name), LIGHT)
    page.locator("#theme").click()
    until(page, background(name), DARK)
    assert page.evaluate(hidden) == after


def test_the_system_s_theme_is_used_until_one_is_chosen(
    opened: Open, drawn: list[ReportFigure]
) -> None:
    """The page turns dark with the system; the reader's choice persists."""
    seen = opened(color_scheme="light")
    page, name = seen.page, next(f"plot-{d.key}" for d in drawn if d.figure is not None)
    page.locator(f"#{name}").scroll_into_view_if_needed()
    expect(page.locator(f"#{name}")).to_have_attribute("data-drawn", "true")
    page.emulate_media(color_scheme="dark")
    until(page, background(name), DARK)
    grid = page.locator(f"#{name} .gridlayer path").first.evaluate(
        "g => getComputedStyle(g).stroke"
    )
    assert grid == "rgb(42, 47, 54)"
    expect(page.locator("#theme")).to_have_attribute("aria-pressed", "true")

    page.locator("#theme").click()
    assert page.evaluate("getComputedStyle(document.documentElement).colorScheme") == "light"
    page.reload()
    while page.evaluate("document.documentElement.dataset.theme") != "light":
        page.reload()  # Chromium passes local storage to its next process with a delay
    expect(page.locator("#theme")).to_have_attribute("aria-pressed", "false")


def test_no_horizontal_scrolling_on_a_phone(opened: Open) -> None:
    """At 390 pixels only wide tables scroll, each by itself, and all figures fit."""
    seen = opened(width=390)
    page = seen.page
    seen.draw_all()
    assert page.evaluate("document.documentElement.scrollWidth") == 390
    widths = page.locator(".figure .svg-container").evaluate_all(
        "all => all.map(e => e.getBoundingClientRect().right)"
    )
    assert max(widths) <= 390
    table = page.locator(".scroll:has(#trial-table)")
    assert table.evaluate("e => e.scrollWidth > e.clientWidth")
    expect(table).to_have_attribute("tabindex", "0")
    assert page.locator("#contents").get_attribute("open") is None


def test_a_table_is_sorted_by_keyboard(opened: Open, words_html: Path, tree: Tree) -> None:
    """Tab to a heading, Enter sorts up, Enter again down; missing values stay last."""
    seen = opened(path=words_html)
    page = seen.page
    page.locator("#trial-table thead th").nth(1).locator("button").focus()
    first = (
        "[...document.querySelectorAll('#trial-table tbody tr')].map(r => r.cells[1].textContent)"
    )

    page.keyboard.press("Enter")
    head = page.locator("#trial-table thead th").nth(1)
    expect(head).to_have_attribute("aria-sort", "ascending")
    rising = [text for text in page.evaluate(first) if text != "\N{EN DASH}"]
    assert [float(t) for t in rising] == sorted(float(t) for t in rising)
    assert page.evaluate(first)[-1] == "\N{EN DASH}"

    page.keyboard.press("Enter")
    expect(head).to_have_attribute("aria-sort", "descending")
    falling = page.evaluate(first)[: len(rising)]
    assert [float(t) for t in falling] == sorted(map(float, rising), reverse=True)
    assert page.evaluate(first)[-1] == "\N{EN DASH}"

    page.locator("#trial-table thead th").nth(0).locator("button").press("Space")
    numbers = page.evaluate(
        "[...document.querySelectorAll('#trial-table tbody th')].map(h => Number(h.textContent))"
    )
    assert numbers == sorted(trial["number"] for trial in tree["trials"])
    assert page.locator("#trial-table [aria-sort]").count() == 1


def test_the_configuration_can_be_copied(opened: Open, words_html: Path) -> None:
    """A button copies it and confirms."""
    seen = opened(path=words_html, permissions=["clipboard-read", "clipboard-write"])
    page = seen.page
    button = page.locator("#lora-config .copy")
    button.click()
    expect(button).to_have_text("Copied")
    copied = page.evaluate("navigator.clipboard.readText()")
    assert copied == page.locator("#lora-config code").text_content()
    assert "LoraConfig(" in copied


def test_the_printed_page_has_all_figures_and_no_buttons(
    opened: Open, drawn: list[ReportFigure]
) -> None:
    """Light theme, all figures drawn, details open, no buttons; the page is restored afterwards.

    A PDF of a page that was never scrolled shows the figures only through the ``beforeprint``
    event. Their state during printing is read by dispatching it again.
    """
    seen = opened(color_scheme="dark")
    page = seen.page
    assert page.pdf(format="A4").startswith(b"%PDF")
    drawn_ones = sum(each.figure is not None for each in drawn)
    assert page.locator(".figure[data-drawn=true]").count() == drawn_ones
    page.emulate_media(media="print", color_scheme="dark")
    page.evaluate("dispatchEvent(new Event('beforeprint'))")
    seen.wait_for_figures()
    for hidden in ("#theme", ".copy", ".contents", ".traceback", ".bar"):
        assert not page.locator(hidden).first.is_visible(), hidden
    words = page.locator(".words")
    assert words.count() == words.locator("p:visible").count()
    assert page.locator(".words:not([open])").count() == 0
    name = next(f"plot-{d.key}" for d in drawn if d.figure is not None)
    until(page, background(name), LIGHT)
    width = page.locator(f"#{name} .main-svg").first.evaluate("s => s.clientWidth")
    assert width <= 660

    page.emulate_media(media="screen", color_scheme="dark")
    page.evaluate("dispatchEvent(new Event('afterprint'))")
    assert page.locator(".words[open]").count() == 0
    until(page, background(name), DARK)


def test_no_serious_accessibility_violation(opened: Open) -> None:
    """No serious or critical rule of axe-core is violated, in light and in dark."""
    seen = opened(color_scheme="light", reduced_motion="reduce")  # no colours in mid-transition
    seen.draw_all()
    seen.page.locator("details").evaluate_all("all => all.forEach(d => { d.open = true; })")
    for scheme in ("light", "dark"):
        seen.page.emulate_media(color_scheme=scheme)
        assert barriers(seen.page) == [], scheme


def barriers(page: Page) -> list[tuple[str, list[Any]]]:
    """The violations that axe-core finds.

    Within plots only buttons are checked, since each figure has a description in text; of long
    tables only the first rows.
    """
    left_out = [[".main-svg"], ["#trial-table tbody tr:nth-child(n+4)"]]
    found = Axe().run(page, {"exclude": left_out}).response["violations"]
    return [
        (each["id"], [node["target"] for node in each["nodes"]][:3])
        for each in found
        if each["impact"] in ("serious", "critical")
    ]


def test_axe_finds_a_violation(opened: Open, words_html: Path) -> None:
    """So the test above can fail."""
    seen = opened(path=words_html)
    seen.page.add_style_tag(content=".lede { color: light-dark(#ccc, #333) !important; }")
    assert [rule for rule, _ in barriers(seen.page)] == ["color-contrast"]


def test_all_controls_are_reachable_by_keyboard(opened: Open, words_html: Path) -> None:
    """First the skip link, then the bar; the focused element has a visible outline."""
    seen = opened(path=words_html)
    page = seen.page
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.className") == "skip"
    assert page.locator(".skip").bounding_box()["y"] >= 0  # type: ignore[index]
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.id") == "theme"
    outline = page.evaluate("getComputedStyle(document.activeElement).outlineStyle")
    assert outline == "solid"


def test_without_scripts_only_figures_are_missing(opened: Open, drawn: list[ReportFigure]) -> None:
    """Tables, text and a note that says where the numbers are."""
    seen = opened(java_script_enabled=False)
    page = seen.page
    assert "report.json" in str(page.locator("noscript").text_content())
    expect(page.locator("#trial-table")).to_be_visible()
    assert not page.locator("#theme").is_visible()
    assert page.locator(".words").count() == sum(
        each.figure is not None and bool(each.summary) for each in drawn
    )


def test_figures_keep_their_height_when_the_window_is_resized(
    opened: Open, drawn: list[ReportFigure]
) -> None:
    """Plotly measures its container again on a resize."""
    seen = opened()
    seen.draw_all()
    page = seen.page

    page.set_viewport_size({"width": 800, "height": 1100})
    page.wait_for_timeout(1000)

    heights = page.locator(".figure").evaluate_all("all => all.map(each => each.clientHeight)")
    assert len(heights) == sum(each.figure is not None for each in drawn)
    assert min(heights) > 150
