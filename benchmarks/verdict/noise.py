"""The noise of simulated runs: between seeds, between configurations, and collapsed runs."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from sweep._typing import FloatArray

COLLAPSE = 0.2
"""How much of the objective a collapsed run loses."""

_ALL = 4
"""Index of the largest target set, the last."""


@dataclass(frozen=True)
class Noise:
    """The noise of runs around the surface.

    Attributes:
        seed: standard deviation between seeds, in the middle of the learning rates.
        configuration: standard deviation of what a configuration adds beyond the surface.
        at_high_rate: factor by which the noise grows from the lowest to the highest
            learning rate, evenly on its log axis.
        tailed: whether seeds scatter as Student's t on 3 degrees of freedom, of the same
            standard deviation, instead of normally.
        collapses: the share of all runs that collapse.
        collapses_of_all: the share of runs of the largest target set that collapse in the
            highest third of learning rates.
    """

    seed: float = 0.010
    configuration: float = 0.002
    at_high_rate: float = 1.0
    tailed: bool = False
    collapses: float = 0.0
    collapses_of_all: float = 0.0

    def draw(
        self,
        rng: np.random.Generator,
        configurations: npt.NDArray[np.intp],
        t: FloatArray,
        u: FloatArray,
    ) -> tuple[FloatArray, npt.NDArray[np.bool_]]:
        """The noise of each run, and whether it collapsed, each of shape ``(n,)``.

        Args:
            rng: the random generator.
            configurations: which configuration each run is of, from 0.
            t: index of each run's target set.
            u: position of each run's learning rate, from -1 to 1.
        """
        n = len(t)
        shared = self.configuration * rng.standard_normal(configurations.max() + 1)
        seeds = rng.standard_t(3, n) / math.sqrt(3.0) if self.tailed else rng.standard_normal(n)
        seeds = seeds * self.seed * self.at_high_rate ** (u / 2.0)
        risk = np.where((t == _ALL) & (u > 1.0 / 3.0), self.collapses_of_all, self.collapses)
        collapsed = rng.random(n) < risk
        return shared[configurations] + seeds - COLLAPSE * collapsed, collapsed


ORDINARY = Noise()
"""The noise level for which the verdict's power was computed."""
