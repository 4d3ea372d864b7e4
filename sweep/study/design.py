"""The phases of a study, as data: measure what matters, then search for the best.

A pilot goes ahead of them, as a study of its own.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from typing import Any, ClassVar

from sweep.errors import SpecError, fault
from sweep.study.native import make_native
from sweep.study.trial import Scalar

MEASURE = "measure"
"""The phase whose trials a verdict rests on: designed before the first of them ran."""

SEARCH = "search"
"""The phase in which a sampler looks for the best; its trials are no evidence of importance."""

PILOT = "pilot"
"""Trials that set up a design: noise, and a learning rate at which nothing collapses."""

PILOT_SUFFIX = "-pilot"
"""What is added to a study's name for its pilot's."""

MOST_RUNS = 100_000
"""So large a design is a slip of the pen."""

MOST_SEED = 2**32 - 1
"""What every library takes as a seed."""

COLLAPSED = ("degenerate", "collapsed")
"""Metrics by which an objective says that a run has a value and learned nothing."""


def is_collapsed(metrics: Mapping[str, Any]) -> bool:
    """Whether a trial's metrics say that it learned nothing."""
    return any(metrics.get(name) for name in COLLAPSED)


@dataclass(frozen=True)
class Design:
    """The measurement: configurations spread evenly over the space before the first trial.

    Attributes:
        configurations: how many distinct ones.
        duplicates: how many of them are run with a second seed, for the noise of seeds.
        seed: decides the configurations, their order and their trials' seeds.
        tries: random balanced designs among which the one of largest information is taken.
    """

    configurations: int = 150
    duplicates: int = 12
    seed: int = 0
    tries: int = 200

    def __post_init__(self) -> None:
        """Keep plain values."""
        make_native(self)

    @property
    def trials(self) -> int:
        """How many trials the measurement takes."""
        return self.configurations + self.duplicates

    phase: ClassVar[str] = MEASURE

    def faults(self) -> Iterator[str]:
        """Every broken rule, in words."""
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
    """A few trials before the measurement: the noise of seeds, and a rate at which all train.

    Attributes:
        dominant: the parameter whose choices are all tried, at each of the nuisance's values.
        nuisance: the range that is tried out (the learning rate); empty for none.
        choices: how many of the choices get repetitions.
        repeats: how often each of them is run, with as many seeds.
        values: how many values of the nuisance each choice is run at.
        seed: decides the trials' seeds.
    """

    dominant: str = "targets"
    nuisance: str = "learning_rate"
    choices: int = 2
    repeats: int = 6
    values: int = 5
    seed: int = 0

    def __post_init__(self) -> None:
        """Keep plain values."""
        make_native(self)

    phase: ClassVar[str] = PILOT

    def faults(self) -> Iterator[str]:
        """Every broken rule, in words."""
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
    """A configuration, and the seed it is run with.

    Attributes:
        index: of its configuration; configurations are numbered in the order they are run.
        values: parameter name to value.
        seed: the trial's.
        replicate: 0, or which repetition of its configuration it is.
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
