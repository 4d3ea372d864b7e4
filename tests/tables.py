"""Trial tables with known effects, for tests of the analysis."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable

import numpy as np

from objectives.synthetic import Synthetic, ishigami
from sweep.analysis.table import Row, TrialTable
from sweep.study.parameters import Choice, Float, TargetSets
from sweep.study.space import Space
from sweep.study.trial import Scalar, TrialParams, ignore_reports

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
    """Random configurations of a space."""
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
    """A table of configurations with given values."""
    rows = [Row(i, values, value(values)) for i, values in enumerate(draws(space, n, seed))]
    return TrialTable.from_rows(rows, space=space)


def surface_table(n: int, noise: float = 0.01, seed: int = 0) -> TrialTable:
    """Trials of the synthetic MCC, computed by the objective."""
    objective = Synthetic({"function": "surface", "noise": noise}, {})

    def value(values: dict[str, Scalar]) -> float:
        [result] = objective.run([TrialParams(0, values, seed)], ignore_reports)
        assert result.value is not None
        return result.value

    return study_table(LORA, n, value, seed)


def ishigami_table(n: int, seed: int = 0) -> TrialTable:
    """Ishigami's function without noise.

    First order 0.3139, 0.4424, 0; x1 with x3 0.2437; totals 0.5576, 0.4424, 0.2437.
    Source: closed form for a = 7, b = 0.1; Saltelli et al. 2008, Global Sensitivity Analysis.
    """
    space = Space({f"x{i}": Float(-math.pi, math.pi) for i in (1, 2, 3)})
    return study_table(space, n, ishigami, seed)


def designed_table(
    n: int, effects: dict[str, float], noise: float = 0.0075, seed: int = 0
) -> TrialTable:
    """A balanced study of targets, rank, scaling and learning rate.

    Args:
        n: trials, each its own configuration.
        effects: parameter name to the standard deviation that its linear effect causes.
        noise: standard deviation of normal noise.
        seed: decides the design and the noise.
    """
    rng = np.random.default_rng(seed)
    choices = {
        "targets": ("query+value", "key+query+value", "attention.output", "mlp.up", "mlp.down"),
        "rank": (2, 4, 8, 16, 32),
        "scaling": (0.5, 1.0, 2.0, 4.0, 8.0),
    }
    levels = {name: rng.permutation(np.arange(n) % 5) for name in choices}
    rate = rng.permutation((np.arange(n) + rng.uniform(size=n)) / n)
    scores = {name: (level - 2.0) / math.sqrt(2.0) for name, level in levels.items()}
    scores["learning_rate"] = (rate - 0.5) * math.sqrt(12.0)
    values = rng.normal(0.25, noise, size=n)
    values += sum(effect * scores[name] for name, effect in effects.items())
    columns: dict[str, list[Scalar]] = {
        name: [choices[name][i] for i in level] for name, level in levels.items()
    }
    columns["learning_rate"] = [float(10.0 ** (2.0 * r - 4.0)) for r in rate]
    space = Space(
        {
            "targets": TargetSets(*choices["targets"]),  # type: ignore[arg-type]
            "rank": Choice(*choices["rank"]),
            "scaling": Choice(*choices["scaling"]),
            "learning_rate": Float(1e-4, 1e-2, log=True),
        }
    )
    return TrialTable.from_arrays(columns, values, space=space)


def noise_table(n: int, seed: int = 0) -> TrialTable:
    """Trials whose value does not depend on their parameters."""
    rng = np.random.default_rng(seed + 1)
    return study_table(LORA, n, lambda _: float(rng.normal()), seed)
