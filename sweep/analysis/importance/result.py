"""What an importance analysis answers: records with intervals, never bare numbers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

from sweep.analysis.table import Dropped


@dataclass(frozen=True)
class ModuleShare:
    """What adapting one matrix is worth.

    Attributes:
        name: the matrix; several joined by ``+`` where no tried set has one without the others.
        n: trials it rests on.
        share: Shapley effect on the variance over all sets, of 1 for all matrices.
        low: lower end of the share's interval.
        high: upper end.
        gain: Shapley value of the mean gain, in the objective's unit, higher better.
        gain_low: lower end of the gain's interval.
        gain_high: upper end.
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
    """All matrices of a target-set parameter.

    Attributes:
        parameter: which parameter holds the target sets.
        rows: by falling share; empty where nothing can be told, with the reason in ``notes``.
        n: trials it rests on.
        sets: distinct target sets among them.
        pairwise: whether the model has products of two matrices.
        level: nominal level of the intervals.
        notes: what cannot be told apart, and what the model takes for granted.
    """

    parameter: str
    rows: tuple[ModuleShare, ...]
    n: int
    sets: int
    pairwise: bool
    level: float
    notes: tuple[str, ...] = ()


Method = Literal["fanova", "ped_anova", "mdi", "permutation", "shapley"]
"""How importance was measured. The methods answer different questions: never mix them."""

Role = Literal["sampled", "derived", "group", "interaction", "interactions"]
"""What a row stands for.

``sampled``: one parameter of the search space, its main effect.
``derived``: a figure computed from sampled ones, from a second fit in which it replaces one.
``group``: several parameters together, main effects and the interactions among them.
``interaction``: what a pair explains together beyond what each explains alone.
``interactions``: what no single sampled parameter explains.
"""

QUESTIONS: Mapping[Method, str] = {
    "fanova": "how much of the objective's variance over the whole search space",
    "ped_anova": "what separates the top 10 % from the trials this study happened to sample",
    "mdi": "what a forest split on to fit these trials (favours parameters of many values)",
    "permutation": "how much worse unseen trials are predicted without knowing the parameter",
    "shapley": "how the variance over the whole space divides, interactions in equal parts",
}
"""The question each method answers, in words for tables."""


TITLES: Mapping[Method, str] = {
    "fanova": "fANOVA",
    "ped_anova": "PED-ANOVA",
    "mdi": "MDI",
    "permutation": "Permutation",
    "shapley": "Shapley",
}
"""The methods as their authors write them.

Sources: fANOVA, Hutter, Hoos and Leyton-Brown 2014, https://proceedings.mlr.press/v32/hutter14.html;
PED-ANOVA, Watanabe, Bansal and Hutter 2023, arXiv:2304.10255; MDI (mean decrease in impurity) and
permutation, Breiman 2001, doi:10.1023/A:1010933404324, and on what MDI favours Strobl et al. 2007,
doi:10.1186/1471-2105-8-25; Shapley effects, Owen 2014, doi:10.1137/130936233.
"""


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
        of: the parameters a derived, group or interaction row is made of.
        null: what the share is at most, in 99 of 100 permutations of the values over the
            configurations, when nothing matters; None where it was not asked for.
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
        """Whether the share is more than chance gives, as far as that is known."""
        return self.null is None or self.share > self.null

    @property
    def derived(self) -> bool:
        """Whether the row belongs to another parametrisation than the sampled one."""
        return self.role == "derived"


@dataclass(frozen=True)
class ImportanceTable:
    """All rows of one method on one study.

    Attributes:
        method: how importance was measured.
        rows: sampled parameters by falling share, then derived, group, pairs and interactions;
            empty when there is nothing to share out, with the reason in ``notes``.
        n: trials it rests on.
        configurations: distinct configurations among them.
        level: nominal level of the intervals.
        n_bootstrap: resamples behind the intervals.
        seed: the only source of randomness.
        notes: what a reader must know before believing the rows.
        n_null: permutations behind each row's ``null``.
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
        """The method's name for people."""
        return TITLES[self.method]

    @property
    def top(self) -> Importance | None:
        """The sampled parameter with the largest share; None where no share is above 0."""
        return next((row for row in self.rows if row.role == "sampled" and row.share > 0.0), None)

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
        notes: what was lost on the way to the tables.
        alarms: where the methods contradict each other; to be shown before anything else.
        modules: which matrix of the target set earns its gain; None without target sets.
    """

    methods: tuple[ImportanceTable, ...]
    n: int
    counts: Mapping[str, int] = field(default_factory=dict)
    dropped: tuple[Dropped, ...] = ()
    notes: tuple[str, ...] = ()
    alarms: tuple[str, ...] = ()
    modules: ModuleReport | None = None

    def to_json(self) -> dict[str, Any]:
        """A JSON tree, the same that the terminal table is printed from."""
        return {
            "n": self.n,
            "counts": dict(self.counts),
            "dropped": [asdict(dropped) for dropped in self.dropped],
            "methods": [table.to_json() for table in self.methods],
            "notes": list(self.notes),
            "alarms": list(self.alarms),
            "modules": None if self.modules is None else asdict(self.modules),
        }
