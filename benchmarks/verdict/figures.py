"""Counts and shares of a campaign's records, with their binomial intervals."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from scipy.stats import binomtest

Record = dict[str, Any]


@dataclass(frozen=True)
class Rate:
    """A proportion of events.

    Attributes:
        k: number of events.
        n: number of cases.
    """

    k: int
    n: int

    @property
    def share(self) -> float:
        """The proportion, from 0 to 1; NaN without cases."""
        return self.k / self.n if self.n else float("nan")

    @property
    def interval(self) -> tuple[float, float]:
        """The 95 % interval of Clopper and Pearson."""
        found = binomtest(self.k, self.n).proportion_ci()
        return float(found.low), float(found.high)

    def __add__(self, other: Rate) -> Rate:
        """The two counts added."""
        return Rate(self.k + other.k, self.n + other.n)

    def __str__(self) -> str:
        """The share in percent."""
        return f"{100 * self.share:.1f}" if self.n else "-"

    @property
    def with_interval(self) -> str:
        """The share in percent with its interval."""
        if not self.n:
            return "-"
        low, high = self.interval
        return f"{self} ({100 * low:.1f}-{100 * high:.1f})"


def verdicts(records: Sequence[Record], verdict: str) -> Rate:
    """How often the verdict was this, except under a condition ("at this rate only")."""
    hits = [r for r in records if r["verdict"] == verdict and not r["only_at"]]
    return Rate(len(hits), len(records))


def conditional(records: Sequence[Record]) -> Rate:
    """How often the verdict was CONFIRMED under a condition."""
    hits = [r for r in records if r["verdict"] == "CONFIRMED" and r["only_at"]]
    return Rate(len(hits), len(records))


def guarded(records: Sequence[Record]) -> Rate:
    """How often a guard prevented a verdict."""
    return Rate(sum(bool(record["guards"]) for record in records), len(records))


def vetoed(records: Sequence[Record]) -> Rate:
    """How often a cross-check vetoed the verdict, among studies with cross-checks."""
    found = [record["vetoed"] for record in records if record["vetoed"] is not None]
    return Rate(sum(found), len(found))


def part(records: Sequence[Record], name: str, view: str, state: str = "CONFIRMED") -> Rate:
    """How often a part of the claim had this outcome, among studies where it could be tested."""
    states = [
        p["state"] for r in records for p in r["parts"] if (p["name"], p["view"]) == (name, view)
    ]
    return Rate(states.count(state), len(states) - states.count("UNTESTED"))


def coverage(records: Sequence[Record], kind: str, name: str) -> tuple[Rate, Rate]:
    """How often the 95 % interval covered the true value: where that is above 0, and where it is 0.

    Args:
        records: of one cell or several.
        kind: ``main`` or ``total``.
        name: the parameter or group.
    """
    found = [r[kind][name] for r in records if name in r.get(kind, {})]
    held = [(true > 0, low <= true <= high) for _, low, high, true in found]
    some = [ok for positive, ok in held if positive]
    none = [ok for positive, ok in held if not positive]
    return Rate(sum(some), len(some)), Rate(sum(none), len(none))
