"""Independent random streams out of one trial seed."""

from __future__ import annotations

import hashlib


def derive(seed: int, *purpose: str | int) -> int:
    """A seed for one purpose of one trial, by hash.

    Streams for different purposes are independent, so a wider target set or one more
    evaluation does not move the data order, and replicates stay paired across
    configurations. Hash-based, because ``seed + 1`` of one trial is ``seed`` of another.

    Args:
        seed: the trial's seed.
        purpose: what the stream is for, e.g. ``"dropout", step``.

    Returns:
        A whole number in [0, 2**63).

    Example:
        >>> derive(0, "head") == derive(0, "head"), derive(0, "head") == derive(0, "order")
        (True, False)
    """
    text = "\x1f".join(str(part) for part in (seed, *purpose))
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "big") >> 1
