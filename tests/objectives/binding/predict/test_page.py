"""The HTML page of a chain: safe for any FASTA header, and readable without colours."""

from __future__ import annotations

import base64
import hashlib
import re
import shutil
import subprocess
from html.parser import HTMLParser
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from objectives.binding.predict.html_page import DARK, LIGHT, About, contrast, draw, luminance
from objectives.binding.predict.stream import Prediction
from objectives.data.formats.fasta import FastaRecord

ABOUT = About({"Adapter": "runs/<b>x</b>", "Base": "builtin:esm2-mini"}, "the adapter's")
EVIL = "a</title><script>document.title='ran'</script><img src=x onerror=alert(1)>\"'&"
CHANCES = np.array([0.0, 0.04, 0.55, 0.97, 1.0, 0.2, 0.9996, *np.linspace(0, 1, 18)])


def prediction(name: str = "q", description: str = "", threshold: float = 0.5) -> Prediction:
    """A chain of 25 residues with all kinds of probabilities."""
    sequence = "MKVLAAGDERKKTSWYFHPQNCIGA"
    record = FastaRecord(name, description, sequence, 1)
    return Prediction(record, CHANCES, threshold < CHANCES, threshold)


class Page(HTMLParser):
    """A parsed page.

    Attributes:
        elements: tag and attributes, in order.
        texts: pieces of visible text.
    """

    def __init__(self, text: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.texts: list[str] = []
        self._within = ""
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Record an element."""
        self.elements.append((tag, dict(attrs)))
        self._within = tag

    def handle_data(self, data: str) -> None:
        """Record text outside scripts and style sheets."""
        if self._within not in ("script", "style"):
            self.texts.append(data)

    def handle_endtag(self, tag: str) -> None:
        """Record the end of a script."""
        del tag
        self._within = ""

    @property
    def residues(self) -> list[tuple[str, dict[str, str | None]]]:
        """The elements of the residues."""
        return [(tag, a) for tag, a in self.elements if "title" in a]


def test_any_header_is_shown_as_text() -> None:
    """It creates no element, attribute or script comment; invisible characters are replaced."""
    page = Page(draw(prediction(EVIL, f"{EVIL}\x1b[2J"), ABOUT))
    plain = Page(draw(prediction("q", "q"), ABOUT))

    assert [tag for tag, _ in page.elements] == [tag for tag, _ in plain.elements]
    assert {name for _, a in page.elements for name in a} == {
        name for _, a in plain.elements for name in a
    }
    assert EVIL in page.texts
    assert f"{EVIL}\ufffd[2J" in page.texts
    assert "runs/<b>x</b>" in page.texts


def test_a_page_loads_nothing_and_allows_only_its_own_script() -> None:
    """Its CSP allows the digests of its style and script, and nothing else."""
    text = draw(prediction(), ABOUT)
    page = Page(text)
    policy = next(a["content"] for _, a in page.elements if a.get("http-equiv"))
    allowed = [
        f"{kind}-src 'sha256-{base64.b64encode(hashlib.sha256(own.encode()).digest()).decode()}'"
        for kind in ("style", "script")
        for own in re.findall(rf"<{kind}>(.*?)</{kind}>", text, re.DOTALL)
    ]

    assert policy == "; ".join(["default-src 'none'", *allowed])
    assert not any({"src", "href", "style", "onclick"} & set(a) for _, a in page.elements)
    assert "http" not in text.replace("http-equiv", "")


def test_every_residue_has_position_probability_and_call() -> None:
    """Called residues are marked by more than colour; blocks of ten are numbered."""
    made = prediction(threshold=0.9)
    text = draw(made, ABOUT)
    page = Page(text)
    titles = [a["title"] for _, a in page.residues]

    assert titles[:7] == [
        "M 1, <0.001",
        "K 2, 0.040",
        "V 3, 0.550",
        "L 4, 0.970, called",
        "A 5, >0.999, called",
        "A 6, 0.200",
        "G 7, >0.999, called",
    ]
    assert len(titles) == 25
    assert [tag == "b" for tag, _ in page.residues] == made.called.tolist()
    assert [a["class"] for _, a in page.residues][:7] == ["p0", "p0", "p5", "p9", "p9", "p2", "p9"]
    assert re.findall(r'<span class="at" aria-hidden="true">(\d+)<', text) == ["1", "11", "21"]
    assert re.search(r"b\[class\] \{[^}]*underline", text)


def test_called_stretches_are_a_table() -> None:
    """Columns: first and last position, residues, mean and highest probability."""
    text = draw(prediction(threshold=0.9), ABOUT)
    rows = [re.findall(r"<td[^>]*>(.*?)</td>", row) for row in re.findall(r"<tr>(.*?)</tr>", text)]

    assert rows[1:] == [
        ["4", "5", "LA", "0.985", "&gt;0.999"],
        ["7", "7", "G", "&gt;0.999", "&gt;0.999"],
        ["24", "25", "GA", "0.971", "&gt;0.999"],
    ]
    assert "7 of 25" not in text
    assert "5 of 25 residues are called" in text
    assert "above <strong>0.9</strong> (the adapter&#39;s)" in text


def test_a_chain_without_calls_has_a_sentence() -> None:
    """Instead of an empty table."""
    text = draw(
        Prediction(FastaRecord("q", "", "M", 1), np.zeros(1), np.zeros(1, bool), 1.0), ABOUT
    )

    assert "No residue is called." in text
    assert "<table>" not in text


def test_letters_have_contrast_in_both_themes() -> None:
    """Contrast of 4.5 : 1 (WCAG 2.2 AA), from the page's own CSS rules."""
    text = draw(prediction(), ABOUT)
    rules = re.findall(
        r"\.p(\d) \{ background: light-dark\((#\w+), (#\w+)\); color: light-dark\((#\w+), (#\w+)\)",
        text,
    )
    tokens = dict(re.findall(r"--(paper|ink|soft|accent): light-dark\((#\w+, #\w+)\)", text))

    assert [int(rule[0]) for rule in rules] == list(range(10))
    for _, light, dark, light_ink, dark_ink in rules:
        assert contrast(light, light_ink) >= 4.5
        assert contrast(dark, dark_ink) >= 4.5
    for theme in (0, 1):
        paper, *others = (tokens[n].split(", ")[theme] for n in ("paper", "ink", "soft", "accent"))
        assert all(contrast(paper, other) >= 4.5 for other in others)


@pytest.mark.parametrize(("scale", "sign"), [(LIGHT, -1), (DARK, 1)])
def test_the_colour_scale_is_ordered_by_lightness(scale: tuple[str, ...], sign: int) -> None:
    """So that it reads the same in grey and with colour blindness; each step is visible."""
    for low, high in pairwise(scale):
        assert sign * (luminance(high) - luminance(low)) > 0
        assert contrast(low, high) > 1.08


def test_contrast_follows_wcag() -> None:
    """Its examples: black on white, and the lightest grey that passes."""
    assert contrast("#000000", "#ffffff") == pytest.approx(21)
    assert round(contrast("#767676", "#ffffff"), 2) == 4.54


@pytest.mark.slow  # starts a browser
def test_the_csp_runs_the_page_s_script_and_blocks_a_header_s(tmp_path: Path) -> None:
    """One residue is in the tab order; the page's title is the chain's name."""
    browser = shutil.which("chromium") or shutil.which("google-chrome")
    if browser is None:
        pytest.skip("no browser is here (chromium, google-chrome)")
    path = tmp_path / "page.html"
    path.write_text(draw(prediction(EVIL), ABOUT), encoding="utf-8")
    options = ("--headless", "--no-sandbox", "--disable-gpu", "--dump-dom")
    run = subprocess.run(
        [browser, *options, path.as_uri()], capture_output=True, text=True, timeout=120, check=True
    )
    page = Page(run.stdout)

    assert [a["title"] for _, a in page.residues if a.get("tabindex") == "0"] == ["M 1, <0.001"]
    assert f"{EVIL} \u2013 binding residues" in "".join(page.texts)
    assert "img" not in [tag for tag, _ in page.elements]
