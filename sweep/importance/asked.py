"""How carefully to measure, checked."""

from __future__ import annotations

from dataclasses import dataclass

from sweep.errors import SpecError, fault
from sweep.importance.methods import ESTIMATORS


@dataclass(frozen=True)
class Asked:
    """How carefully to measure.

    Attributes:
        seed: the only source of randomness.
        n_bootstrap: resamples behind the intervals.
        n_null: permutations behind each ``null``.
        level: nominal level of the intervals.
    """

    seed: int
    n_bootstrap: int
    n_null: int
    level: float

    def check(self, method: str) -> None:
        """Refuse what breaks a rule.

        Args:
            method: the method by name, which is looked at together with the rest.

        Raises:
            SpecError: with every fault.
        """
        faults = []
        if not 0 <= self.seed < 2**32:
            faults.append(fault("seed", "be a whole number from 0 to 4294967295", self.seed))
        if method not in ESTIMATORS:
            faults.append(fault("method", f"be one of {list(ESTIMATORS)}", method))
        if self.n_bootstrap < 0:
            faults.append(fault("n_bootstrap", "be 0 or more", self.n_bootstrap))
        if self.n_null < 0:
            faults.append(fault("n_null", "be 0 or more", self.n_null))
        if not 0.0 < self.level < 1.0:
            faults.append(fault("level", "lie between 0 and 1", self.level))
        if faults:
            raise SpecError(faults)
