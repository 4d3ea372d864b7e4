"""AdamW over all lanes at once, each with its own learning rate, decay, clipping and step count."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import numpy as np
import torch
from torch import nn

from objectives.lora.packed.device import to_device
from objectives.lora.packed.stacked_parameters import StackedParameters

_CLIP_EPSILON = 1e-6  # the constant that ``torch.nn.utils.clip_grad_norm_`` adds to a norm


class LaneOptimizer(Protocol):
    """The parts of a lane that ``StackedAdamW`` uses."""

    trained: dict[str, nn.Parameter]  # its parameters by name
    optimizer: torch.optim.AdamW  # its optimiser, with learning rate, decay and moments
    max_grad_norm: float  # norm to which its gradient is clipped

    @property
    def steps(self) -> int:
        """Number of steps taken."""


class StackedAdamW:
    """``clip_grad_norm_`` and ``torch.optim.AdamW`` of each lane, vectorised over all lanes.

    Hyperparameters come from each lane's own ``AdamW``, whose moments become views of the stacked
    moments: checkpoints have the same format as without stacking.

    Source: Loshchilov & Hutter 2019, arXiv:1711.05101.

    Args:
        stacked: the lanes' parameters.
        lanes: in the parameters' order; each may have taken steps already.
    """

    def __init__(self, stacked: StackedParameters, lanes: Sequence[LaneOptimizer]) -> None:
        self._block = stacked.block
        self._lanes = tuple(lanes)
        self._first = torch.zeros_like(stacked.block)
        self._second = torch.zeros_like(stacked.block)
        self._scratch = torch.empty_like(stacked.block)
        device = stacked.block.device
        self._adopt(stacked, device)
        self._owners = to_device(stacked.row_lanes, device)
        self._rows = to_device(_rows_of_lanes(stacked), device)

    def _adopt(self, stacked: StackedParameters, device: torch.device) -> None:
        """Copy the lanes' moments into the block, and replace them by views of it."""
        most = max(len(lane.trained) for lane in self._lanes)
        steps = np.array([lane.steps for lane in self._lanes], dtype=np.float32)
        self._counts = to_device(np.repeat(steps[:, None], most, axis=1), device)
        views = zip(stacked.views(self._first), stacked.views(self._second), strict=True)
        into: list[torch.Tensor] = []
        out_of: list[torch.Tensor] = []
        for lane, counts in zip(self._lanes, self._counts, strict=True):
            lane.optimizer.zero_grad(set_to_none=True)
            lane.optimizer.step()  # without gradients, no effect; the scheduler requires a call
            for parameter, count in zip(lane.trained.values(), counts, strict=False):
                first, second = next(views)
                before = lane.optimizer.state.get(parameter)
                if before:
                    into += [first, second]
                    out_of += [before["exp_avg"], before["exp_avg_sq"]]
                now = {"step": count, "exp_avg": first, "exp_avg_sq": second}
                lane.optimizer.state[parameter] = now
        if into:
            torch._foreach_copy_(into, out_of)  # one kernel launch; there is no public function

    @torch.no_grad()
    def step(self, gradient: torch.Tensor) -> None:
        """Update the parameters of every lane.

        Nothing is allocated once the block is being modified, so that running out of memory
        updates no lane.

        Args:
            gradient: from ``StackedParameters.gradient``; is overwritten.
        """
        defaults = self._lanes[0].optimizer.defaults  # PyTorch's, equal in all lanes
        betas, epsilon = defaults["betas"], defaults["eps"]
        size, keep, root = self._factors(betas)[self._owners].unsqueeze(-1).unbind(1)
        gradient.mul_(self._clipping(gradient)[self._owners // 2].unsqueeze(-1))
        block, first, second, scratch = self._block, self._first, self._second, self._scratch
        first.lerp_(gradient, 1 - betas[0])
        second.mul_(betas[1]).addcmul_(gradient, gradient, value=1 - betas[1])
        torch.sqrt(second, out=scratch).div_(root).add_(epsilon)
        torch.div(first, scratch, out=gradient).mul_(size)
        block.mul_(keep).sub_(gradient)
        self._counts.add_(1)

    def _clipping(self, gradient: torch.Tensor) -> torch.Tensor:
        """The clipping factor of each lane's gradient, at most 1; shape (lanes,)."""
        squares = gradient.new_zeros(len(gradient) + 1)  # the last stays zero: see _rows_of_lanes
        torch.mul(gradient, gradient, out=self._scratch)
        torch.sum(self._scratch, dim=1, out=squares[:-1])
        norms = squares[self._rows].sum(1).sqrt_()
        most = np.array([lane.max_grad_norm for lane in self._lanes], dtype=np.float32)
        return to_device(most, gradient.device).div_(norms + _CLIP_EPSILON).clamp_(max=1.0)

    def _factors(self, betas: tuple[float, float]) -> torch.Tensor:
        """Step size, decay factor, root of the second moment's correction; shape (2 * lanes, 3)."""
        table = np.ones((2 * len(self._lanes), 3))
        for number, lane in enumerate(self._lanes):
            decaying, still = lane.optimizer.param_groups
            count = lane.steps + 1
            rows = slice(2 * number, 2 * number + 2)
            table[rows, 0] = decaying["lr"] / (1 - betas[0] ** count)
            table[rows, 1] = [1 - g["lr"] * g["weight_decay"] for g in (still, decaying)]
            table[rows, 2] = (1 - betas[1] ** count) ** 0.5
        return to_device(table.astype(np.float32), self._block.device)


def _rows_of_lanes(stacked: StackedParameters) -> np.ndarray:
    """Indices of each lane's rows in the block, shape (lanes, most rows), padded by the count."""
    lanes = stacked.row_lanes // 2
    rows = [np.flatnonzero(lanes == number) for number in range(len(stacked.lanes))]
    filled = np.full((len(rows), max(map(len, rows))), len(lanes))
    for number, own in enumerate(rows):
        filled[number, : len(own)] = own
    return filled
