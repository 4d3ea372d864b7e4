"""Recognise text in place of a protein sequence that is none.

These are not protein sequences, in upper or lower case:

- Words for a missing value, such as ``Sequence unavailable`` or ``nan``.
- Three-letter codes: two or more with separators or as ``MetLys``, three or more as
  ``METLYSTHR``.
- DNA or RNA: at least 12 letters, with each of A, C, G and T or U, and no other letter but N. From
  48 letters on, at most 10 % may be other IUPAC nucleotide codes. About one protein in 10^8 of
  that length is so, and no known one of 50 residues.
- Secondary structure: at least 20 letters of ``HEC`` or DSSP's alphabet, with runs of at least
  three on average.

A real peptide of such letters is accepted if it ends in ``*``, the stop sign that only translated
proteins carry.

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
"""The 20 standard residues, codes for unknown ones, and common modified ones."""

_DEOXY = frozenset({"DA", "DC", "DG", "DT", "DU", "DI", "DN"})
_PARTED = re.compile(r"[A-Za-z]{3}(?:[\s,;._/-]+[A-Za-z]{3})+")
_TITLED = re.compile(r"(?:[A-Z][a-z]{2}){2,}")
_FEWEST_CODES = 3
_FEWEST_DEOXY = 4
_CODES_SHARE = 0.9

_WORDS = frozenset(
    {"nan", "none", "null", "na", "n/a", "n.a.", "<na>", "#n/a", "-", "--", ".", "?"}
    | {"unknown", "missing", "unavailable", "not available", "not found", "not given", "undefined"}
)
"""As pandas, R, SQL, spreadsheets and people write a missing value; lower case."""

_PROSE = frozenset(
    {"sequence", "protein", "unavailable", "available", "found", "missing", "unknown", "retrieved"}
)
"""Words of the phrases that databases write for a missing sequence (``Sequence unavailable``)."""


def is_missing(text: str) -> bool:
    """Whether a text is empty or a word for a missing value."""
    return not text or (len(text) <= len("not available") and text.strip().lower() in {"", *_WORDS})


def is_prose(text: str) -> bool:
    """Whether a text of several words is a phrase about a sequence, not a sequence."""
    words = re.split(r"[^a-z]+", text.lower())
    return len(words) > 1 and not _PROSE.isdisjoint(words)


def other_kind(text: str) -> str:
    """What a text is, if it is clearly not a protein sequence in one-letter codes.

    Args:
        text: the sequence without a final ``*``; three-letter codes may have separators.

    Returns:
        ``DNA or RNA``, ``three-letter codes`` or ``secondary structure``; else an empty string.
    """
    letters = text.upper() if text.isalpha() else "".join(text.split()).upper()
    # Fast path: nearly every protein begins or ends in a letter outside the small alphabets.
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
    """The advice for a text that ``other_kind`` recognised."""
    ways = {
        "DNA or RNA": "Translate it",
        "three-letter codes": "Write one letter a residue",
        "secondary structure": "Give the sequence itself",
    }
    return f"{ways[kind]}; a real protein of these letters is read if it ends in '*'"


def join_blocks(text: str) -> str | None:
    """The letters of a sequence that is written in blocks of equal length, such as of ten.

    Returns:
        The text without its blanks; None if the blocks are of unequal length, as words are.
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
    return 1 < runs <= len(letters) / _RUN  # a single repeated letter is no structure either


def _pieces(letters: str, size: int) -> list[str]:
    """The letters in pieces of one size; empty if the length is no multiple of it."""
    if len(letters) % size:
        return []
    return [letters[at : at + size] for at in range(0, len(letters), size)]


def _mostly(found: list[str], known: frozenset[str]) -> bool:
    return sum(each in known for each in found) >= _CODES_SHARE * len(found)
