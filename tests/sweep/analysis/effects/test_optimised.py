"""Effects at each choice's optimum, against enumeration of surfaces with known optima."""

from __future__ import annotations

import itertools
from collections.abc import Callable

import numpy as np
import numpy.typing as npt
import pytest
from judged import line, names, ordered, sample_of

from sweep.analysis.axes import Axis
from sweep.analysis.effects.contrasts import averaged, best_places, optimised, surfaces
from sweep.analysis.effects.fit import Fit, fit
from sweep.analysis.effects.model import Block, Model

FloatArray = npt.NDArray[np.float64]

GAIN = np.array([0.0, 0.3, -0.2, 0.1])
BEST_U = np.array([-0.6, 0.2, 0.5, 1.0])
BEST_V = np.array([0.25, -0.5, 0.0, -1.0])
LEVELS = np.arange(3.0) - 1.0


def _surface(t: FloatArray, a: FloatArray, u: FloatArray, v: FloatArray) -> FloatArray:
    """Each choice has its optimum at its own u and v; a scales u and v, and interacts with t."""
    at = t.astype(int)
    level = LEVELS[a.astype(int)]
    bowls = GAIN[at] - 0.5 * (u - BEST_U[at]) ** 2 - 0.3 * (v - BEST_V[at]) ** 2
    return bowls + level * (0.1 * u - 0.2 * v + 0.05 + 0.1 * GAIN[at])


def _grid(*values: npt.ArrayLike) -> FloatArray:
    return np.array(list(itertools.product(*map(np.asarray, values)))).T


def _exact(axes: tuple[Axis, ...], y: FloatArray, dominant: int) -> Fit:
    """A fit that contains the surface: three degrees of the dominant one with everything."""
    degrees = [3 if i == dominant else 2 for i in range(len(axes))]
    pairs = itertools.combinations(range(len(axes)), 2)
    blocks = [Block((i,), (degree,)) for i, degree in enumerate(degrees)]
    blocks += [Block((i, j), (degrees[i], degrees[j])) for i, j in pairs]
    found = fit(Model(axes, tuple(blocks)), sample_of(y, *axes))
    assert found is not None
    return found


def _variances(table: FloatArray) -> tuple[float, float, float]:
    """Two-way analysis of a table of means: rows, columns, interaction."""
    whole = table.mean()
    rows, columns = table.mean(axis=1) - whole, table.mean(axis=0) - whole
    rest = table - whole - rows[:, None] - columns[None, :]
    return float(np.mean(rows**2)), float(np.mean(columns**2)), float(np.mean(rest**2))


def _sum(fit: Fit, rows: FloatArray) -> float:
    return float(np.square(rows @ fit.b).sum())


@pytest.mark.parametrize("make", [names, ordered], ids=["names", "ordered"])
@pytest.mark.parametrize("first", ["dominant", "third", "nuisance"])
def test_one_nuisance_against_enumeration(
    make: Callable[[npt.ArrayLike, int], Axis], first: str
) -> None:
    """Main effect, the third parameter's, and their interaction, in any order of parameters.

    The last choice has its optimum at the end of the range.
    """
    t, a, u = _grid(range(4), range(3), np.linspace(-1, 1, 6))
    y = _surface(t, a, u, np.zeros_like(u))
    named = {"dominant": make(t, 4), "third": ordered(a, 3), "nuisance": line(u)}
    order = sorted(named, key=lambda role: role != first)
    at = {role: order.index(role) for role in order}
    fitted = _exact(tuple(named[role] for role in order), y, at["dominant"])

    best = best_places(fitted, at["dominant"], [at["nuisance"]])
    view = optimised(fitted, best)

    assert best.places[at["nuisance"]] == pytest.approx(BEST_U)
    table = np.array(
        [[_surface(np.array([k]), np.array([j]), BEST_U[[k]], np.zeros(1))[0] for j in range(3)]
         for k in range(4)]
    )  # fmt: skip
    mine, third, both = _variances(table)
    pair = tuple(sorted((at["dominant"], at["third"])))
    assert _sum(fitted, view.within([at["dominant"]])) == pytest.approx(mine)
    assert _sum(fitted, view.within([at["third"]])) == pytest.approx(third)
    assert _sum(fitted, view.effects[pair]) == pytest.approx(both)
    assert _sum(fitted, view.touching([at["third"]])) == pytest.approx(third + both)
    assert not any(at["nuisance"] in members for members in view.effects)
    means = best.rows @ fitted.b + fitted.constant
    assert means == pytest.approx(table.mean(axis=1))


