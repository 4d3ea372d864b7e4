"""What a figure is: data and layout for plotly, and the words that belong beside it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sweep.files.strict_json import strict

Tree = Mapping[str, Any]
Figure = dict[str, Any]


@dataclass(frozen=True)
class ReportFigure:
    """One figure, or why there is none.

    All words are plain text: whoever puts them on a page escapes them. Strings within ``figure``
    are escaped already, for plotly reads some HTML in them.

    Attributes:
        key: letters, digits and hyphens, unique in a report: for file names and anchors.
        section: what it is shown under.
        title: above the figure.
        caption: what is drawn, of how many, how to read it, and what it cannot say.
        summary: the figure in words, for whoever does not see it.
        figure: ``data`` and ``layout``, strict JSON; None where nothing can be drawn.
        empty: why nothing can be drawn; empty otherwise.
    """

    key: str
    section: str
    title: str
    caption: str = ""
    summary: str = ""
    figure: Figure | None = None
    empty: str = ""

    def __post_init__(self) -> None:
        """Leave out what is no number: sums of very large values overflow."""
        if self.figure is not None:
            object.__setattr__(self, "figure", strict(self.figure)[0])
