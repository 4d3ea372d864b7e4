"""Dropout whose masks depend on what is dropped, not on what else is computed.

A stock ``nn.Dropout`` takes the next numbers of one global stream, so that a mask hangs on
the batch's shape and on every module that ran before. Here each number is a hash of the
trial's seed, the step, the module, the window, the position in it and the feature: the same
in any pack, in any lane, on any device.
"""

from __future__ import annotations

import numpy as np
import torch

from objectives.binding.seeds import derive

_GOLDEN = 0x9E3779B97F4A7C15


def row_keys(seed: int, step: int, module: str, places: np.ndarray) -> np.ndarray:
    """One 32-bit key for each token place of a lane.

    Args:
        seed: the trial's seed.
        step: the optimiser step, from 1.
        module: path of the module in the model.
        places: window and position of each token place, shape (places, 2).

    Returns:
        Shape (places,), int64 in [0, 2**32).
    """
    start = np.uint64(derive(seed, "dropout", step, module))
    with np.errstate(over="ignore"):
        mixed = _mix(places[:, 0].astype(np.uint64) * np.uint64(_GOLDEN) + start)
        mixed = _mix(places[:, 1].astype(np.uint64) * np.uint64(_GOLDEN) + mixed)
    return (mixed >> np.uint64(32)).astype(np.int64)


def _mix(x: np.ndarray) -> np.ndarray:
    """The finaliser of SplitMix64 (Steele et al. 2014, doi:10.1145/2660193.2660195)."""
    x = (x ^ (x >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    x = (x ^ (x >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return x ^ (x >> np.uint64(31))


def kept(keys: torch.Tensor, features: int, probability: float) -> torch.Tensor:
    """What a dropout keeps.

    Args:
        keys: of each row, shape (rows,), int64 in [0, 2**32).
        features: how many numbers a row has.
        probability: that a number is dropped.

    Returns:
        Booleans of shape (rows, features), true where a number is kept.
    """
    columns = torch.arange(features, device=keys.device, dtype=torch.int64) * 0x9E3779B1
    hashed = _hash32(((keys[:, None] + columns) & 0xFFFFFFFF).to(torch.int64))
    return hashed >= round(probability * 2**32)


def _hash32(x: torch.Tensor) -> torch.Tensor:
    """A 32-bit integer hash of low bias (C. Wellons, hash-prospector), in int64 in place."""
    x ^= x >> 16
    x.mul_(0x7FEB352D).bitwise_and_(0xFFFFFFFF)
    x ^= x >> 15
    x.mul_(0x846CA68B).bitwise_and_(0xFFFFFFFF)
    x ^= x >> 16
    return x