@pytest.mark.parametrize("make", [names, ordered], ids=["names", "ordered"])
def test_two_nuisances_against_enumeration(make: Callable[[npt.ArrayLike, int], Axis]) -> None:
    """Each choice at its own optimum of both, with an interaction of the two."""
    t, a, u, v = _grid(range(4), range(3), np.linspace(-1, 1, 5), np.linspace(-1, 1, 5))
    joint = 0.2
    y = _surface(t, a, u, v) + joint * u * v
    fitted = _exact((line(v), make(t, 4), ordered(a, 3), line(u)), y, 1)
    places = np.linspace(-1, 1, 17)

    best = best_places(fitted, 1, [3, 0])
    view = optimised(fitted, best)

    table = np.empty((4, 3))
    for k in range(4):
        uu, vv = _grid(places, places)
        at = np.full(len(uu), float(k))
        mean = _surface(at, np.ones_like(at), uu, vv) + joint * uu * vv  # level 0 is the average
        top = int(np.argmax(mean))
        assert (best.places[3][k], best.places[0][k]) == (uu[top], vv[top])
        for j in range(3):
            here = _surface(at[:1], np.full(1, float(j)), uu[[top]], vv[[top]])
            table[k, j] = here[0] + joint * uu[top] * vv[top]
    mine, third, both = _variances(table)
    assert _sum(fitted, view.within([1])) == pytest.approx(mine)
    assert _sum(fitted, view.within([2])) == pytest.approx(third)
    assert _sum(fitted, view.effects[1, 2]) == pytest.approx(both)


def test_averaged_effects_are_the_variance_components_of_the_grid() -> None:
    """With every combination tried, the sums of squares are those of a two-way table."""
    t, a = _grid(range(4), range(3))
    y = _surface(t, a, np.full(12, 0.3), np.zeros(12)) + 0.05 * (t == a)
    axes = names(t, 4), names(a, 3)
    blocks = (Block((0,), (1,)), Block((1,), (1,)), Block((0, 1), (1, 1)))
    twice = [axis.take(np.tile(np.arange(12), 2)) for axis in axes]
    fitted = fit(Model(axes, blocks), sample_of(np.tile(y, 2), *twice))
    assert fitted is not None

    view = averaged(fitted)

    mine, third, both = _variances(y.reshape(4, 3))
    assert _sum(fitted, view.within([0])) == pytest.approx(mine)
    assert _sum(fitted, view.within([1])) == pytest.approx(third)
    assert _sum(fitted, view.touching([0])) == pytest.approx(mine + both)
    assert _sum(fitted, view.within([0, 1])) == pytest.approx(mine + third + both)


def test_a_dominant_range_has_an_optimum_everywhere() -> None:
    """On a line the optimum is u = 0.8 x, so x gains 0.5 (0.8 x)^2 beside its own 0.1 x."""
    x, u = _grid(np.linspace(-1, 1, 9), np.linspace(-1, 1, 9))
    y = 0.1 * x - 0.5 * (u - 0.8 * x) ** 2 + 0.5 * (0.8 * x) ** 2
    axes = line(x), line(u, "u")
    blocks = (Block((0,), (2,)), Block((1,), (2,)), Block((0, 1), (1, 1)))
    fitted = fit(Model(axes, blocks), sample_of(y, *axes))
    assert fitted is not None

    best = best_places(fitted, 0, [1])

    assert best.places[1] == pytest.approx(0.8 * best.choices, abs=0.011)
    # 0.1 x has variance 0.01 / 3, and 0.32 x^2 has 0.32^2 (1 / 5 - 1 / 9).
    expected = 0.01 / 3 + 0.32**2 * (1 / 5 - 1 / 9)
    assert _sum(fitted, optimised(fitted, best).within([0])) == pytest.approx(expected, rel=0.02)


def test_ordered_nuisances_have_their_optimum_at_a_choice() -> None:
    """A nuisance with few values has no values between them."""
    t, a = _grid(range(4), range(5))
    y = -((a - np.array([0, 1, 3, 4])[t.astype(int)]) ** 2)
    axes = names(t, 4), ordered(a, 5)
    blocks = (Block((0,), (1,)), Block((1,), (2,)), Block((0, 1), (1, 1)))
    fitted = fit(Model(axes, blocks), sample_of(y, *axes))
    assert fitted is not None

    best = best_places(fitted, 0, [1])

    assert best.places[1].tolist() == [0, 1, 3, 4]
    assert _sum(fitted, optimised(fitted, best).within([0])) == pytest.approx(0.0, abs=1e-20)


@pytest.mark.parametrize("k", [1, 2, 3, 5, 7])
def test_many_nuisances_stay_within_memory(k: int) -> None:
    """The grid does not grow without limit."""
    places = np.random.default_rng(0).uniform(-1, 1, (k, 60))
    axes = (names(np.arange(60) % 2, 2), *(line(row, f"x{i}") for i, row in enumerate(places)))
    model = Model(axes, tuple(Block((i,), (1,)) for i in range(k + 1)))
    fitted = fit(model, sample_of(places.sum(axis=0), *axes))
    assert fitted is not None

    candidates, _ = surfaces(fitted, 0, range(1, k + 1))

    assert len(candidates) <= 5000
    best = best_places(fitted, 0, range(1, k + 1))
    assert [best.places[i].tolist() for i in range(1, k + 1)] == [[1.0, 1.0]] * k
