"""Target sets as indicators of their matrices, and whether these can be told apart."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from sweep.targets import members

FloatArray = npt.NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Matrices:
    """The distinct target sets of some trials, taken apart.

    Attributes:
        names: the matrices, those that always come together as one, joined by ``+``.
        sets: the distinct sets, sorted.
        at: which set each trial has, shape ``(n,)``.
        columns: per set which matrices it has, and products of two if ``pairwise``;
            shape ``(len(sets), p)``.
        told: whether the sets tell the matrices apart.
        pairwise: whether they also tell all products of two apart.
        notes: what cannot be told apart, and what has to be taken for granted.
    """

    names: tuple[str, ...]
    sets: tuple[str, ...]
    at: npt.NDArray[np.intp]
    columns: FloatArray
    told: bool
    pairwise: bool
    notes: tuple[str, ...]

    @classmethod
    def of(cls, values: Sequence[str]) -> Matrices:
        """Take the target sets of trials apart.

        Args:
            values: each trial's set, names joined by ``+``.

        Raises:
            TargetError: if one is no target set.
        """
        sets = tuple(sorted(set(values)))
        at = np.array([sets.index(value) for value in values], dtype=np.intp)
        held = [members(each) for each in sets]
        patterns: dict[tuple[bool, ...], list[str]] = {}
        for name in sorted({name for each in held for name in each}):
            patterns.setdefault(tuple(name in each for each in held), []).append(name)
        always = [name for pattern, names in patterns.items() if all(pattern) for name in names]
        blocks = {pattern: names for pattern, names in patterns.items() if not all(pattern)}
        names = tuple("+".join(block) for block in blocks.values())
        single = np.array(list(blocks), dtype=np.float64).reshape(len(blocks), len(sets)).T
        double = [a * b for a, b in itertools.combinations(single.T, 2)]
        products = np.column_stack([single, *double])
        told = bool(names) and _full_rank(single)
        pairwise = told and len(names) > 1 and _full_rank(products)
        notes = _together(blocks.values(), always)
        if not told:
            notes += _not_told(names, single)
        elif len(names) > 1 and not pairwise:
            notes.append(
                f"{len(sets)} target sets cannot show whether the matrices' gains add up: here "
                "they are taken to."
            )
        columns = products if pairwise else single
        return cls(names, sets, at, columns, told, pairwise, tuple(notes))


def _full_rank(columns: FloatArray) -> bool:
    """Whether columns and a constant are independent."""
    whole = np.column_stack([np.ones(len(columns)), columns])
    rank = int(np.linalg.matrix_rank(whole))
    return rank == len(whole.T)


def _together(blocks: Iterable[Sequence[str]], always: Sequence[str]) -> list[str]:
    """Which matrices the sets never separate."""
    notes = [
        f"{_listed(block)} always occur together among these trials and cannot be told apart."
        for block in blocks
        if len(block) > 1
    ]
    if always:
        notes.append(f"In every target set, so without a row: {', '.join(always)}.")
    return notes


def _not_told(names: Sequence[str], single: FloatArray) -> list[str]:
    """Which matrices, or blocks of them, follow from each other."""
    if not len(single):
        return []  # that there are no trials is said elsewhere
    if not names:
        return ["All trials have the same matrices: nothing was varied."]
    whole = np.column_stack([np.ones(len(single)), single])
    directions = np.linalg.svd(whole)[2]
    rank = int(np.linalg.matrix_rank(whole))
    loose = np.abs(directions[rank:, 1:]).max(axis=0) > 1e-8
    tied = [name for name, free in zip(names, loose, strict=True) if free]
    note = (
        f"The gains of {_listed(tied)} cannot be told apart: in the {len(single)} target sets "
        "tried each follows from the others. Sets that differ in one of them alone would tell."
    )
    return [note]


def _listed(names: Sequence[str]) -> str:
    """Names for a sentence."""
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"
