"""Samples and tables with known effects, for tests of effects and verdicts."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy import stats

from benchmarks.verdict.designs import Runs
from benchmarks.verdict.scenarios import SCENARIOS, simulate
from sweep.analysis.axes import Axis
from sweep.analysis.effects.fit import ConfigurationMeans
from sweep.analysis.table import TrialTable
from sweep.analysis.verdict.cross_checks import CheckOptions
from sweep.analysis.verdict.result import Verdict
from sweep.analysis.verdict.verdict import judge
from sweep.study.claim import Claim
from sweep.study.parameters import Choice, Float
from sweep.study.space import Space

FloatArray = npt.NDArray[np.float64]

FAST = CheckOptions(n_bootstrap=8, n_permutations=8, n_draws=200)
"""Cross-checks that take a second."""

TINY = CheckOptions(n_bootstrap=2, n_permutations=2, n_draws=100)
"""Minimal cross-checks."""

ABOUT_T = Claim(dominant="t", over=("a",), negligible=(), nuisances=())
"""A claim about a categorical parameter t and an ordered one, a."""


def line(places: npt.ArrayLike, name: str = "x") -> Axis:
    """An axis of numbers from -1 to 1."""
    return Axis(name, np.asarray(places, dtype=np.float64), -1.0, 1.0)


def ordered(places: npt.ArrayLike, size: int, name: str = "o") -> Axis:
    """An axis of ordered choices."""
    return Axis(name, np.asarray(places, dtype=np.float64), -0.5, size - 0.5, "ordered", size)


def names(places: npt.ArrayLike, size: int, name: str = "t") -> Axis:
    """An axis of choices without an order."""
    return Axis(name, np.asarray(places, dtype=np.float64), 0.0, 1.0, "unordered", size)


def sample_of(
    y: npt.ArrayLike, *axes: Axis, seeds: npt.ArrayLike | None = None
) -> ConfigurationMeans:
    """A sample of distinct configurations."""
    values = np.asarray(y, dtype=np.float64)
    of = np.arange(len(values)) if seeds is None else np.repeat(np.arange(len(values)), seeds)
    return ConfigurationMeans.of([axis.take(of) for axis in axes], values[of], of)


def sobol(n: int, k: int, seed: int = 0) -> FloatArray:
    """Even points of (-1, 1), shape ``(k, n)``."""
    power = int(np.ceil(np.log2(n)))
    points = stats.qmc.Sobol(k, rng=np.random.default_rng(seed)).random_base2(power)[:n]
    unit: FloatArray = 2.0 * points.T - 1.0
    return unit


def simple_table(
    n: int,
    value: Callable[[Mapping[str, FloatArray]], FloatArray],
    *,
    noise: float = 0.0,
    seed: int = 0,
    **more: Any,
) -> TrialTable:
    """Trials of names t (five), ordered choices a and b (five), and a rate u from -1 to 1.

    Args:
        n: trials, each its own configuration; every choice equally often.
        value: the objective without noise, as a function of the indices of t, a, b (0 to 4) and u.
        noise: standard deviation of normal noise.
        seed: decides the design and the noise.
        more: arguments of ``TrialTable.from_arrays``.
    """
    rng = np.random.default_rng(seed)
    places = {name: rng.permutation(np.arange(n) % 5).astype(np.float64) for name in "tab"}
    places["u"] = 2.0 * rng.permutation((np.arange(n) + rng.uniform(size=n)) / n) - 1.0
    y = value(places) + rng.normal(0.0, noise, n)
    columns: dict[str, Any] = {
        "t": ["pqrsv"[int(t)] for t in places["t"]],
        "a": [2.0**p for p in places["a"]],
        "b": [2.0**p for p in places["b"]],
        "u": places["u"],
    }
    space = Space(
        {
            "t": Choice(*"pqrsv"),
            "a": Choice(1.0, 2.0, 4.0, 8.0, 16.0),
            "b": Choice(1.0, 2.0, 4.0, 8.0, 16.0),
            "u": Float(-1.0, 1.0),
        }
    )
    return TrialTable.from_arrays(columns, y, space=space, **more)


def study(name: str, n: int, seed: int) -> TrialTable:
    """A simulated study of a benchmark scenario, with a design that is fast to generate.

    Every choice equally often, a Latin hypercube in ranges, and one in thirteen twice.
    """
    return simulate(replace(SCENARIOS[name], plan=_latin), n, seed)[0]


def _latin(space: Space, n: int, rng: np.random.Generator) -> Runs:
    configurations = n - round(0.075 * n)
    columns = []
    for param in space.params.values():
        order = rng.permutation(configurations)
        if isinstance(param, Choice):
            columns.append([param.values[i % len(param.values)] for i in order])
        else:
            assert isinstance(param, Float)
            low, high = param.encode(param.low), param.encode(param.high)
            unit = (order + rng.uniform(size=configurations)) / configurations
            columns.append([param.decode(low + (high - low) * each) for each in unit])
    of = [i % configurations for i in range(n)]
    values = [dict(zip(space, row, strict=True)) for row in zip(*columns, strict=True)]
    return Runs(tuple(values[i] for i in of), tuple(of), tuple(range(n)))


def straight(places: FloatArray) -> FloatArray:
    """A line over five choices with mean 0 and mean square 1."""
    return (places - 2.0) / np.sqrt(2.0)


def with_values(table: TrialTable, y: npt.ArrayLike) -> TrialTable:
    """The same trials with other values."""
    values = np.asarray(y, dtype=np.float64).tolist()
    rows = [replace(row, value=v) for row, v in zip(table.rows, values, strict=True)]
    return replace(table, rows=tuple(rows))


def repeated(table: TrialTable, times: int) -> TrialTable:
    """Every row several times, with seeds of its own and the same value."""
    n = len(table)
    rows = [
        replace(row, number=row.number + n * k, seed=k) for k in range(times) for row in table.rows
    ]
    return replace(table, rows=tuple(rows))


def quick(table: TrialTable, claim: Claim = ABOUT_T, **how: Any) -> Verdict:
    """The verdict without cross-checks, on few draws."""
    return judge(table, claim, **{"n_draws": 500, "cross_checks": False, **how})


def no_nan(tree: Any) -> None:
    """Every number of a JSON tree is finite."""
    if isinstance(tree, dict):
        for each in tree.values():
            no_nan(each)
    elif isinstance(tree, list | tuple):
        for each in tree:
            no_nan(each)
    elif isinstance(tree, float):
        assert math.isfinite(tree)


def sound(found: Verdict) -> None:
    """Invariants of every verdict."""
    tree = found.to_json()
    json.dumps(tree, allow_nan=False)
    no_nan(tree)
    assert found.reason.strip()
    if found.n_configurations < 20:
        assert found.verdict == "INCONCLUSIVE"
        assert found.guards
    for effect in (*found.parameters, *found.groups, *found.interactions):
        assert 0.0 <= effect.low <= effect.share <= effect.high <= 1.0
        assert effect.share <= effect.total_share + 1e-12 <= 1.0 + 2e-12
        assert 0.0 <= effect.sigma_low <= effect.sigma <= effect.sigma_high
        assert effect.total_low <= effect.total_sigma <= effect.total_high
        assert effect.sigma <= effect.total_sigma
        assert 0.0 <= effect.p_value <= 1.0
        assert effect.noise_floor >= 0.0
    for part in found.parts:
        for chance in (part.probability, part.refuted):
            assert chance is None or 0.0 <= chance <= 1.0
        assert (part.probability is None) == (part.state == "UNTESTED")
    assert found.trials_needed is None or found.trials_needed > 0
