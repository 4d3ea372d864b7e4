"""Features as UniProt's tables write them: ``BINDING 47..52; /ligand="ATP"; BINDING 63``.

Source: the UniProtKB user manual, section "FT", and its format for downloads as TSV; features
of before 2019 in the older words (``METAL``, ``NP_BIND``) are read, too.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

_ITEM = re.compile(r'(?:"[^"]*"|[^";]++)*')
"""Up to a semicolon that stands in no quotes; a quote within quotes is written twice."""
_FEATURE = re.compile(r"([A-Z][A-Z_]*)\s+(\S+)")
_QUALIFIER = re.compile(r'/(\w+)(?:="((?:[^"]++|"")*)")?')
_PLACE = re.compile(r"(?:([A-Za-z0-9]+(?:-\d+)?):)?([<>?]?\d{1,9}|\?)(?:\.\.([<>?]?\d{1,9}|\?))?")


@dataclass(frozen=True)
class Bound:
    """One end of a feature.

    Attributes:
        doubt: empty where the end is known; ``<``: it lies before ``at``; ``>``: beyond it;
            ``?``: near it, or anywhere where ``at`` is None.
        at: 1-based position; None where it is unknown.
    """

    doubt: str
    at: int | None


@dataclass(frozen=True)
class Feature:
    """One feature of a sequence.

    Attributes:
        key: what it is (``BINDING``).
        start: its first residue.
        end: its last.
        isoform: the sequence that the positions are of, where it is not the one in the row
            (``P05067-2``); else empty.
        qualifiers: their values by name (``ligand``).
    """

    key: str
    start: Bound
    end: Bound
    isoform: str = ""
    qualifiers: Mapping[str, str] = field(default_factory=dict)

    @property
    def certain(self) -> bool:
        """Whether both ends are known."""
        return not self.start.doubt and not self.end.doubt

    @property
    def place(self) -> str:
        """As it is written."""
        ends = [f"{bound.doubt}{bound.at or ''}" for bound in (self.start, self.end)]
        isoform = f"{self.isoform}:" if self.isoform else ""
        return isoform + (ends[0] if self.start == self.end else "..".join(ends))


def read_features(text: str) -> list[Feature]:
    """Read a cell of features.

    Args:
        text: of one column, such as ``Binding site``; may be empty.

    Returns:
        Its features in order.

    Raises:
        ValueError: naming the first item that is no feature and no qualifier of one.
    """
    found: list[Feature] = []
    for item in _items(text):
        feature = _FEATURE.fullmatch(item)
        qualifier = _QUALIFIER.fullmatch(item)
        if feature is not None:
            found.append(_feature(feature[1], feature[2]))
        elif qualifier is not None and found:
            value = (qualifier[2] or "").replace('""', '"')
            known = dict(found[-1].qualifiers)
            known.setdefault(qualifier[1], value)  # repeated ones: evidence, of which none is read
            found[-1] = _with(found[-1], known)
        else:
            raise ValueError(item)
    return found


def _items(text: str) -> list[str]:
    """What stands between semicolons.

    Raises:
        ValueError: if a quote is not closed.
    """
    items, at = [], 0
    while at < len(text):
        match = _ITEM.match(text, at)
        end = at if match is None else match.end()
        if end < len(text) and text[end] != ";":
            raise ValueError(text[at:].strip())
        if text[at:end].strip():
            items.append(text[at:end].strip())
        at = end + 1
    return items


def _feature(key: str, place: str) -> Feature:
    match = _PLACE.fullmatch(place)
    if match is None:
        raise ValueError(f"{key} {place}")
    isoform, start, end = match.groups()
    first = _bound(start)
    last = first if end is None else _bound(end)
    if first.at is not None and last.at is not None and not 0 < first.at <= last.at:
        raise ValueError(f"{key} {place}")
    if 0 in (first.at, last.at):
        raise ValueError(f"{key} {place}")
    return Feature(key, first, last, isoform or "")


def _bound(text: str) -> Bound:
    doubt = text[0] if text[0] in "<>?" else ""
    digits = text.removeprefix(doubt)
    return Bound(doubt, int(digits) if digits else None)


def _with(feature: Feature, qualifiers: Mapping[str, str]) -> Feature:
    return Feature(feature.key, feature.start, feature.end, feature.isoform, qualifiers)
