"""Names are shown unchanged, despite plotly's markup."""

from __future__ import annotations

import html
import re
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from report_trees import complete, renamed

from sweep.report.figures.kinds import draw
from sweep.report.figures.text import LONGEST, paragraph, safe, wrapped

HOSTILE = (
    '<a href="javascript:alert(1)">x</a>',
    "<b>bold</b><br>new",
    "</span><script>alert(1)</script>",
    "%{x} %{customdata[0]} %{meta}",
    "$\\href{javascript:alert(1)}{x}$",
    "a & b &lt;i&gt; &#60;b&#62;",
    "line\nbreak\r\x00\u2028end",
    "\ud800 lone",
)

OWN_TAGS = {"<br>", "<b>", "</b>", "<extra>", "</extra>"}
OWN_PLACES = re.compile(r"%\{(x|y|text|customdata(\[\d+\])?)(:[.\d~,]*[a-z]?)?\}")


def strings(tree: Any) -> Iterator[str]:
    """All strings of a figure."""
    if isinstance(tree, dict):
        for value in tree.values():
            yield from strings(value)
    elif isinstance(tree, (list, tuple)):
        for value in tree:
            yield from strings(value)
    elif isinstance(tree, str):
        yield tree


@pytest.mark.parametrize("name", HOSTILE)
def test_no_name_is_interpreted_as_markup(name: str) -> None:
    """It creates no tag, placeholder or formula."""
    tree = renamed(complete(), lambda text: f"{text}{name}")
    found = draw(tree)
    assert sum(each.figure is not None for each in found) >= 14
    seen = False
    for each in found:
        for text in strings(each.figure):
            tags = set(re.findall(r"<[^>]*>?|>", text))
            assert tags <= OWN_TAGS, text
            rest = OWN_PLACES.sub("", text)
            assert "%{" not in rest, text
            assert "$" not in text
            assert not re.search(r"[\x00-\x1f\u2028\ud800]", text)
            seen = seen or html.escape(name[:3], quote=False) in text
    assert seen or "%" in name or "$" in name or name.startswith("\ud800")


@given(st.text())
def test_escaped_text_is_shown_unescaped(text: str) -> None:
    """Plotly decodes entities once, as HTML does."""
    shown = safe(text)
    assert not set("<>%$") & set(shown)
    read = html.unescape(shown)
    assert len(read) <= LONGEST
    if len(text) < LONGEST and text.isprintable():
        assert read == text.strip()


@given(st.text(st.characters(codec="utf-8", categories=["L", "N", "P", "S"])), st.integers(4, 40))
def test_wrapped_lines_are_short_and_complete(text: str, width: int) -> None:
    """Nothing is lost except what the ellipsis replaces."""
    lines = [html.unescape(line) for line in wrapped(text, width).split("<br>")]
    assert len(lines) <= 3
    assert all(len(line) <= width for line in lines)
    joined = "".join(lines)
    assert joined == text if not joined.endswith("…") else text.startswith(joined[:-1])


@pytest.mark.parametrize(
    ("label", "lines"),
    [
        ("attention+mlp.down", "attention+<br>mlp.down"),
        ("attention.output", "attention.<br>output"),
        ("0.000508 to 0.00088", "0.000508 to<br>0.00088"),
        ("learning_rate", "learning_rate"),
        ("all-linear", "all-linear"),
        ("x" * 60, f"{'x' * 14}<br>{'x' * 14}<br>{'x' * 13}…"),
    ],
)
def test_labels_break_at_words(label: str, lines: str) -> None:
    """At plus signs and words first, within words last."""
    assert wrapped(label) == lines


def test_sentences_in_hover_labels_fit_a_phone() -> None:
    """Plotly does not wrap hover labels."""
    lines = paragraph("attention+mlp.down: mean 0.4512 [0.4011, 0.5013], 12 trials of 11 of them")
    assert max(map(len, lines.split("<br>"))) <= 42
    assert lines.count("<br>") == 1
