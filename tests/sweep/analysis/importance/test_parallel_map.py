"""Parallel estimates equal those of one process."""

from __future__ import annotations

import os

import numpy as np
import numpy.typing as npt
import pytest

from sweep.analysis.importance import resampling
from sweep.analysis.importance.resampling import parallel_map


def test_other_processes_give_the_same_in_the_same_order(monkeypatch: pytest.MonkeyPatch) -> None:
    """Results are in order, whichever worker computed them; small work stays in this process."""
    values = np.arange(7.0)
    asked = [(np.array([i % 7, (i + 3) % 7]), i) for i in range(9)]

    def estimate(rows: npt.NDArray[np.intp], seed: int) -> npt.NDArray[np.float64]:
        return np.array([values[rows].sum() * seed, os.getpid()])

    here = np.array(parallel_map(estimate, asked, size=7))
    monkeypatch.setattr(resampling, "WORTH", 1)
    there = np.array(parallel_map(estimate, asked, size=7))

    assert (here[:, 0] == there[:, 0]).all()
    assert set(here[:, 1]) == {os.getpid()}
    assert os.getpid() not in set(there[:, 1])
