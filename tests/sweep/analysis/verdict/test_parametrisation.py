"""A study of rank and alpha gives the verdict of one of rank and scaling."""

from __future__ import annotations

import numpy as np
import pytest
from judged import quick

from sweep.analysis.table import TrialTable
from sweep.study.claim import Claim
from sweep.study.parameters import Choice, Float
from sweep.study.space import Space

GAIN = 0.02 * np.array([-1.2, 0.3, -0.4, 0.1, 1.2])


@pytest.mark.parametrize("effect", [{"rank": 0.0}, {"rank": 0.03, "scaling": -0.01}])
def test_rank_with_alpha_equals_rank_with_scaling(effect: dict[str, float]) -> None:
    """The group {rank, scaling} has the variance of {rank, alpha}, from the same trials.

    On log axes alpha = scaling x rank is linear too, so the two differ only in
    the product column and the corners of the reference, by little.
    """
    rng = np.random.default_rng(3)
    n = 160
    t = rng.permutation(np.arange(n) % 5)
    r, alpha = rng.uniform(0, 5, n), rng.uniform(0, 5, n)
    y = GAIN[t] + sum(
        effect.get(name, 0.0) * (at - at.mean()) / at.std()
        for name, at in (("rank", r), ("scaling", alpha - r))
    )
    y += rng.normal(0, 0.007, n)
    space = {"targets": Choice(*"pqrsv"), "rank": Float(1.0, 32.0, log=True)}
    columns = {"targets": ["pqrsv"[i] for i in t], "rank": 2.0**r}
    by_alpha = TrialTable.from_arrays(
        {**columns, "alpha": 2.0**alpha},
        y,
        space=Space({**space, "alpha": Float(1.0, 32.0, log=True)}),
    )
    by_scaling = TrialTable.from_arrays(
        {**columns, "scaling": 2.0 ** (alpha - r)},
        y,
        space=Space({**space, "scaling": Float(1.0 / 32.0, 32.0, log=True)}),
    )
    claim = Claim(over=("rank", "scaling"), negligible=(), nuisances=())

    one, other = (quick(table, claim) for table in (by_alpha, by_scaling))

    assert one.part("dominance").state == other.part("dominance").state
    assert one.part("dominance").comparisons[0].over == "rank+alpha"
    assert other.part("dominance").comparisons[0].over == "rank+scaling"
    assert any("judged together" in note for note in one.notes)
