"""Counter-based dropout masks, independent of the batch's composition.

``nn.Dropout`` draws from one global random stream, so that a mask depends on the batch's shape
and on every module that ran before. Here each mask element is a hash of the trial's seed, the
step, the module, the window, the position in it and the feature: equal in any pack, lane and
device.
"""

from __future__ import annotations

import torch

from objectives.seeds import derive


def _signed(number: int) -> int:
    """An unsigned 64-bit integer as the int64 with the same bits."""
    return number - 2**64 if number >= 2**63 else number


_GOLDEN = _signed(0x9E3779B97F4A7C15)


def start_of(seed: int, step: int, module: str) -> int:
    """The seed of the dropout keys of one trial, step and module, in [0, 2**63).

    Args:
        seed: the trial's seed.
        step: the optimiser step, from 1.
        module: path of the module in the model.
    """
    return derive(seed, "dropout", step, module)


def row_keys(start: int | torch.Tensor, places: torch.Tensor) -> torch.Tensor:
    """One 32-bit key for each token.

    Args:
        start: from ``start_of``; for several lanes a tensor that broadcasts with ``places``.
        places: window and position of each token, shape (..., places, 2).

    Returns:
        Shape (..., places), int64 in [0, 2**32).
    """
    window, position = places.unbind(-1)
    mixed = _mix(window * _GOLDEN + start)
    mixed = _mix(position * _GOLDEN + mixed)
    return _shifted(mixed, 32)


def _mix(x: torch.Tensor) -> torch.Tensor:
    """The finaliser of SplitMix64 (Steele et al. 2014, doi:10.1145/2660193.2660195)."""
    x = (x ^ _shifted(x, 30)) * _signed(0xBF58476D1CE4E5B9)
    x = (x ^ _shifted(x, 27)) * _signed(0x94D049BB133111EB)
    return x ^ _shifted(x, 31)


def _shifted(x: torch.Tensor, bits: int) -> torch.Tensor:
    """Logical (unsigned) right shift of int64, which PyTorch does not provide."""
    return (x >> bits) & ((1 << (64 - bits)) - 1)


def kept(keys: torch.Tensor, features: int, probability: float) -> torch.Tensor:
    """The dropout mask of rows with these keys.

    Args:
        keys: of each row, shape (rows,), int64 in [0, 2**32).
        features: elements per row.
        probability: dropout probability.

    Returns:
        Booleans of shape (rows, features), true where an element is kept.
    """
    return hashed(keys, features) >= threshold(probability)


def threshold(probability: float) -> int:
    """The hash from which on an element is kept, for a dropout probability."""
    return round(probability * 2**32)


def hashed(keys: torch.Tensor, features: int) -> torch.Tensor:
    """The hash of each element, uniform over [0, 2**32).

    Args:
        keys: see ``kept``.
        features: see ``kept``.

    Returns:
        Shape (rows, features), int64.
    """
    columns = torch.arange(features, device=keys.device, dtype=torch.int64) * 0x9E3779B1
    return _hash32((keys[:, None] + columns).bitwise_and_(0xFFFFFFFF))


def _hash32(x: torch.Tensor) -> torch.Tensor:
    """A low-bias 32-bit integer hash (C. Wellons, hash-prospector), in place on int64."""
    x ^= x >> 16
    x.mul_(0x7FEB352D).bitwise_and_(0xFFFFFFFF)
    x ^= x >> 15
    x.mul_(0x846CA68B).bitwise_and_(0xFFFFFFFF)
    x ^= x >> 16
    return x
