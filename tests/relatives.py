"""Sequences of known identity."""

from __future__ import annotations

import numpy as np

LETTERS = np.array(list("ACDEFGHIKLMNPQRSTVWY"))


def unlike(count: int, length: int = 150, seed: int = 0) -> list[str]:
    """Sequences drawn uniformly."""
    random = np.random.default_rng(seed)
    return ["".join(random.choice(LETTERS, length)) for _ in range(count)]


def relative(sequence: str, identity: float, seed: int = 0) -> str:
    """A copy with this share of its residues kept and the others changed at random."""
    random = np.random.default_rng([seed, *sequence.encode()])
    letters = np.array(list(sequence))
    count = round(len(letters) * (1 - identity))
    for at in random.choice(len(letters), count, replace=False):
        letters[at] = random.choice(LETTERS[letters[at] != LETTERS])
    return "".join(letters)
