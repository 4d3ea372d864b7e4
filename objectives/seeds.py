"""Seeds of independent random streams, derived from one trial seed."""

from __future__ import annotations

import hashlib


def derive(seed: int, *purpose: str | int) -> int:
    """Hash a trial's seed and a purpose to the seed of one random stream.

    Streams for different purposes are independent: a wider target set or one more evaluation
    does not change the data order, so replicates stay paired across configurations. A hash,
    because ``seed + 1`` of one trial can be ``seed`` of another.

    Args:
        seed: the trial's seed.
        purpose: what the stream is for, e.g. ``"dropout", step``.

    Returns:
        An integer in [0, 2**63).

    Example:
        >>> derive(0, "head") == derive(0, "head"), derive(0, "head") == derive(0, "order")
        (True, False)
    """
    text = "\x1f".join(str(part) for part in (seed, *purpose))
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "big") >> 1
