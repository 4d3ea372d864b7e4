"""Detect data sets that are not proteins by the letter frequencies over all chains.

Short chains of DNA can pass a check of single chains. The rules, applied to at least 200 letters
of the chains that do not end in ``*``:

- Only the letters A, C, G, T, U and N, with A, C, G and T or U at least 5 % each: DNA or RNA, an
  error.
- An effective number of letters (exponential of the Shannon entropy) below 7: a note. Proteins
  use 20 letters, effectively about 18; structure alphabets and repeats of few residues are far
  below.
- More than 20 % of B, J, O, U, X and Z: a note.
"""

from __future__ import annotations

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
    """Letter counts over many chains, added one chain at a time."""

    def __init__(self) -> None:
        self._counts = np.zeros(128, dtype=np.int64)
        self._held: list[str] = []
        self._size = 0

    def add(self, sequence: str) -> None:
        """Count the letters of one chain, which must be A to Z."""
        self._held.append(sequence)
        self._size += len(sequence)
        if self._size >= _HELD:
            self._flush()

    def fault(self, where: str) -> str:
        """The error that the set is DNA or RNA; an empty string if it may be proteins."""
        shares = self._shares()
        bases = [shares.get(base, 0.0) for base in "ACG"]
        bases.append(max(shares.get("T", 0.0), shares.get("U", 0.0)))
        if min(bases) < _BASE_SHARE or set(shares) - set("ACGTUN"):
            return ""
        way_out = "Translate them; real proteins of these letters are read if each ends in '*'"
        got = f"the letters {', '.join(sorted(shares))} alone"
        return fault("sequences", "be proteins, not DNA or RNA", got, where=where, way_out=way_out)

    def note(self) -> str:
        """What is unusual about the letter frequencies; an empty string if nothing is."""
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
        """The share of each letter that occurs; empty for fewer than 200 letters."""
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
    """Check the letter frequencies of each split.

    Args:
        splits: all chains of a source.
        name: the source as the user wrote it, for messages.
        problems: collects an error for a split of DNA or RNA, a note for a doubtful one.
    """
    for split, chains in splits.given().items():
        unmarked = [chain.sequence for chain in chains if not chain.translated]
        letters = Letters()
        for sequence in unmarked:
            letters.add(sequence)
        text, note = letters.fault(f"{name}, {split}"), letters.note()
        if text:
            problems.files.append(text)
        elif note:
            which = f"the {len(unmarked)} chains of {split} are a set {note}"
            problems.notes.append(f"{which}: they may be no proteins.")
