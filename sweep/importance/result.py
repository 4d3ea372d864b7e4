"""What an importance analysis answers: records with intervals, never bare numbers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

from sweep.table import Dropped

Method = Literal["fanova", "ped_anova"]
"""How importance was measured. The two answer different questions: never mix them."""

Role = Literal["sampled", "derived", "group", "interactions"]
"""What a row stands for.

``sampled``: one parameter of the search space, its main effect.
``derived``: a figure computed from sampled ones, from a second fit in which it replaces one.
``group``: several parameters together, main effects and the interactions among them.
``interactions``: what no single sampled parameter explains.
"""

QUESTIONS: Mapping[Method, str] = {
    "fanova": "how much of the objective's variance over the whole search space",
    "ped_anova": "what separates the top 10 % from the trials this study happened to sample",
}
"""The question each method answers, in words for tables."""


TITLES: Mapping[Method, str] = {"fanova": "fANOVA", "ped_anova": "PED-ANOVA"}
"""The methods as their authors write them."""


@dataclass(frozen=True)
class Importance:
    """The importance of one parameter, derived figure or group.

    Attributes:
        name: the parameter; a group's members joined by ``+``.
        share: point estimate in [0, 1].
        low: lower end of the interval.
        high: upper end of the interval; ``low <= share <= high``.
        method: how it was measured.
        n: trials it rests on.
        role: what the row stands for.
        of: the parameters a derived or group row is made of, in the space's order.
    """

    name: str
    share: float
    low: float
    high: float
    method: Method
    n: int
    role: Role = "sampled"
    of: tuple[str, ...] = ()

    @property
    def derived(self) -> bool:
        """Whether the row belongs to another parametrisation than the sampled one."""
        return self.role == "derived"


@dataclass(frozen=True)
class ImportanceTable:
    """All rows of one method on one study.

    Attributes:
        method: how importance was measured.
        rows: sampled parameters by falling share, then derived, group and interactions;
            empty when there is nothing to share out, with the reason in ``notes``.
        n: trials it rests on.
        configurations: distinct configurations among them.
        level: nominal level of the intervals.
        n_bootstrap: resamples behind the intervals.
        seed: the only source of randomness.
        notes: what a reader must know before believing the rows.
    """

    method: Method
    rows: tuple[Importance, ...]
    n: int
    configurations: int
    level: float
    n_bootstrap: int
    seed: int
    notes: tuple[str, ...] = ()

    @property
    def question(self) -> str:
        """The question this method answers."""
        return QUESTIONS[self.method]

    @property
    def title(self) -> str:
        """The method's name for people."""
        return TITLES[self.method]

    @property
    def top(self) -> Importance | None:
        """The sampled parameter with the largest share; None without rows."""
        return next((row for row in self.rows if row.role == "sampled"), None)

    def row(self, name: str) -> Importance:
        """The row of that name; raises ``KeyError`` if there is none."""
        found = next((row for row in self.rows if row.name == name), None)
        if found is None:
            raise KeyError(name)
        return found

    def to_json(self) -> dict[str, Any]:
        """A JSON tree."""
        return {**asdict(self), "title": self.title, "question": self.question}


@dataclass(frozen=True)
class ImportanceReport:
    """The methods side by side, with the trials they do not rest on.

    Attributes:
        methods: one table per method.
        n: trials the tables rest on.
        counts: number of trials by Optuna state.
        dropped: COMPLETE trials that could not be used, and why.
        notes: what comparing the methods shows.
    """

    methods: tuple[ImportanceTable, ...]
    n: int
    counts: Mapping[str, int] = field(default_factory=dict)
    dropped: tuple[Dropped, ...] = ()
    notes: tuple[str, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """A JSON tree, the same that the terminal table is printed from."""
        return {
            "n": self.n,
            "counts": dict(self.counts),
            "dropped": [asdict(dropped) for dropped in self.dropped],
            "methods": [table.to_json() for table in self.methods],
            "notes": list(self.notes),
        }
