"""The smaller records that a study spec is made of."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from sweep.native import make_native
from sweep.spec_faults import RETRY
from sweep.trial import Scalar


@dataclass(frozen=True)
class Sampler:
    """How configurations are proposed.

    Attributes:
        name: ``tpe`` (find the best), ``random``, ``qmc``, ``gp`` or ``grid``.
        seed: base of the sampler's seed; each resume derives a new one from it.
    """

    name: str = "tpe"
    seed: int = 0

    def __post_init__(self) -> None:
        """Keep plain values."""
        make_native(self)


@dataclass(frozen=True)
class Pruner:
    """When a trial is stopped early.

    Attributes:
        name: ``none``, ``median``, ``halving`` or ``hyperband``.
    """

    name: str = "none"

    def __post_init__(self) -> None:
        """Keep plain values."""
        make_native(self)


@dataclass(frozen=True)
class Budget:
    """How much is spent on the study.

    Attributes:
        trials: run until this many trials are COMPLETE.
        seconds: start no new trial after this many seconds of a run; None for no limit.
    """

    trials: int = 20
    seconds: float | None = None

    def __post_init__(self) -> None:
        """Keep plain values."""
        make_native(self)


@dataclass(frozen=True)
class Policy:
    """What happens when trials fail, and which adapters are kept.

    Attributes:
        on_failure: ``continue`` with other trials, ``stop`` the sweep, or ``retry(k)``: run
            a failed trial up to k times more, for faults of the machine.
        max_retries: how often one trial may be interrupted and run again.
        keep: trained adapters to keep: of the ``best`` trial, of ``all``, or ``none``.
    """

    on_failure: str = "continue"
    max_retries: int = 10
    keep: str = "best"

    def __post_init__(self) -> None:
        """Keep plain values."""
        make_native(self)

    @property
    def failure_retries(self) -> int:
        """How often a failed trial is run again."""
        match = RETRY.fullmatch(self.on_failure)
        return int(match[1]) if match else 0


@dataclass(frozen=True)
class Baseline:
    """A fixed configuration outside the space, measured once per seed for comparison.

    Attributes:
        name: what to call it (``head only``).
        values: parameter values, as an objective takes them.
    """

    name: str
    values: Mapping[str, Scalar]

    def __post_init__(self) -> None:
        """Keep plain values."""
        make_native(self)
