"""Basis columns of effects are orthonormal under the reference distribution."""

from __future__ import annotations

import numpy as np
import pytest
from judged import line, names, ordered
from numpy.polynomial import legendre

from sweep.analysis.effects.model import Block, Model, columns, most_columns

NODES, WEIGHTS = legendre.leggauss(20)


@pytest.mark.parametrize("size", range(2, 13))
@pytest.mark.parametrize("make", [ordered, names], ids=["ordered", "names"])
def test_columns_of_choices_are_orthonormal(make, size: int) -> None:  # type: ignore[no-untyped-def] # noqa: ANN001
    """Over the choices, each equally likely: mean 0, mean square 1, no correlation."""
    axis = make(range(size), size)

    table = columns(axis, axis.reference(), size - 1)

    assert table.shape == (size, size - 1)
    assert table.mean(axis=0) == pytest.approx(np.zeros(size - 1), abs=1e-12)
    assert table.T @ table / size == pytest.approx(np.eye(size - 1), abs=1e-11)


@pytest.mark.parametrize("degree", range(1, 10))
def test_columns_of_a_line_are_orthonormal(degree: int) -> None:
    """Over the range, by a quadrature that is exact for these degrees."""
    axis = line([0.0])

    table = columns(axis, NODES, degree)

    with_one = np.column_stack([np.ones(len(NODES)), table])
    gram = with_one.T @ (WEIGHTS[:, None] / 2.0 * with_one)
    assert gram == pytest.approx(np.eye(degree + 1), abs=1e-12)


@pytest.mark.parametrize("size", range(3, 13))
def test_columns_of_ordered_choices_rise_in_degree(size: int) -> None:
    """The first is a rising line, and column d is a polynomial of degree d."""
    axis = ordered(range(size), size)

    table = columns(axis, axis.reference(), size - 1)

    assert np.diff(table[:, 0]) == pytest.approx(
        np.full(size - 1, np.ptp(table[:, 0]) / (size - 1))
    )
    assert table[-1, 0] > 0.0
    for degree in range(1, min(size, 7)):
        left = np.diff(table[:, degree - 1], n=degree)
        assert left == pytest.approx(np.full(size - degree, left[0]), abs=1e-9)
        assert abs(left[0]) > 1e-9


def test_fewer_degrees_are_the_first_columns() -> None:
    """So that a model can grow without changing its present columns."""
    for axis in (ordered(range(6), 6), line(np.linspace(-1, 1, 6))):
        all_of_them = columns(axis, axis.places, 5)

        assert columns(axis, axis.places, 2) == pytest.approx(all_of_them[:, :2])


def test_unordered_choices_have_all_contrasts_at_any_degree() -> None:
    """Without an order, no degree leaves out a choice."""
    assert most_columns(names([], 7), 1) == 6
    assert most_columns(ordered([], 7), 2) == 2
    assert most_columns(ordered([], 3), 9) == 2
    assert most_columns(line([]), 9) == 9


def test_products_are_orthonormal_to_each_other_and_to_main_effects() -> None:
    """On the full grid of two kinds of choices every column is uncorrelated with every other."""
    first, second = (grid.ravel() for grid in np.meshgrid(range(3), range(4), indexing="ij"))
    axes = names(first, 3), ordered(second, 4)
    model = Model(axes, (Block((0,), (1,)), Block((1,), (3,)), Block((0, 1), (1, 3))))

    matrix = model.matrix([axis.places for axis in axes])

    assert matrix.shape == (12, 11)
    assert matrix.T @ matrix / 12 == pytest.approx(np.eye(11), abs=1e-12)


def test_a_block_replaces_the_one_with_its_members() -> None:
    """A block of higher degree contains the lower one; both would duplicate columns."""
    axes = line([0.0]), line([0.0], "z")
    model = Model(axes, (Block((0,), (1,)), Block((1,), (2,))))

    larger = model.with_block(Block((0,), (3,)))

    assert larger.degree((0,)) == (3,)
    assert larger.degree((0, 1)) == (0, 0)
    assert larger.size == 5
    assert sorted((s.start, s.stop) for s in larger.spans.values()) == [(0, 2), (2, 5)]
