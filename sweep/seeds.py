"""Seeds made from seeds: the same parts give the same number, on every machine."""

from __future__ import annotations

import hashlib


def derived_seed(base: int, *parts: object) -> int:
    """A 32-bit seed that depends on the base and on every part, and on nothing else."""
    text = ":".join(map(str, (base, *parts)))
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:4], "big")
