"""Shares of a forest's variance (fANOVA), against brute force, Optuna and closed forms."""

from __future__ import annotations

import itertools
import math
import warnings

import numpy as np
import numpy.typing as npt
import optuna
import pytest
from optuna.distributions import FloatDistribution
from sklearn.ensemble import RandomForestRegressor

from sweep.analysis.axes import Axis
from sweep.analysis.importance.fanova import forest_shares

FloatArray = npt.NDArray[np.float64]


def _mixed(n: int, seed: int) -> tuple[list[Axis], FloatArray]:
    """Two ordered parameters and an unordered one, with noise."""
    rng = np.random.default_rng(seed)
    a, b, c = rng.integers(4, size=n), rng.integers(3, size=n), rng.integers(5, size=n)
    y = 0.3 * a + 0.5 * np.array([2.0, 0.0, 1.0, 5.0, 3.0])[c] * (1 + b) + rng.normal(size=n)
    axes = [
        Axis("a", a.astype(float), -0.5, 3.5, "ordered", 4),
        Axis("b", b.astype(float), -0.5, 2.5, "ordered", 3),
        Axis("c", c.astype(float), 0.0, 1.0, "unordered", 5),
    ]
    return axes, y


def test_shares_equal_brute_force_over_every_configuration() -> None:
    """Predict each of the 4 x 3 x 5 configurations and take the variances of the means."""
    axes, y = _mixed(40, seed=0)
    groups = [[0], [1], [2], [0, 1], [1, 2], [0, 1, 2]]
    features = np.concatenate([axis.columns() for axis in axes], axis=1)
    forest = RandomForestRegressor(n_estimators=8, max_depth=64, random_state=3).fit(features, y)
    grid = np.array(list(itertools.product(range(4), range(3), range(5))))
    points = np.concatenate([grid[:, :2], np.eye(5)[grid[:, 2]]], axis=1)
    cube = forest.predict(points).reshape(4, 3, 5)
    rests = [tuple(i for i in range(3) if i not in group) for group in groups]
    expected = [cube.mean(axis=rest).var() / cube.var() for rest in rests]

    shares = forest_shares(axes, y, groups, n_trees=8, seed=3)

    assert shares == pytest.approx(expected, abs=1e-9)


def test_one_tree_has_the_shares_of_optuna() -> None:
    """With one tree there is nothing to average; the rest is the grid of 64 points per axis."""
    rng = np.random.default_rng(1)
    x = rng.uniform(size=(50, 3))
    y = 3.0 * x[:, 0] + np.sin(6.0 * x[:, 1]) + x[:, 0] * x[:, 2]
    names = ["a", "b", "c"]
    study = optuna.create_study()
    distributions = dict.fromkeys(names, FloatDistribution(0.0, 1.0))
    for row, value in zip(x, y, strict=True):
        params = dict(zip(names, map(float, row), strict=True))
        study.add_trial(
            optuna.create_trial(params=params, distributions=distributions, value=float(value))
        )
    evaluator = optuna.importance.FanovaImportanceEvaluator(n_trees=1, seed=5)
    expected = evaluator.evaluate(study, params=names)

    axes = [Axis(name, x[:, i], 0.0, 1.0) for i, name in enumerate(names)]
    shares = forest_shares(axes, y, [[0], [1], [2]], n_trees=1, seed=5)

    assert shares == pytest.approx([expected[name] for name in names], abs=0.02)


def test_linear_shares_are_four_fifths_and_one_fifth() -> None:
    """Var(2 x1) : Var(x2) = 4 : 1 on equal ranges."""
    rng = np.random.default_rng(0)
    x = rng.uniform(size=(800, 2))
    axes = [Axis(f"x{i + 1}", x[:, i], 0.0, 1.0) for i in range(2)]

    shares = forest_shares(axes, 2.0 * x[:, 0] + x[:, 1], [[0], [1]], n_trees=32, seed=0)

    assert shares == pytest.approx([0.8, 0.2], abs=0.03)


def test_a_product_is_all_interaction() -> None:
    """x1 x2 on [-1, 1]: no main effects, the pair explains everything."""
    rng = np.random.default_rng(0)
    x = rng.uniform(-1, 1, size=(800, 2))
    axes = [Axis(f"x{i + 1}", x[:, i], -1.0, 1.0) for i in range(2)]

    shares = forest_shares(axes, x[:, 0] * x[:, 1], [[0], [1], [0, 1]], n_trees=32, seed=0)

    assert shares == pytest.approx([0.0, 0.0, 1.0], abs=0.05)


def test_ishigami_shares_come_near_its_closed_form() -> None:
    """First order 0.3139, 0.4424, 0 and x1 with x3 0.5576.

    A finite forest leaves part of each main effect to interactions; hence the tolerance.
    Source: closed form for a = 7, b = 0.1; Saltelli et al. 2008, Global Sensitivity Analysis.
    """
    rng = np.random.default_rng(0)
    x = rng.uniform(-math.pi, math.pi, size=(2048, 3))
    y = np.sin(x[:, 0]) + 7.0 * np.sin(x[:, 1]) ** 2 + 0.1 * x[:, 2] ** 4 * np.sin(x[:, 0])
    axes = [Axis(f"x{i + 1}", x[:, i], -math.pi, math.pi) for i in range(3)]

    shares = forest_shares(axes, y, [[0], [1], [2], [0, 2]], n_trees=16, seed=0)

    assert shares == pytest.approx([0.3139, 0.4424, 0.0, 0.5576], abs=0.05)


def test_a_constant_objective_has_no_result() -> None:
    """Without variance there are no shares."""
    axes, _ = _mixed(12, seed=0)

    shares = forest_shares(axes, np.full(12, 0.5), [[0], [1]], n_trees=4, seed=0)

    assert np.isnan(shares).all()


def test_a_large_offset_loses_no_precision() -> None:
    """The mean is subtracted before variances are summed."""
    axes, y = _mixed(40, seed=2)
    y = np.round(8.0 * y) / 8.0  # so that adding 2**20 rounds nothing

    near = forest_shares(axes, y, [[0], [2]], n_trees=8, seed=0)
    far = forest_shares(axes, y + 2.0**20, [[0], [2]], n_trees=8, seed=0)

    assert far == pytest.approx(near, abs=1e-9)


def test_many_choices_are_as_fast_as_few() -> None:
    """Thirty target sets: enumerating 2**30 one-hot corners would never end."""
    rng = np.random.default_rng(0)
    places = rng.integers(30, size=60)
    axes = [
        Axis("targets", places.astype(float), 0.0, 1.0, "unordered", 30),
        Axis("rank", rng.integers(6, size=60).astype(float), -0.5, 5.5, "ordered", 6),
    ]

    with warnings.catch_warnings():
        warnings.simplefilter("error")
        shares = forest_shares(axes, (places % 7).astype(float), [[0], [1]], n_trees=8, seed=0)

    assert shares[0] > shares[1]
