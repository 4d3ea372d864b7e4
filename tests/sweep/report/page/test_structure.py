"""Order and structure of the page."""

from __future__ import annotations

import itertools
import re
from typing import Any

import pytest
from report_pages import Element, Tree, furnished, parsed, whole
from report_trees import made_of, trial

from objectives.metrics.binary_measures import MEASURES
from sweep.report.figures.figure import ReportFigure
from sweep.report.figures.kinds import draw
from sweep.report.page.filters import general, short, signed
from sweep.report.page.page import fragment, page

Shown = Any


def test_the_answer_comes_before_any_figure(rich: Shown) -> None:
    """Name, alarm, verdict, reason, effects, parts, limits; then figures."""
    first = rich.tree["analysis"]["claims"][0]
    order = [
        f'data-at="/{place}"'
        for place in (
            "study/name",
            "analysis/alarms/0",
            "analysis/claims/0/verdict",
            "analysis/claims/0/claim/says",
            "analysis/claims/0/reason",
            "analysis/claims/0/trials_needed",
            "analysis/claims/0/parameters/0/share",
            "analysis/claims/0/parts/0/says",
            "analysis/claims/0/cross_checks/0/says",
            "cannot/0",
            "fixed/epochs",
        )
    ]
    places = [rich.html.index(text) for text in [*order[:1], *order[1:], 'class="drawn"']]
    assert places == sorted(places)
    claim = rich.root.get("claim-0").text
    assert "Not pre-registered" in claim
    assert re.search(r"at this\s+depth\s+only", claim)
    assert re.search(rf"About {first['trials_needed']} trials would likely", claim)
    assert "agrees" in claim
    assert "disagrees" in claim
    assert "not made" in claim


def test_each_answer_has_a_word_a_colour_and_a_shape(rich: Shown) -> None:
    """All answers look different."""
    shapes = {}
    for state in rich.root.get("answer").walk():
        kinds = str(state.attributes.get("class", "")).split()
        if state.tag == "span" and kinds[:1] == ["state"]:
            [mark] = state.all("svg")
            shapes[kinds[1]] = [(e.tag, tuple(e.attributes.items())) for e in mark.walk()]
            assert state.text.strip()
    assert {"confirmed", "refuted"} <= set(shapes)
    drawn = list(shapes.values())
    assert all(a != b for i, a in enumerate(drawn) for b in drawn[:i])


def test_a_registered_claim_is_marked(found: Tree) -> None:
    """As in the report."""
    tree = furnished(found)
    registered = tree | {"analysis": tree["analysis"] | {"registered": True}}
    text = parsed(page(registered, [], plotly_js=None)).get("claim-0").text
    assert "Pre-registered: it was written down before the first trial" in text


def test_without_a_claim_the_page_has_a_note(found: Tree) -> None:
    """Effects only, or nothing with a reason."""
    analysis = found["analysis"]
    blank = analysis["claims"][0] | {"claim": None, "parts": [], "reason": "No claim was named."}
    none = found | {"analysis": analysis | {"claims": [blank]}}
    answer = parsed(page(none, [], plotly_js=None)).get("answer").text
    assert "No claim" in answer
    assert "INCONCLUSIVE" not in answer
    assert "explains" in answer

    lost = found | {"analysis": None, "cannot": ["No trial is complete."]}
    root = parsed(page(lost, draw(lost), plotly_js=""))
    assert "No trial is complete." in root.get("answer").text
    assert not root.get("answer").all("table")


def test_a_study_of_failures_shows_them_first(found: Tree) -> None:
    """If no trial completed, the reason matters most."""
    failed = found | {"best": None, "ranking": [], "analysis": None}
    html = page(failed, draw(found), plotly_js="")
    assert html.index('id="failures"') < html.index('class="drawn"')
    assert html.index('id="failures"') == html.rindex('id="failures"')
    usual = page(found, draw(found), plotly_js="")
    assert usual.index('class="drawn"') < usual.index('id="failures"')


def test_many_failures_are_cut_and_counted() -> None:
    """The first fifty, and their number."""
    one = {"number": 0, "reason": "exception", "kind": None, "message": None, "shown": {}}
    failures = [one | {"number": n, "interrupted": n == 1, "traceback": None} for n in range(70)]
    tree = whole(made_of([trial(0, "failed")], failures=failures))
    section = parsed(page(tree, [], plotly_js=None)).get("failures")
    assert len(section.all("li")) == 50
    assert "The first 50 of 70" in section.text
    assert section.text.count("interrupted, run again") == 1


def test_headings_descend_by_one(any_page: Shown) -> None:
    """One first-level heading, and no level is skipped."""
    levels = [int(e.tag[1]) for e in any_page.root.walk() if re.fullmatch(r"h[1-6]", e.tag)]
    assert levels.count(1) == 1
    assert levels[0] == 1
    steps = [b - a for a, b in itertools.pairwise(levels)]
    assert all(step <= 1 for step in steps)


