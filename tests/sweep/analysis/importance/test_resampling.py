"""Bootstrap intervals over configurations."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from sweep.analysis.importance.resampling import intervals

Rows = npt.NDArray[np.intp]


def test_replicates_are_resampled_together() -> None:
    """In each resample all seeds of a configuration occur equally often."""
    configurations = np.array([0, 1, 0, 2, 1, 0])
    seen: list[Rows] = []

    def estimate(rows: Rows, seed: int) -> npt.NDArray[np.float64]:
        del seed
        seen.append(rows)
        return np.zeros(1)

    intervals(estimate, np.zeros(1), configurations, n_bootstrap=50, level=0.9, seed=0)

    for rows in seen:
        counts = np.bincount(rows, minlength=6)
        assert counts[0] == counts[2] == counts[5]
        assert counts[1] == counts[4]
    assert len({rows.tobytes() for rows in seen}) > 10


def test_the_interval_of_a_mean_is_the_textbook_one() -> None:
    """Mean of 100 draws of sd 1: 90 % interval of about +-1.645 / 10."""
    values = np.random.default_rng(0).normal(size=100)

    def estimate(rows: Rows, seed: int) -> npt.NDArray[np.float64]:
        del seed
        return np.array([values[rows].mean()])

    point = np.array([values.mean()])
    low, high = intervals(estimate, point, np.arange(100), n_bootstrap=2000, level=0.9, seed=1)

    expected = 2 * 1.645 * values.std() / 10
    assert abs((high - low)[0] - expected) < 0.1 * expected


def test_a_narrower_level_gives_a_narrower_interval() -> None:
    """The level is used."""
    values = np.random.default_rng(0).normal(size=30)

    def estimate(rows: Rows, seed: int) -> npt.NDArray[np.float64]:
        del seed
        return np.array([values[rows].mean()])

    widths = []
    for level in (0.5, 0.95):
        point = np.array([values.mean()])
        low, high = intervals(estimate, point, np.arange(30), n_bootstrap=200, level=level, seed=0)
        widths.append(float((high - low)[0]))

    assert widths[0] < widths[1]


def test_the_interval_contains_the_point_estimate() -> None:
    """Even if every resample is on one side of it."""
    low, high = intervals(
        lambda rows, seed: np.array([0.2 + 0.0 * len(rows) + 0.0 * seed]),
        np.array([0.5]),
        np.arange(4),
        n_bootstrap=10,
        level=0.9,
        seed=0,
    )

    assert (low[0], high[0]) == (0.2, 0.5)


def test_resamples_without_an_estimate_are_left_out() -> None:
    """A resample of one configuration has no shares."""
    answers = iter([np.nan, 0.1, 0.3, np.nan])

    low, high = intervals(
        lambda rows, seed: np.array([next(answers) + 0.0 * len(rows) + 0.0 * seed]),
        np.array([0.2]),
        np.arange(3),
        n_bootstrap=4,
        level=0.98,
        seed=0,
    )

    assert 0.1 <= low[0] < 0.11
    assert 0.29 < high[0] <= 0.3


def test_without_resamples_the_interval_has_width_0() -> None:
    """It is allowed, not an error."""
    low, high = intervals(
        lambda rows, seed: np.array([float(len(rows) + seed)]),
        np.array([0.4]),
        np.arange(3),
        n_bootstrap=0,
        level=0.9,
        seed=0,
    )

    assert (low[0], high[0]) == (0.4, 0.4)
