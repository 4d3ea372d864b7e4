"""``ReportFigure``: data and layout for plotly, with title, caption and text alternative."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sweep.files.strict_json import strict

Tree = Mapping[str, Any]
Figure = dict[str, Any]


@dataclass(frozen=True)
class ReportFigure:
    """One figure, or the reason why there is nothing to draw.

    Texts are plain and must be escaped by the page. Strings within ``figure`` are already escaped,
    since plotly interprets some HTML in them.

    Attributes:
        key: unique name of letters, digits and hyphens, for file names and anchors.
        caption: what is drawn, from how many trials, how to read it, and its limitations.
        summary: text alternative for accessibility.
        figure: ``data`` and ``layout`` as strict JSON; None if there is nothing to draw.
        empty: why there is nothing to draw; empty otherwise.
    """

    key: str
    section: str
    title: str
    caption: str = ""
    summary: str = ""
    figure: Figure | None = None
    empty: str = ""

    def __post_init__(self) -> None:
        """Replace non-finite numbers by None; sums of very large values may overflow."""
        if self.figure is not None:
            object.__setattr__(self, "figure", strict(self.figure)[0])