def test_ids_are_unique_and_links_have_targets(any_page: Shown) -> None:
    """Anchors, labels, figures' data."""
    ids = [e.attributes["id"] for e in any_page.root.having("id")]
    assert len(ids) == len(set(ids))
    for element in any_page.root.walk():
        href = element.attributes.get("href") or ""
        if href.startswith("#"):
            assert href[1:] in ids
        label = element.attributes.get("aria-labelledby")
        assert label is None or label in ids


def test_each_drawn_figure_is_in_the_contents(any_page: Shown) -> None:
    """And so is each section."""
    links = {a.attributes["href"] for nav in any_page.root.all("nav") for a in nav.all("a")}
    figures = {f"#fig-{each.key}" for each in any_page.drawn if each.figure is not None}
    assert figures <= links
    sections = any_page.root.get("main").all("h2")
    assert len(links) == len(sections) + len(figures)


def test_tables_are_accessible(any_page: Shown) -> None:
    """A caption or a label, headings of columns and rows, cells in every column."""
    for table in any_page.root.all("table"):
        heads = table.all("thead")[0].all("th")
        assert all(h.attributes["scope"] in ("col", "colgroup") for h in heads)
        for row in table.all("tbody")[0].all("tr"):
            assert row.all("th")[0].attributes["scope"] == "row"
        last = table.all("thead")[0].all("tr")[-1]
        spans = sum("rowspan" in h.attributes for h in heads)
        width = len([c for c in last.children if isinstance(c, Element)]) + spans
        rows = table.all("tbody")[0].all("tr")
        assert {len([c for c in r.children if isinstance(c, Element)]) for r in rows} <= {width}
    for region in [e for e in any_page.root.walk() if e.attributes.get("class") == "scroll"]:
        assert region.attributes["tabindex"] == "0"
        assert region.attributes["role"] == "region"
        named = "aria-label" in region.attributes or bool(region.all("caption"))
        assert named


def test_a_live_page_contains_its_fragment(rich: Shown) -> None:
    """The server later sends the same fragment; only a live page requests it."""
    live = page(rich.tree, rich.drawn, plotly_js=None, live=True)
    assert fragment(rich.tree, rich.drawn) in live
    assert "data-live" in parsed(live).all("html")[0].attributes
    assert "data-live" not in rich.root.all("html")[0].attributes


def test_without_plotly_figures_have_a_text(found: Tree) -> None:
    """Nothing waits to be drawn, and the text alternatives are open."""
    figure: Tree = {"data": [], "layout": {}}
    drawn = [ReportFigure("k", "S", "Title", "Caption.", "In words.", figure)]
    root = parsed(page(found, drawn, plotly_js=None))
    assert not root.having("data-json")
    assert "made without plotly.js" in root.get("fig-k").text
    assert "open" in root.get("fig-k-words").attributes


def test_without_scripts_the_page_names_the_file_of_numbers(rich: Shown) -> None:
    """Buttons without a function are hidden."""
    [note] = rich.root.all("noscript")
    assert "report.json" in note.text
    assert [b.attributes.get("id") for b in rich.root.all("button")] == ["theme"]
    assert "hidden" in rich.root.get("theme").attributes


def test_only_parameters_that_varied_have_a_column(found: Tree) -> None:
    """No empty column; every parameter, whatever its name."""
    heads = [h.text for h in parsed(page(found, [], plotly_js=None)).get("trial-table").all("th")]
    names = [factor["name"] for factor in found["factors"]]
    assert [name for name in heads if name in names] == names
    assert "phase" not in heads
    sized = found | {"trials": [t | {"phase": "search", "size": 12} for t in found["trials"]]}
    heads = [h.text for h in parsed(page(sized, [], plotly_js=None)).get("trial-table").all("th")]
    assert {"phase", "parameters"} <= set(heads)


def test_numbers_are_formatted_as_on_the_terminal() -> None:
    """Except for a minus as wide as a plus."""
    assert general(0.24351) == "0.2435"
    assert general(30720) == "30,720"
    assert general(-1.5e-5) == "\N{MINUS SIGN}1.5e-5"
    assert general(True) == "yes"
    assert short(0.01) == "0.01"
    assert short(1e-4) == "1e-4"
    assert short(-0.00012345) == "\N{MINUS SIGN}1.234e-4"
    assert short(2.0) == "2"
    assert short(0.0) == "0"
    assert signed(-0.5) == "\N{MINUS SIGN}0.5000"


@pytest.mark.parametrize(
    ("key", "label"),
    [("roc_auc", "ROC AUC"), ("class_weight", "class weight"), ("test_mcc", "test MCC")],
)
def test_keys_are_shown_as_words(key: str, label: str) -> None:
    """A metric by its title, with any prefix and suffix; underscores are spaces."""
    assert MEASURES.title(key) == label
