"""PROSITE patterns: read once, then used both to write an instance and to find every match.

Source: Sigrist et al. 2013, https://doi.org/10.1093/nar/gks1067
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cached_property
from itertools import product
from random import Random

from sweep.errors import SpecError, fault

STANDARD = "ACDEFGHIKLMNPQRSTVWY"
"""The 20 standard residues."""

_ELEMENT = re.compile(r"(x|[A-Z]|\[[A-Z]+\]|\{[A-Z]+\})(?:\((\d+)(?:,(\d+))?\))?")


@dataclass(frozen=True)
class Element:
    """One element of a pattern: which letters, and how many of them.

    Attributes:
        letters: the residues allowed.
        low: fewest repeats.
        high: most repeats.
    """

    letters: str
    low: int = 1
    high: int = 1

    @property
    def essential(self) -> bool:
        """Whether some residue would break the pattern here."""
        return len(self.letters) < len(STANDARD)


@dataclass(frozen=True)
class Motif:
    """A functional motif and the residues of it that touch the ligand.

    Attributes:
        name: what people call it.
        accession: its PROSITE entry.
        ligand: what it binds.
        pattern: in PROSITE's notation, such as ``[AG]-x(4)-G-K-[ST]``.
        contacts: 0-based indices of the pattern's elements that touch the ligand; each of
            these elements stands for exactly one residue.
    """

    name: str
    accession: str
    ligand: str
    pattern: str
    contacts: tuple[int, ...]

    @cached_property
    def elements(self) -> tuple[Element, ...]:
        """The parsed pattern."""
        return parse(self.pattern)

    @cached_property
    def _variants(self) -> tuple[tuple[re.Pattern[str], tuple[int, ...]], ...]:
        """Each choice of gap lengths: its expression, and the contacts' offsets."""
        variants = []
        for lengths in product(*(range(e.low, e.high + 1) for e in self.elements)):
            starts = [sum(lengths[:i]) for i in range(len(lengths))]
            body = "".join(
                f"[{e.letters}]{{{n}}}" for e, n in zip(self.elements, lengths, strict=True)
            )
            # The lookahead finds overlapping matches too.
            variants.append((re.compile(f"(?={body})"), tuple(starts[i] for i in self.contacts)))
        return tuple(variants)

    def occurrences(self, sequence: str) -> frozenset[tuple[int, ...]]:
        """Return the 0-based contact positions of every match, overlapping ones included."""
        return frozenset(
            tuple(match.start() + offset for offset in offsets)
            for expression, offsets in self._variants
            for match in expression.finditer(sequence)
        )

    def instance(self, random: Random) -> tuple[str, ...]:
        """Draw residues that match the pattern: one string per element."""
        return tuple(
            "".join(random.choice(e.letters) for _ in range(random.randint(e.low, e.high)))
            for e in self.elements
        )


def parse(pattern: str) -> tuple[Element, ...]:
    """Read a pattern in PROSITE's notation.

    Args:
        pattern: elements joined by ``-``: a letter, ``x``, ``[allowed]`` or ``{forbidden}``,
            each with an optional ``(n)`` or ``(low,high)``.

    Raises:
        SpecError: an element is not of these forms.
    """
    elements = []
    for text in pattern.split("-"):
        match = _ELEMENT.fullmatch(text)
        if match is None:
            raise SpecError(
                fault("pattern", "hold PROSITE elements joined by '-'", text, where=pattern)
            )
        core, low, high = match.groups()
        if core == "x":
            letters = STANDARD
        elif core.startswith("{"):
            letters = "".join(s for s in STANDARD if s not in core)
        else:
            letters = core.strip("[]")
        least = int(low or 1)
        elements.append(Element(letters, least, int(high or least)))
    return tuple(elements)
