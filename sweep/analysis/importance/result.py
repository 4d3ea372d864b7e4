"""Records of an importance analysis, with intervals."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

from sweep.analysis.table import Dropped


@dataclass(frozen=True)
class ModuleShare:
    """Importance of adapting one matrix (module).

    Attributes:
        name: the matrix; several joined by ``+`` if every tried set has all of them or none.
        share: Shapley effect on the variance over all sets, as a fraction of the total.
        low: lower end of the share's interval.
        gain: Shapley value of the mean gain, in the objective's unit, higher is better.
        gain_low: lower end of the gain's interval.
    """

    name: str
    n: int
    share: float
    low: float
    high: float
    gain: float
    gain_low: float
    gain_high: float


@dataclass(frozen=True)
class ModuleReport:
    """Importance of all matrices of a target-set parameter.

    Attributes:
        parameter: name of the parameter with the target sets.
        rows: largest share first; empty if not estimable, with the reason in ``notes``.
        sets: number of distinct target sets among them.
        pairwise: whether the model has interactions of two matrices.
        notes: confounded matrices and assumptions of the model.
    """

    parameter: str
    rows: tuple[ModuleShare, ...]
    n: int
    sets: int
    pairwise: bool
    level: float
    notes: tuple[str, ...] = ()


Method = Literal["fanova", "ped_anova", "mdi", "permutation", "shapley"]
"""Importance methods. Their shares measure different quantities and are not comparable."""

Role = Literal["sampled", "derived", "group", "interaction", "interactions"]
"""What a row measures.

``sampled``: main effect of one parameter of the search space.
``derived``: a parameter computed from sampled ones, from a second fit in which it replaces one.
``group``: several parameters together: main effects and the interactions among them.
``interaction``: share of a pair beyond the main effects of its two parameters.
``interactions``: share not explained by the main effects.
"""

QUESTIONS: Mapping[Method, str] = {
    "fanova": "how much of the objective's variance over the whole search space",
    "ped_anova": "what separates the top 10 % from the trials this study happened to sample",
    "mdi": "what a forest split on to fit these trials (favours parameters of many values)",
    "permutation": "how much worse unseen trials are predicted without knowing the parameter",
    "shapley": "how the variance over the whole space divides, interactions in equal parts",
}
"""The question each method answers, for display in tables."""


TITLES: Mapping[Method, str] = {
    "fanova": "fANOVA",
    "ped_anova": "PED-ANOVA",
    "mdi": "MDI",
    "permutation": "Permutation",
    "shapley": "Shapley",
}
"""Display names of the methods.

Sources: fANOVA, Hutter, Hoos and Leyton-Brown 2014, https://proceedings.mlr.press/v32/hutter14.html;
PED-ANOVA, Watanabe, Bansal and Hutter 2023, arXiv:2304.10255; MDI (mean decrease in impurity) and
permutation, Breiman 2001, doi:10.1023/A:1010933404324, and on what MDI favours Strobl et al. 2007,
doi:10.1186/1471-2105-8-25; Shapley effects, Owen 2014, doi:10.1137/130936233.
"""


@dataclass(frozen=True)
class Importance:
    """The importance of one parameter, derived parameter, group or interaction.

    Attributes:
        name: the parameter; a group's members joined by ``+``, a pair's by ``:``.
        share: point estimate in [0, 1].
        low: lower end of the interval.
        high: upper end of the interval; ``low <= share <= high``.
        role: what the row measures.
        of: the parameters of a derived, group or interaction row.
        null: 99th percentile of the share when the values are permuted over the configurations;
            None if not computed.
    """

    name: str
    share: float
    low: float
    high: float
    method: Method
    n: int
    role: Role = "sampled"
    of: tuple[str, ...] = ()
    null: float | None = None

    @property
    def above_null(self) -> bool:
        """Whether the share exceeds ``null``; True if ``null`` is None."""
        return self.null is None or self.share > self.null


@dataclass(frozen=True)
class ImportanceTable:
    """All rows of one method on one study.

    Attributes:
        rows: sampled parameters, largest share first, then derived, group, pairs and interactions;
            empty if importance is undefined, with the reason in ``notes``.
        configurations: number of distinct configurations among them.
        notes: warnings about the limitations of the rows.
        n_null: permutations for each row's ``null``.
    """

    method: Method
    rows: tuple[Importance, ...]
    n: int
    configurations: int
    level: float
    n_bootstrap: int
    seed: int
    notes: tuple[str, ...] = ()
    n_null: int = 0

    @property
    def question(self) -> str:
        """The question this method answers."""
        return QUESTIONS[self.method]

    @property
    def title(self) -> str:
        """Display name of the method."""
        return TITLES[self.method]

    @property
    def top(self) -> Importance | None:
        """The sampled parameter with the largest share; None if no share is above 0."""
        return next((row for row in self.rows if row.role == "sampled" and row.share > 0.0), None)

    def row(self, name: str) -> Importance:
        """The row of that name; raises ``KeyError`` if there is none."""
        found = next((row for row in self.rows if row.name == name), None)
        if found is None:
            raise KeyError(name)
        return found

    def to_json(self) -> dict[str, Any]:
        """All fields, ``title`` and ``question`` as JSON-serialisable data."""
        return {**asdict(self), "title": self.title, "question": self.question}


@dataclass(frozen=True)
class ImportanceReport:
    """Importance by several methods, and the trials that were not used.

    Attributes:
        n: number of usable trials.
        dropped: COMPLETE trials that could not be used, and why.
        notes: warnings about data lost when the table of trials was built.
        alarms: contradictions between the methods, to be shown first.
        modules: importance of each matrix of the target sets; None without target sets.
    """

    methods: tuple[ImportanceTable, ...]
    n: int
    counts: Mapping[str, int] = field(default_factory=dict)
    dropped: tuple[Dropped, ...] = ()
    notes: tuple[str, ...] = ()
    alarms: tuple[str, ...] = ()
    modules: ModuleReport | None = None

    def to_json(self) -> dict[str, Any]:
        """All fields as JSON-serialisable data, from which the terminal table is printed."""
        return {
            "n": self.n,
            "counts": dict(self.counts),
            "dropped": [asdict(dropped) for dropped in self.dropped],
            "methods": [table.to_json() for table in self.methods],
            "notes": list(self.notes),
            "alarms": list(self.alarms),
            "modules": None if self.modules is None else asdict(self.modules),
        }
