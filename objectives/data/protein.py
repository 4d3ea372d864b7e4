"""What is a protein's sequence, and what is written in letters too and is none.

The rule, for a chain, in any case of letters:

- ``Sequence unavailable``, ``nan`` and other words for missing (``objectives.data.missing``) are
  none.
- Two or more of the three-letter codes, parted or as ``MetLys``; three or more as ``METLYSTHR``.
- At least 12 letters of nucleotides that hold A, C, G and T or U and nothing else; N, and in at
  most a tenth of the letters the other codes of IUPAC, may stand among them. About one protein in
  10^8 of that length is so, and no known one of 50 residues.
- At least 20 letters of secondary structure (``HEC`` or DSSP's), each three times in a row in the
  mean.

A real peptide of such letters is read where a ``*`` ends it: that stands behind translated
proteins alone.

Sources: IUPAC-IUB 1970 and 1984 for the codes; Kabsch & Sander 1983 for DSSP's letters.
"""

from __future__ import annotations

import re
from itertools import groupby

STOP = "*"

_BASES = "ACGTUN"
_NUCLEOTIDES = _BASES + "RYSWKMBDHVX"
_SHORTEST_GENE = 12
_OTHER_CODES = 0.1
_STRUCTURE = "HECBGITSLP"
_SHORTEST_STRUCTURE = 20
_RUN = 3
_CODES = frozenset(
    re.findall(
        "...",
        "ALAARGASNASPCYSGLNGLUGLYHISILELEULYSMETPHEPROSERTHRTRPTYRVAL"
        "ASXGLXSECPYLXAAUNKMSEHYPSEPTPOPTRCSO",
    )
)
"""The 20 residues, those that are not known, and those that are often modified."""

_DEOXY = frozenset({"DA", "DC", "DG", "DT", "DU", "DI", "DN"})
_PARTED = re.compile(r"[A-Za-z]{3}(?:[\s,;._/-]+[A-Za-z]{3})+")
_TITLED = re.compile(r"(?:[A-Z][a-z]{2}){2,}")
_FEWEST_CODES = 3
_FEWEST_DEOXY = 4
_CODES_SHARE = 0.9


def other_kind(text: str) -> str:
    """What a text is, if it is clearly no protein's sequence in one-letter codes.

    Args:
        text: of a sequence, without a ``*`` at its end; what parts three-letter codes may be
            there still.

    Returns:
        ``DNA or RNA``, ``three-letter codes`` or ``secondary structure``; else an empty text.
    """
    letters = text.upper() if text.isalpha() else "".join(text.split()).upper()
    # What begins or ends in another letter is told apart at once; that is nearly every protein.
    if not letters.strip(_NUCLEOTIDES) and _is_gene(letters):
        return "DNA or RNA"
    if not letters.strip(_STRUCTURE) and _is_structure(letters):
        return "secondary structure"
    if letters[:3] in _CODES:
        parted = _TITLED.fullmatch(text) or _PARTED.fullmatch(text)
        codes = re.findall("[A-Z]{3}", letters) if parted else _pieces(letters, 3)
        fewest = 1 if parted else _FEWEST_CODES
        return "three-letter codes" if len(codes) >= fewest and _mostly(codes, _CODES) else ""
    pairs = _pieces(letters, 2) if letters[:2] in _DEOXY else []
    return "DNA or RNA" if len(pairs) >= _FEWEST_DEOXY and _DEOXY.issuperset(pairs) else ""


def remedy(kind: str) -> str:
    """What to do about a text of another kind."""
    ways = {
        "DNA or RNA": "Translate it",
        "three-letter codes": "Write one letter a residue",
        "secondary structure": "Give the sequence itself",
    }
    return f"{ways[kind]}; a real protein of these letters is read if it ends in '*'"


def join_blocks(text: str) -> str | None:
    """The letters of a sequence that is written in blocks of equal length, such as of ten.

    Returns:
        The text without its blanks; None if these part it irregularly, as they part words.
    """
    first, *others = text.split()
    size = len(first)
    if any(len(block) != size for block in others[:-1]) or len(others[-1:] and others[-1]) > size:
        return None
    return first + "".join(others)


def _is_gene(letters: str) -> bool:
    bases = {base: letters.count(base) for base in _BASES}
    plain = sum(bases.values())
    kinds = bases["A"] and bases["C"] and bases["G"] and (bases["T"] or bases["U"])
    if not kinds or len(letters) < _SHORTEST_GENE:
        return False
    return plain == len(letters) or (
        len(letters) >= 4 * _SHORTEST_GENE and plain >= (1 - _OTHER_CODES) * len(letters)
    )


def _is_structure(letters: str) -> bool:
    if len(letters) < _SHORTEST_STRUCTURE or {"H", "E", "C"}.isdisjoint(letters):
        return False
    runs = sum(1 for _ in groupby(letters))
    return 1 < runs <= len(letters) / _RUN  # one letter throughout is no structure either


def _pieces(letters: str, size: int) -> list[str]:
    """The letters in pieces of one size; none if some are left over."""
    if len(letters) % size:
        return []
    return [letters[at : at + size] for at in range(0, len(letters), size)]


def _mostly(found: list[str], known: frozenset[str]) -> bool:
    return sum(each in known for each in found) >= _CODES_SHARE * len(found)
