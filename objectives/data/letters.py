"""The letters of a whole set of chains, which tell what no single short chain can.

The rule, for at least 200 letters of the chains that no ``*`` marks as proteins:

- A set of A, C, G, T, U and N alone in which A, C, G and T or U are a twentieth each is DNA or
  RNA, and refused.
- A set whose letters are as varied as fewer than seven equally frequent ones is reported: proteins
  use 20, at about the variety of 18, while structure alphabets and repeats of few residues lie far
  below. So is a set of which B, J, O, U, X and Z are a fifth.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from objectives.data.errors import RecordErrors
from objectives.data.splits import Splits
from sweep.errors import fault

_FEWEST = 200
_BASE_SHARE = 0.05
_VARIETY = 7
_ODD, _ODD_SHARE = "BJOUXZ", 0.2
_HELD = 1 << 20


class Letters:
    """Counts the letters of chains as they go by."""

    def __init__(self) -> None:
        self._counts = np.zeros(128, dtype=np.int64)
        self._held: list[str] = []
        self._size = 0

    def add(self, sequence: str) -> None:
        """Count one chain; it holds letters A to Z only."""
        self._held.append(sequence)
        self._size += len(sequence)
        if self._size >= _HELD:
            self._flush()

    def fault(self, where: str) -> str:
        """Why the set is no set of proteins; an empty text if it may be."""
        shares = self._shares()
        bases = [shares.get(base, 0.0) for base in "ACG"]
        bases.append(max(shares.get("T", 0.0), shares.get("U", 0.0)))
        if min(bases) < _BASE_SHARE or set(shares) - set("ACGTUN"):
            return ""
        way_out = "Translate them; real proteins of these letters are read if each ends in '*'"
        got = f"the letters {', '.join(sorted(shares))} alone"
        return fault("sequences", "be proteins, not DNA or RNA", got, where=where, way_out=way_out)

    def note(self) -> str:
        """What is odd about the letters of the set; an empty text if nothing is."""
        shares = self._shares()
        found = np.array([*shares.values(), 0.0])
        known = found[found > 0]
        variety = float(np.exp(-(known * np.log(known)).sum()))
        if shares and variety < _VARIETY:
            most = sorted(shares, key=lambda letter: -shares[letter])[:_VARIETY]
            return f"of few kinds of letters for proteins (mostly {', '.join(most)})"
        if sum(shares.get(letter, 0.0) for letter in _ODD) > _ODD_SHARE:
            return f"of many letters that stand for no known residue ({', '.join(_ODD)})"
        return ""

    def _shares(self) -> dict[str, float]:
        """The share of each letter that is there; none of a set that is too small to judge."""
        self._flush()
        total = int(self._counts.sum())
        if total < _FEWEST:
            return {}
        return {chr(at): self._counts[at] / total for at in np.flatnonzero(self._counts)}

    def _flush(self) -> None:
        text = np.frombuffer("".join(self._held).encode("ascii"), dtype=np.uint8)
        self._counts += np.bincount(text, minlength=128)
        self._held, self._size = [], 0


def judge_letters(splits: Splits, name: str, problems: RecordErrors) -> None:
    """Note for each split what its letters say against its being proteins.

    Args:
        splits: all chains of a source.
        name: the source as the user wrote it, for messages.
        problems: takes a fault of a split that is no proteins, and a note of a doubtful one.
    """
    for split, chains in splits.given().items():
        unmarked = [chain.sequence for chain in chains if not chain.translated]
        letters = count_letters(unmarked)
        told = letters.fault(f"{name}, {split}")
        if told:
            problems.add_file(told)
        elif letters.note():
            told = f"the {len(unmarked)} chains of {split} are a set {letters.note()}"
            problems.notes.append(f"{told}: they may be no proteins.")


def count_letters(sequences: Iterable[str]) -> Letters:
    """The letters of some sequences."""
    letters = Letters()
    for sequence in sequences:
        letters.add(sequence)
    return letters
