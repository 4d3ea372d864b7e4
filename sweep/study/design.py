"""The phases of a study: its designed experiment and its search; a pilot, a study before it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from typing import Any, ClassVar

from sweep.errors import SpecError, fault
from sweep.study.rules import Ruled, counted, ruled
from sweep.study.space import Space
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

COLLAPSED = ("degenerate", "collapsed")
"""Metrics by which an objective marks a trial that completed and learned nothing."""


def is_collapsed(metrics: Mapping[str, Any]) -> bool:
    """Whether a trial's metrics mark it as having learned nothing."""
    return any(metrics.get(name) for name in COLLAPSED)


@dataclass(frozen=True)
class Design(Ruled):
    """The designed experiment: configurations spread evenly over the space.

    Attributes:
        configurations: number of distinct configurations.
        duplicates: how many of them are repeated with a second seed, to estimate seed noise.
        seed: determines the configurations, their order and their trials' seeds.
        tries: number of random balanced designs, of which the most informative is used.
    """

    configurations: int = counted(150, 2, MOST_RUNS)
    duplicates: int = counted(12, 0, MOST_RUNS)
    seed: int = counted(0, 0)
    tries: int = counted(200, 1, MOST_RUNS)

    part: ClassVar[str] = "design"
    phase: ClassVar[str] = MEASURE

    @property
    def trials(self) -> int:
        """The number of trials of the design."""
        return self.configurations + self.duplicates

    def faults(self) -> Iterator[str]:
        """All faults, one sentence each."""
        faults = list(super().faults())
        yield from faults
        if not faults and self.duplicates > self.configurations:
            rule = f"be at most the {self.configurations} configurations"
            yield fault("design.duplicates", rule, self.duplicates)

    def to_json(self) -> dict[str, Any]:
        """A JSON tree that ``design_from_json`` reads back."""
        return {"kind": MEASURE, **asdict(self)}


def _is_name(value: object) -> bool:
    return isinstance(value, str) and value.isidentifier()


@dataclass(frozen=True)
class Pilot(Ruled):
    """A few trials before the design, to estimate seed noise and find a usable learning rate.

    Attributes:
        dominant: the parameter of which every choice is tried, at each value of the nuisance.
        nuisance: the parameter whose range is tried (the learning rate); empty for none.
        choices: how many of the choices are repeated.
        repeats: number of runs of each of these, each with its own seed.
        values: number of values of the nuisance per choice.
        seed: determines the trials' seeds.
    """

    dominant: str = ruled("targets", "be the name of a parameter", _is_name)
    nuisance: str = ruled(
        "learning_rate", "be the name of a parameter", lambda value: isinstance(value, str)
    )
    choices: int = counted(2, 1, MOST_RUNS)
    repeats: int = counted(6, 2, MOST_RUNS)
    values: int = counted(5, 2, MOST_RUNS)
    seed: int = counted(0, 0)

    part: ClassVar[str] = "design"
    phase: ClassVar[str] = PILOT

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


def design_faults(design: Design | Pilot | None, space: Space) -> Iterator[str]:
    """Faults of the design itself, and parameters of it that the space lacks."""
    if design is None:
        return
    faults = list(design.faults())
    yield from faults
    if faults or space.faults():
        return
    if space.size() == 1:
        yield fault("design", "have a space with at least two configurations", list(space))
    if isinstance(design, Pilot):
        for part in ("dominant", "nuisance"):
            name = getattr(design, part)
            if name and name not in space.params:
                yield fault(f"design.{part}", f"be one of the space's {', '.join(space)}", name)


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
        return {**vars(self), "values": dict(self.values)}

    @classmethod
    def from_json(cls, tree: Mapping[str, Any]) -> Point:
        """Read back what ``to_json`` wrote."""
        return cls(**tree)
