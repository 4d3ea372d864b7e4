from __future__ import annotations

from dataclasses import dataclass

import pytest
from report_pages import Element, Tree, furnished, hostile, parsed
from report_studies import plain

from sweep.report.figures.figure import ReportFigure
from sweep.report.figures.kinds import draw
from sweep.report.page.page import page
from sweep.report.tree.build import report_tree
from sweep.results.analysis import AnalysisOptions


@dataclass(frozen=True)
class Shown:
    """A report and its parsed page."""

    tree: Tree
    drawn: list[ReportFigure]
    html: str
    root: Element

    @classmethod
    def of(cls, tree: Tree) -> Shown:
        """Draw and write a tree."""
        drawn = draw(tree)
        html = page(tree, drawn, plotly_js="/* plotly.js */")
        return cls(tree, drawn, html, parsed(html))


@pytest.fixture(scope="session")
def found() -> Tree:
    """A real study with HTML in its names."""
    return hostile()


@pytest.fixture(scope="session")
def rich(found: Tree) -> Shown:
    """A page with all its parts."""
    return Shown.of(furnished(found))


@pytest.fixture(scope="session", params=["rich", "bare", "none", "one", "two"])
def any_page(
    request: pytest.FixtureRequest, found: Tree, tmp_path_factory: pytest.TempPathFactory
) -> Shown:
    """Pages of studies with much, little and no content."""
    trials = {"none": 0, "one": 1, "two": 2}
    if request.param in trials:
        folder = tmp_path_factory.mktemp(request.param)
        study, address = plain(folder, trials[request.param])
        return Shown.of(report_tree(study, address, AnalysisOptions(quick=True)))
    return Shown.of(furnished(found) if request.param == "rich" else found)
