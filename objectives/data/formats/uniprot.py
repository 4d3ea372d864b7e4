"""Binding features in UniProt's tables: ``BINDING 47..52; /ligand="ATP"; BINDING 63``.

Source: the UniProtKB user manual, section "FT", and its format for downloads as TSV. Older feature
keys (``METAL``, ``NP_BIND``), in use before 2019, are read too.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from objectives.data.chain import IGNORED, Chain
from objectives.data.errors import RecordErrors, shown
from objectives.data.formats.record import Record, dropped, read_chain
from objectives.data.labels.binding_sites import BINDING
from objectives.data.labels.kind import LabelKind
from objectives.data.labels.residue_cells import cut_fault, is_cut
from objectives.data.protein import is_missing
from sweep.errors import DataError, fault

_ITEM = re.compile(r'(?:"[^"]*"|[^";]++)*')  # up to a semicolon outside quotes
_FEATURE = re.compile(r"([A-Z][A-Z_]*)\s+(\S+)")
_QUALIFIER = re.compile(r'/(\w+)(?:="((?:[^"]++|"")*)")?')
_PLACE = re.compile(r"(?:([A-Za-z0-9]+(?:-\d+)?):)?([<>?]?\d{1,9}|\?)(?:\.\.([<>?]?\d{1,9}|\?))?")


@dataclass(frozen=True)
class Bound:
    """One end of a feature."""

    # empty if the position is exact; ``<``: it is before ``at``; ``>``: after ``at``; ``?``: near
    # ``at``, or anywhere if ``at`` is None
    doubt: str
    at: int | None  # 1-based position; None if unknown


@dataclass(frozen=True)
class Feature:
    """One feature of a sequence."""

    key: str  # UniProt's feature key (``BINDING``)
    start: Bound  # its first residue
    end: Bound  # its last residue
    isoform: str = ""  # that the positions refer to (``P05067-2``); empty: the row's sequence
    qualifiers: Mapping[str, str] = field(default_factory=dict)  # values by name (``ligand``)

    @property
    def certain(self) -> bool:
        """Whether both ends are exact."""
        return not self.start.doubt and not self.end.doubt

    @property
    def place(self) -> str:
        """The position as UniProt writes it, such as ``47..52``."""
        ends = [f"{bound.doubt}{bound.at or ''}" for bound in (self.start, self.end)]
        isoform = f"{self.isoform}:" if self.isoform else ""
        return isoform + (ends[0] if self.start == self.end else "..".join(ends))


def read_features(text: str) -> list[Feature]:
    """Parse a cell of features.

    Args:
        text: the cell of a column such as ``Binding site``; may be empty.

    Returns:
        Its features in order.

    Raises:
        ValueError: naming the first item that is neither a feature nor a qualifier of one.
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
            known.setdefault(qualifier[1], value)  # only evidence repeats, and is not used
            found[-1] = replace(found[-1], qualifiers=known)
        else:
            raise ValueError(item)
    return found


def _items(text: str) -> list[str]:
    """The items between semicolons; ValueError if a quote is not closed."""
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
    ordered = first.at is None or last.at is None or first.at <= last.at
    if not ordered or 0 in (first.at, last.at):
        raise ValueError(f"{key} {place}")
    return Feature(key, first, last, isoform or "")


def _bound(text: str) -> Bound:
    doubt = text[0] if text[0] in "<>?" else ""
    digits = text.removeprefix(doubt)
    return Bound(doubt, int(digits) if digits else None)


KEYS = {
    "BINDING": "",
    "ACT_SITE": "active site",
    "METAL": "metal",
    "NP_BIND": "nucleotide",
    "CA_BIND": "Ca(2+)",
    "DNA_BIND": "DNA",
}
"""The feature keys that mark binding residues, to the ligand if the feature names none."""

_NOTED = ("METAL", "NP_BIND")  # older feature keys, which name the ligand in their note
UNNAMED = "unnamed ligand"


@dataclass(frozen=True)
class Labels:
    """A sequence's labels, made from its features."""

    labels: tuple[int, ...]  # ``IGNORED`` if only a feature of uncertain position may cover it
    ligands: Mapping[str, tuple[int, ...]]  # ligand to 0-based positions
    uncertain: int  # number of features of uncertain position
    elsewhere: int  # number of features on another isoform, which are ignored

    @property
    def masked(self) -> int:
        """Number of residues with unknown label."""
        return self.labels.count(IGNORED)


