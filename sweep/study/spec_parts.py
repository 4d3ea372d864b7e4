"""The parts of a study spec, each with its own checks."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from sweep.errors import fault
from sweep.study.native import make_native
from sweep.study.parameters import is_number
from sweep.study.trial import Scalar

SAMPLERS = ("tpe", "random", "qmc", "gp", "grid")
PRUNERS = ("none", "median", "halving", "hyperband")
KEEP = ("best", "all", "none")
RETRY = re.compile(r"retry\((\d{1,3})\)")
SEED_RANGE = f"to {2**32 - 1}"


def is_count(value: object) -> bool:
    """Whether a value is an integer from 0 to 2**32 - 1, as seeds and counts are."""
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 2**32


def one_of(name: str, value: object, allowed: tuple[str, ...]) -> Iterator[str]:
    """A fault if a value is not one of those allowed."""
    if value not in allowed:
        yield fault(name, f"be one of {', '.join(allowed)}", value)


@dataclass(frozen=True)
class Sampler:
    """How configurations are proposed.

    Attributes:
        name: ``tpe`` (to find the best), ``random``, ``qmc``, ``gp`` or ``grid``.
        seed: base of the sampler's seed; each resume derives a new one from it.
    """

    name: str = "tpe"
    seed: int = 0

    def __post_init__(self) -> None:
        """Convert the fields to plain Python values."""
        make_native(self)

    def faults(self) -> Iterator[str]:
        """All faults, one sentence each."""
        yield from one_of("sampler.name", self.name, SAMPLERS)
        if not is_count(self.seed):
            yield fault("sampler.seed", f"be a whole number of 0 {SEED_RANGE}", self.seed)


@dataclass(frozen=True)
class Pruner:
    """When a trial is stopped early.

    Attributes:
        name: ``none``, ``median``, ``halving`` or ``hyperband``.
    """

    name: str = "none"

    def __post_init__(self) -> None:
        """Convert the fields to plain Python values."""
        make_native(self)

    def faults(self) -> Iterator[str]:
        """All faults, one sentence each."""
        yield from one_of("pruner.name", self.name, PRUNERS)


@dataclass(frozen=True)
class Budget:
    """The number of trials and the time limit of a study.

    Attributes:
        trials: run until this many trials are COMPLETE.
        seconds: start no new trial after this many seconds of a run; None for no limit.
    """

    trials: int = 20
    seconds: float | None = None

    def __post_init__(self) -> None:
        """Convert the fields to plain Python values."""
        make_native(self)

    def faults(self) -> Iterator[str]:
        """All faults, one sentence each."""
        if not is_count(self.trials) or self.trials < 1:
            yield fault("budget.trials", f"be a whole number of 1 {SEED_RANGE}", self.trials)
        if self.seconds is not None and not (is_number(self.seconds) and self.seconds > 0):
            yield fault("budget.seconds", "be a number above 0, or None", self.seconds)


@dataclass(frozen=True)
class Policy:
    """What happens after failed trials, and which adapters are kept.

    Attributes:
        on_failure: ``continue`` with other trials, ``stop`` the sweep, or ``retry(k)``: run a
            failed trial up to k times more, for failures of the machine.
        max_retries: how often one trial may be interrupted and run again.
        keep: trained adapters to keep: of the ``best`` trial, of ``all``, or ``none``.
    """

    on_failure: str = "continue"
    max_retries: int = 10
    keep: str = "best"

    def __post_init__(self) -> None:
        """Convert the fields to plain Python values."""
        make_native(self)

    @property
    def failure_retries(self) -> int:
        """How often a failed trial is retried."""
        match = RETRY.fullmatch(self.on_failure)
        return int(match[1]) if match else 0

    def faults(self) -> Iterator[str]:
        """All faults, one sentence each."""
        chosen = self.on_failure
        if chosen not in ("continue", "stop") and not (
            isinstance(chosen, str) and RETRY.fullmatch(chosen)
        ):
            yield fault("policy.on_failure", "be 'continue', 'stop' or 'retry(k)'", chosen)
        if not is_count(self.max_retries):
            rule = f"be a whole number of 0 {SEED_RANGE}"
            yield fault("policy.max_retries", rule, self.max_retries)
        yield from one_of("policy.keep", self.keep, KEEP)


@dataclass(frozen=True)
class Baseline:
    """A fixed configuration outside the space, measured once per seed for comparison.

    Attributes:
        name: the baseline's name (``head only``).
        values: parameter values for the objective.
    """

    name: str
    values: Mapping[str, Scalar]

    def __post_init__(self) -> None:
        """Convert the fields to plain Python values."""
        make_native(self)

    def faults(self) -> Iterator[str]:
        """All faults, one sentence each."""
        if not isinstance(self.name, str) or not self.name.strip() or not self.name.isprintable():
            yield fault("a baseline's name", "be one printable line", self.name)
        values = self.values
        if not isinstance(values, Mapping) or not all(map(_is_plain, values.items())):
            rule = "map names to strings, finite numbers or booleans"
            yield fault(f"baseline {self.name!r}", rule, values)


def _is_plain(item: tuple[object, object]) -> bool:
    """Whether a name and its value are valid as a trial's parameter."""
    name, value = item
    return isinstance(name, str) and (isinstance(value, (str, bool)) or is_number(value))
