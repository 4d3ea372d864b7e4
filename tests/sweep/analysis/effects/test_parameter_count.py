"""The effect of a choice beyond the number of parameters it trains."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest
from judged import names, ordered, sample_of

from sweep.analysis.effects.contrasts import Size, averaged, beyond_size
from sweep.analysis.effects.fit import Fit, fit
from sweep.analysis.effects.model import Block, Model

FloatArray = npt.NDArray[np.float64]

LOG2_SIZE = np.log2([4.0, 6.0, 8.0, 10.0, 18.0])
OWN = np.array([0.02, -0.01, 0.0, 0.03, -0.04])
T, R, S = (grid.ravel() for grid in np.meshgrid(range(5), range(5), range(5), indexing="ij"))
RANK = R + 1.0
"""log2 of ranks 2 to 32."""


def _left(y: FloatArray, *, by_alpha: bool = False) -> tuple[Fit, float, float]:
    """A fit, the variance of its choices, and the part not explained by size.

    Args:
        y: values over all combinations of choice, rank and scaling.
        by_alpha: give the model alpha = scaling x rank in place of scaling, as a study that
            samples alpha does.
    """
    third = R + S if by_alpha else S
    axes = names(T, 5), ordered(R, 5, "r"), ordered(third, 9 if by_alpha else 5, "s")
    model = Model(axes, tuple(Block((i,), (degree,)) for i, degree in enumerate((1, 2, 2))))
    found = fit(model, sample_of(y, *axes))
    assert found is not None
    slopes = {1: np.arange(5.0) + 1.0}
    if by_alpha:
        slopes[2] = np.arange(9.0)
    view = averaged(found)
    rows = beyond_size(found, view, Size(0, LOG2_SIZE, slopes))
    variance, left = (float(np.square(each @ found.b).sum()) for each in (view.effects[0,], rows))
    return found, variance, left


@pytest.mark.parametrize("by_alpha", [False, True], ids=["scaling", "alpha"])
def test_an_effect_of_size_alone_has_no_remainder(by_alpha: bool) -> None:  # noqa: FBT001
    """0.02 for every doubling of the trained parameters, by rank or by target set."""
    fitted, variance, left = _left(0.02 * (LOG2_SIZE[T] + RANK), by_alpha=by_alpha)

    assert variance == pytest.approx(0.02**2 * LOG2_SIZE.var())
    assert left == pytest.approx(0.0, abs=1e-12 * variance)
    assert fitted.df > 0


@pytest.mark.parametrize("by_alpha", [False, True], ids=["scaling", "alpha"])
def test_an_effect_of_scaling_is_no_effect_of_size(by_alpha: bool) -> None:  # noqa: FBT001
    """At a fixed alpha a higher rank has a smaller scaling: that is no effect of size."""
    y = 0.02 * (LOG2_SIZE[T] + RANK) + 0.05 * S

    _, variance, left = _left(y, by_alpha=by_alpha)

    assert left == pytest.approx(0.0, abs=1e-12 * variance)


@pytest.mark.parametrize("by_alpha", [False, True], ids=["scaling", "alpha"])
def test_an_effect_that_rank_does_not_share_is_kept(by_alpha: bool) -> None:  # noqa: FBT001
    """Rank has no effect, so neither has the number of parameters."""
    _, variance, left = _left(OWN[T], by_alpha=by_alpha)

    assert variance == pytest.approx(OWN.var())
    assert left == pytest.approx(variance)


def test_of_a_sum_the_choices_own_part_is_kept() -> None:
    """The slope of rank is subtracted, not everything that correlates with size."""
    _, _, left = _left(OWN[T] + 0.01 * (LOG2_SIZE[T] + RANK))

    assert left == pytest.approx(OWN.var())


def test_a_curve_of_rank_has_a_mean_slope() -> None:
    """The least-squares slope of log2 rank squared over 1 to 5 is 6."""
    _, _, left = _left(0.01 * RANK**2 + 0.06 * LOG2_SIZE[T])

    assert left == pytest.approx(0.0, abs=1e-15)


def test_ranks_must_span_the_sizes_of_the_choices() -> None:
    """From 4 to 18 is 2.2 doublings: ranks 8 and 16 span one, 2 to 16 three."""
    narrow, wide = (Size(0, LOG2_SIZE, {1: np.log2(ranks)}) for ranks in ([8, 16], [2, 4, 8, 16]))

    assert not narrow.spans()
    assert wide.spans()