def label(features: Iterable[Feature], length: int) -> Labels:
    """Label the residues of a sequence.

    A residue binds if a feature of exact position covers it. Otherwise it is unknown if a feature
    of uncertain position may cover it: for a start ``<5`` every residue before 5, for ``?`` alone
    the whole sequence.

    Args:
        features: of the sequence.
        length: residues of the sequence.

    Raises:
        ValueError: naming the first feature of a key not in ``KEYS`` or beyond the sequence.
    """
    bound: dict[str, set[int]] = {}
    doubtful: set[int] = set()
    uncertain = elsewhere = 0
    for feature in features:
        if feature.key not in KEYS:
            raise ValueError(f"{feature.key} {feature.place}")
        if feature.isoform:
            elsewhere += 1
            continue
        if any(b.at is not None and b.at > length for b in (feature.start, feature.end)):
            raise ValueError(f"{feature.key} {feature.place}")
        reach = set(range(_earliest(feature.start) - 1, _latest(feature.end, length)))
        if feature.certain:
            bound.setdefault(ligand_of(feature), set()).update(reach)
        else:
            uncertain += 1
            doubtful |= reach
    labels = [0] * length
    for at in doubtful:
        labels[at] = IGNORED
    for at in set().union(*bound.values()):
        labels[at] = 1
    ligands = {name: tuple(sorted(found)) for name, found in bound.items()}
    return Labels(tuple(labels), ligands, uncertain, elsewhere)


def ligand_of(feature: Feature) -> str:
    """The ligand of a feature, as it names it, or the default of its key."""
    said = feature.qualifiers.get("ligand") or (
        feature.qualifiers.get("note", "") if feature.key in _NOTED else ""
    )
    return said.strip() or KEYS[feature.key] or UNNAMED


def _earliest(start: Bound) -> int:
    """The first residue that a start may be."""
    return 1 if start.at is None or start.doubt == "<" else start.at


def _latest(end: Bound, length: int) -> int:
    """The last residue that an end may be."""
    return length if end.at is None or end.doubt == ">" else end.at


FEATURES = (
    "binding site",
    "active site",
    "metal binding",
    "nucleotide binding",
    "calcium binding",
    "dna binding",
)
"""UniProt's columns of binding features, in lower case."""

ENTRY = "entry"
SEQUENCE = "sequence"
FAMILIES = "protein families"
LENGTH = "length"
COLUMNS = (ENTRY, SEQUENCE, FAMILIES, LENGTH, *FEATURES)


def is_uniprot(columns: Iterable[str]) -> bool:
    """Whether a table is from UniProt, by its column names in lower case."""
    found = set(columns)
    return {ENTRY, SEQUENCE} <= found and not found.isdisjoint(FEATURES)


def chains_of_entries(
    rows: Iterable[tuple[str, Mapping[str, Any]]],
    problems: RecordErrors,
    kind: LabelKind = BINDING,
) -> list[Chain]:
    """Convert each entry to a chain.

    An entry without features is left out and counted, because a site that is not annotated may
    still exist. So is an entry whose features are all on another isoform.

    Args:
        rows: location (file and line) and cells by column name of each row.
        problems: collects errors of bad rows, counts of left-out entries and uncertain features.
        kind: of the labels, derived from the ligands.

    Returns:
        The chains of the valid rows with features, in order.
    """
    chains = []
    for where, row in rows:
        record = Record(
            row.get(SEQUENCE),
            where,
            name=row.get(ENTRY),
            positions=[],
            family=row.get(FAMILIES),
            length=row.get(LENGTH),
        )
        plain = read_chain(record, problems)
        if plain is None:
            continue
        try:
            chain = _chain(plain, row, problems)
            chain = None if chain is None else kind.of_ligands(chain)
        except DataError as error:
            problems.add_record(error.faults, dropped(record))
            continue
        if chain is not None:
            chains.append(chain)
    return chains


def _chain(plain: Chain, row: Mapping[str, Any], problems: RecordErrors) -> Chain | None:
    """The chain with the labels of its features; None if no feature is on its sequence."""
    features = _features(row, plain.source)
    if not features:
        problems.count("entries without a feature")
        return None
    if all(feature.isoform for feature in features):
        problems.count("entries whose features are all of another isoform")
        return None
    try:
        found = label(features, len(plain.sequence))
    except ValueError as error:
        rule = f"be {', '.join(KEYS)} within 1 to {len(plain.sequence)}, the sequence's length"
        raise DataError(fault("features", rule, shown(str(error)), where=plain.source)) from error
    problems.count("features of uncertain position", found.uncertain)
    problems.count("residues masked for them", found.masked)
    problems.count("features of another isoform", found.elsewhere)
    return replace(plain, labels=found.labels, ligands=found.ligands, whole=True)


def _features(row: Mapping[str, Any], where: str) -> list[Feature]:
    """The features in all columns of an entry."""
    features: list[Feature] = []
    for column in FEATURES:
        cell = row.get(column)
        if cell is None or (isinstance(cell, float) and math.isnan(cell)):
            continue
        if is_cut(cell):
            raise DataError(cut_fault(column, where))
        text = str(cell)
        try:
            features += [] if is_missing(text) else read_features(text)
        except ValueError as error:
            rule = "be features as UniProt writes them, such as 'BINDING 47..52; /ligand=\"ATP\"'"
            raise DataError(fault(column, rule, shown(str(error)), where=where)) from error
    return features
