"""Names stay text, and the page loads nothing."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from typing import Any

import pytest
from report_pages import ERROR, EVIL, Element, Tree, parsed, whole
from report_trees import made_of, trial

from sweep.report.figures.figure import ReportFigure
from sweep.report.figures.kinds import draw
from sweep.report.page.page import fragment, page

Shown = Any


def scripts(root: Element) -> list[Element]:
    """Scripts that run."""
    return [s for s in root.all("script") if s.attributes.get("type") != "application/json"]


def test_names_and_errors_are_shown_unchanged(rich: Shown) -> None:
    """A script in a name does not run; an error message ends no element."""
    [body] = rich.root.all("body")
    [main] = body.all("main")

    assert len(scripts(rich.root)) == 3  # the theme, plotly.js, the page's own
    assert not scripts(main)
    assert not rich.root.all("img")
    assert rich.root.all("h1")[0].text == f"{EVIL} & co"
    [traceback] = [
        each
        for each in main.all("code")
        if each.attributes.get("data-at") == "/failures/0/traceback"
    ]
    assert ERROR in traceback.text
    assert EVIL in rich.root.all("title")[0].text
    assert sum(EVIL in heading.text for heading in rich.root.get("trial-table").all("th")) == 1
    assert not [e for e in rich.root.walk() if any(a.startswith("on") for a in e.attributes)]


def test_figures_are_embedded_unchanged(rich: Shown) -> None:
    """Plotly parses the data that were drawn, with any content."""
    drawn = {each.key: each.figure for each in rich.drawn if each.figure is not None}
    found = {}
    for place in rich.root.having("data-json"):
        source = rich.root.get(str(place.attributes["data-json"]))
        found[str(place.attributes["id"]).removeprefix("plot-")] = json.loads(source.text)
        assert not set("<>&\u2028\u2029") & set(source.text)
    assert found == drawn


def test_a_figure_s_data_cannot_end_its_script() -> None:
    """With any text that ends a script, or a line of JavaScript."""
    text = "</script><script>alert(1)</script><!-- <![CDATA[ \u2028\u2029 &amp;"
    figure = {"data": [{"type": "scatter", "name": text}], "layout": {"height": 300}}
    made = ReportFigure("k", "S", text, text, text, figure)
    root = parsed(page(whole(made_of([trial(0)])), [made], plotly_js=""))

    assert json.loads(root.get("fig-k-json").text) == figure
    assert len(scripts(root)) == 3


@pytest.mark.parametrize("wrong", [float("nan"), float("inf")])
def test_nan_is_a_gap_in_a_figure_and_refused_in_the_tree(wrong: float) -> None:
    """JSON has no NaN; the tree must have null in its place."""
    figure = {"data": [{"y": [wrong, 1.0]}], "layout": {}}
    drawn = [ReportFigure("k", "S", "t", figure=figure)]
    root = parsed(page(whole(made_of([])), drawn, plotly_js=None, live=True))
    with pytest.raises(ValueError, match="finite"):
        page(whole(made_of([])) | {"fixed": {"x": wrong}}, [], plotly_js=None)

    assert json.loads(root.get("fig-k-json").text)["data"] == [{"y": [None, 1.0]}]


def test_a_lone_surrogate_does_not_stop_the_page() -> None:
    """Foreign names may contain surrogates that UTF-8 cannot encode."""
    tree = whole(made_of([], study={"name": "a\ud800b"}))
    assert "a\N{REPLACEMENT CHARACTER}b" in page(tree, [], plotly_js=None).encode().decode()
    assert "a\N{REPLACEMENT CHARACTER}b" in fragment(tree, []).encode().decode()


def test_nothing_is_loaded_from_elsewhere(any_page: Shown) -> None:
    """No URL in any attribute that a browser fetches; links are within the page."""
    for each in any_page.root.walk():
        for name in ("src", "srcset", "data", "action", "poster", "ping"):
            assert name not in each.attributes, each
        href = each.attributes.get("href")
        assert href is None or href.startswith(("#", "data:")), each
        assert "url(" not in (each.attributes.get("style") or "")
    for style in any_page.root.all("style"):
        assert not re.search(r"url\(|@import|//", style.text)


@pytest.mark.parametrize("live", [False, True])
def test_only_the_page_s_own_scripts_may_run(rich: Shown, *, live: bool) -> None:
    """By their digests in the CSP; a live page may also connect to its server."""
    root = parsed(page(rich.tree, rich.drawn, plotly_js=None if live else "var a;\r\n", live=live))
    [meta] = [m for m in root.all("meta") if "http-equiv" in m.attributes]
    rules = dict((part.split(" ", 1)) for part in str(meta.attributes["content"]).split("; "))
    inline = [each for each in scripts(root) if "src" not in each.attributes]
    digests = {
        f"'sha256-{base64.b64encode(hashlib.sha256(s.text.encode()).digest()).decode()}'"
        for s in inline
    }

    assert rules["default-src"] == "'none'"
    assert rules["connect-src"] == ("'self'" if live else "'none'")
    allowed = set(rules["script-src"].split())
    assert allowed == digests | ({"'self'"} if live else set())
    assert len(digests) == (2 if live else 3)
    sources = [s.attributes["src"] for s in scripts(root) if "src" in s.attributes]
    assert sources == (["plotly.min.js"] if live else [])
    head = root.all("head")[0].children
    order = [e for e in head if isinstance(e, Element) and e.tag in ("meta", "script", "style")]
    assert order.index(meta) < min(i for i, e in enumerate(order) if e.tag != "meta")


def test_a_script_that_would_end_itself_is_refused() -> None:
    """Otherwise it would be cut, and its rest shown."""
    with pytest.raises(ValueError, match="end of its element"):
        page(whole(made_of([])), [], plotly_js="let a = '</script>';")


def test_two_thousand_trials_make_a_page_of_few_megabytes() -> None:
    """The best hundred in the table, all in the figures."""
    trials = [trial(number) for number in range(2000)]
    for each in trials:
        each["params"]["learning_rate"] = 1e-4 + 1e-6 * each["number"]
    tree: Tree = whole(made_of(trials))
    html = page(tree, draw(tree), plotly_js="")
    table = parsed(html).get("trial-table")

    assert len(html.encode()) < 6e6
    shown = [row.all("th")[0].text for row in table.all("tr")[1:]]
    assert shown == [str(number) for number in tree["ranking"][:100]]
    [count] = parsed(html).having("data-rows")
    assert count.text == "100"
    assert [e.text for e in parsed(html).having("data-count")] == ["2,000"]
