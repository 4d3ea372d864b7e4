"""The parts of a study spec, each with its own rules."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import ClassVar, Literal

from sweep.errors import fault
from sweep.study.native import make_native
from sweep.study.parameters import is_number
from sweep.study.rules import Ruled, above, chosen, counted, matching, or_else, ruled
from sweep.study.trial import Scalar

SAMPLERS: Mapping[str, Literal["adaptive", "random"]] = {
    "tpe": "adaptive",
    "random": "random",
    "qmc": "random",
    "gp": "adaptive",
    "grid": "random",
}
"""Names of the samplers, and whether each depends on the results of earlier trials: only trials of
the others are a fair sample, which effects can be estimated from."""

RETRY = re.compile(r"retry\((\d{1,3})\)")


@dataclass(frozen=True)
class Sampler(Ruled):
    """How configurations are proposed.

    Attributes:
        name: ``tpe`` (to find the best), ``random``, ``qmc``, ``gp`` or ``grid``.
        seed: base of the sampler's seed; each resume derives a new one from it.
    """

    name: str = chosen("tpe", *SAMPLERS)
    seed: int = counted(0, 0)

    part: ClassVar[str] = "sampler"


@dataclass(frozen=True)
class Pruner(Ruled):
    """When a trial is stopped early.

    Attributes:
        name: ``none``, ``median``, ``halving`` or ``hyperband``.
    """

    name: str = chosen("none", "none", "median", "halving", "hyperband")

    part: ClassVar[str] = "pruner"


@dataclass(frozen=True)
class Budget(Ruled):
    """The number of trials and the time limit of a study.

    Attributes:
        trials: run until this many trials are COMPLETE.
        seconds: start no new trial after this many seconds of a run; None for no limit.
    """

    trials: int = counted(20, 1)
    seconds: float | None = ruled(None, "be a number above 0, or None", or_else(None, above(0)))

    part: ClassVar[str] = "budget"


@dataclass(frozen=True)
class Policy(Ruled):
    """What happens after failed trials, and which adapters are kept.

    Attributes:
        on_failure: ``continue`` with other trials, ``stop`` the sweep, or ``retry(k)``: run a
            failed trial up to k times more, for failures of the machine.
        max_retries: how often one trial may be interrupted and run again.
        keep: trained adapters to keep: of the ``best`` trial, of ``all``, or ``none``.
    """

    on_failure: str = ruled(
        "continue",
        "be 'continue', 'stop' or 'retry(k)'",
        matching(rf"continue|stop|{RETRY.pattern}"),
    )
    max_retries: int = counted(10, 0)
    keep: str = chosen("best", "best", "all", "none")

    part: ClassVar[str] = "policy"

    @property
    def failure_retries(self) -> int:
        """How often a failed trial is retried."""
        match = RETRY.fullmatch(self.on_failure)
        return int(match[1]) if match else 0


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
    name, value = item
    return isinstance(name, str) and (isinstance(value, (str, bool)) or is_number(value))
