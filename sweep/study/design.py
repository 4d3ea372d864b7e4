"""The phases of a study: a designed experiment, then a search for the best configuration.

A pilot runs before them, as a study of its own.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from typing import Any, ClassVar

from sweep.errors import SpecError, fault
from sweep.study.native import make_native
from sweep.study.trial import Scalar

MEASURE = "measure"
"""The phase of designed trials, laid out before the first one runs; the verdict's data."""

SEARCH = "search"
"""The phase in which a sampler searches for the best value; not used for importance."""

PILOT = "pilot"
"""Trials that prepare a design: seed noise, and a learning rate at which no trial collapses."""

PILOT_SUFFIX = "-pilot"
"""Suffix of the name of a study's pilot."""

MOST_RUNS = 100_000
"""Designs larger than this are refused as mistakes."""

MOST_SEED = 2**32 - 1
"""The largest seed that every library accepts."""

COLLAPSED = ("degenerate", "collapsed")
"""Metrics by which an objective marks a trial that completed and learned nothing."""


def is_collapsed(metrics: Mapping[str, Any]) -> bool:
    """Whether a trial's metrics mark it as having learned nothing."""
    return any(metrics.get(name) for name in COLLAPSED)


@dataclass(frozen=True)
class Design:
    """The designed experiment: configurations spread evenly over the space.

    Attributes:
        configurations: number of distinct configurations.
        duplicates: how many of them are repeated with a second seed, to estimate seed noise.
        seed: determines the configurations, their order and their trials' seeds.
        tries: number of random balanced designs, of which the most informative is used.
    """

    configurations: int = 150
    duplicates: int = 12
    seed: int = 0
    tries: int = 200

    def __post_init__(self) -> None:
        """Convert the fields to plain Python values."""
        make_native(self)

    @property
    def trials(self) -> int:
        """The number of trials of the design."""
        return self.configurations + self.duplicates

    phase: ClassVar[str] = MEASURE

    def faults(self) -> Iterator[str]:
        """All faults, one sentence each."""
        limits = (
            ("configurations", 2, MOST_RUNS),
            ("duplicates", 0, MOST_RUNS),
            ("seed", 0, MOST_SEED),
            ("tries", 1, MOST_RUNS),
        )
        faults = list(_count_faults(self, limits))
        yield from faults
        if not faults and self.duplicates > self.configurations:
            rule = f"be at most the {self.configurations} configurations"
            yield fault("design.duplicates", rule, self.duplicates)

    def to_json(self) -> dict[str, Any]:
        """A JSON tree that ``design_from_json`` reads back."""
        return {"kind": MEASURE, **asdict(self)}


@dataclass(frozen=True)
class Pilot:
    """A few trials before the design, to estimate seed noise and find a usable learning rate.

    Attributes:
        dominant: the parameter of which every choice is tried, at each value of the nuisance.
        nuisance: the parameter whose range is tried (the learning rate); empty for none.
        choices: how many of the choices are repeated.
        repeats: number of runs of each of these, each with its own seed.
        values: number of values of the nuisance per choice.
        seed: determines the trials' seeds.
    """

    dominant: str = "targets"
    nuisance: str = "learning_rate"
    choices: int = 2
    repeats: int = 6
    values: int = 5
    seed: int = 0

    def __post_init__(self) -> None:
        """Convert the fields to plain Python values."""
        make_native(self)

    phase: ClassVar[str] = PILOT

    def faults(self) -> Iterator[str]:
        """All faults, one sentence each."""
        for name in ("dominant", "nuisance"):
            value = getattr(self, name)
            if not isinstance(value, str) or not (value.isidentifier() or name == "nuisance"):
                yield fault(f"design.{name}", "be the name of a parameter", value)
        limits = (
            ("choices", 1, MOST_RUNS),
            ("repeats", 2, MOST_RUNS),
            ("values", 2, MOST_RUNS),
            ("seed", 0, MOST_SEED),
        )
        yield from _count_faults(self, limits)

    def to_json(self) -> dict[str, Any]:
        """A JSON tree that ``design_from_json`` reads back."""
        return {"kind": PILOT, **asdict(self)}


def design_from_json(tree: Mapping[str, Any]) -> Design | Pilot:
    """Read back what ``to_json`` wrote.

    Raises:
        SpecError: if a field is missing or unknown.
    """
    try:
        fields = dict(tree)
        kind = {MEASURE: Design, PILOT: Pilot}[fields.pop("kind")]
        made: Design | Pilot = kind(**fields)
    except (KeyError, TypeError, ValueError) as error:
        rule = "have the fields of Design or of Pilot"
        raise SpecError(fault("a study's design", rule, tree, where="JSON")) from error
    return made


def _count_faults(
    design: Design | Pilot, limits: tuple[tuple[str, int, int], ...]
) -> Iterator[str]:
    for name, low, high in limits:
        value = getattr(design, name)
        if not isinstance(value, int) or isinstance(value, bool) or not low <= value <= high:
            yield fault(f"design.{name}", f"be a whole number of {low} to {high}", value)


@dataclass(frozen=True)
class Point:
    """One run of a design: a configuration and its seed.

    Attributes:
        index: number of the configuration, in the order of running.
        values: parameter name to value.
        seed: the trial's seed.
        replicate: index of this run among those of its configuration, from 0.
    """

    index: int
    values: Mapping[str, Scalar]
    seed: int
    replicate: int = 0

    def to_json(self) -> dict[str, Any]:
        """A JSON tree that ``from_json`` reads back."""
        return {
            "index": self.index,
            "values": dict(self.values),
            "seed": self.seed,
            "replicate": self.replicate,
        }

    @classmethod
    def from_json(cls, tree: Mapping[str, Any]) -> Point:
        """Read back what ``to_json`` wrote."""
        return cls(**tree)
