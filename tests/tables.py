"""Trial tables with known answers, for the tests of the analysis."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import numpy as np

from objectives.synthetic import Synthetic
from sweep.space import Choice, Float, Space, TargetSets
from sweep.table import Row, TrialTable
from sweep.trial import Scalar, TrialParams, ignore_reports

LORA = Space(
    {
        "rank": Choice(1, 2, 4, 8, 16, 32),
        "alpha": Choice(1, 2, 4, 8, 16, 32, 64),
        "targets": TargetSets(
            "query+value", "qkv", "attention", "mlp", "attention+mlp.down", "all-linear"
        ),
    }
)


def draws(space: Space, n: int, seed: int) -> Iterable[dict[str, Scalar]]:
    """Configurations drawn evenly from a space."""
    rng = np.random.default_rng(seed)
    for _ in range(n):
        values: dict[str, Scalar] = {}
        for name, param in space.params.items():
            grid = param.grid()
            place = rng.uniform(param.low, param.high) if isinstance(param, Float) else 0.0
            values[name] = grid[rng.integers(len(grid))] if grid else float(place)
        yield values


def study_table(
    space: Space, n: int, value: Callable[[dict[str, Scalar]], float], seed: int = 0
) -> TrialTable:
    """Drawn configurations, each with its value."""
    rows = [Row(i, values, value(values)) for i, values in enumerate(draws(space, n, seed))]
    return TrialTable.from_rows(rows, space=space)


def surface_table(n: int, noise: float = 0.01, seed: int = 0) -> TrialTable:
    """Trials of the toy MCC, through the objective itself."""
    objective = Synthetic({"function": "surface", "noise": noise}, {})

    def value(values: dict[str, Scalar]) -> float:
        [result] = objective.run([TrialParams(0, values, seed)], ignore_reports)
        assert result.value is not None
        return result.value

    return study_table(LORA, n, value, seed)


def noise_table(n: int, seed: int = 0) -> TrialTable:
    """Trials whose value has nothing to do with their parameters."""
    rng = np.random.default_rng(seed + 1)
    return study_table(LORA, n, lambda _: float(rng.normal()), seed)
