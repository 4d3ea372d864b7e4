"""Muon: orthogonal updates, and the optimisation that follows from them."""

from __future__ import annotations

import pytest
import torch

from objectives.builtin.training import Muon, orthogonalise


@pytest.mark.parametrize("shape", [(3, 16, 16), (2, 16, 64), (2, 64, 16)])
def test_all_singular_values_come_near_one(shape: tuple[int, int, int]) -> None:
    """Five iterations bring every singular value of every matrix between 0.3 and 1.5."""
    torch.manual_seed(0)
    values = torch.linalg.svdvals(orthogonalise(torch.randn(shape)))
    assert values.min() > 0.3
    assert values.max() < 1.5
    assert values.median() > 0.6


def test_matrices_of_one_batch_do_not_mix() -> None:
    """A matrix is treated the same alone and among others."""
    torch.manual_seed(0)
    both = torch.randn(2, 8, 8)
    alone = orthogonalise(both[:1])
    torch.testing.assert_close(orthogonalise(both)[:1], alone)


def test_a_linear_map_is_learnt() -> None:
    """A hundred steps bring a least-squares loss under a hundredth of its start."""
    torch.manual_seed(0)
    weight = torch.nn.Parameter(torch.zeros(8, 8))
    inputs, wanted = torch.randn(256, 8), torch.randn(8, 8)
    optimiser = Muon([weight], lr=0.2, weight_decay=0.0)
    losses = []
    for step in range(100):
        optimiser.param_groups[0]["lr"] = 0.2 * (1 - step / 100)
        loss = ((inputs @ weight.T - inputs @ wanted.T) ** 2).mean()
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        losses.append(loss.item())
    assert losses[-1] < losses[0] / 100
