"""Chains from UniProt's tables: columns ``Entry``, ``Sequence`` and those of features."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

from objectives.data.chain import Chain
from objectives.data.missing import is_missing
from objectives.data.problems import Problems
from objectives.data.record import Record, dropped, read_chain
from objectives.data.shown import shown
from objectives.data.spreadsheet import cut_fault, is_cut
from objectives.data.uniprot_features import Feature, read_features
from objectives.data.uniprot_labels import KEYS, label
from sweep.errors import DataError, fault

FEATURES = (
    "binding site",
    "active site",
    "metal binding",
    "nucleotide binding",
    "calcium binding",
    "dna binding",
)
"""The columns that say what binds, as UniProt names them, in lower case."""

ENTRY = "entry"
SEQUENCE = "sequence"
FAMILIES = "protein families"
LENGTH = "length"
COLUMNS = (ENTRY, SEQUENCE, FAMILIES, LENGTH, *FEATURES)


def is_uniprot(columns: Iterable[str]) -> bool:
    """Whether a table is one of UniProt's, by its columns' names in lower case."""
    found = set(columns)
    return {ENTRY, SEQUENCE} <= found and not found.isdisjoint(FEATURES)


def chains_of_entries(
    rows: Iterable[tuple[str, Mapping[str, Any]]], problems: Problems
) -> list[Chain]:
    """Make a chain of each entry.

    An entry without any feature is left out and counted: that nobody has noted a site does not
    say that there is none. So is one whose features are all of another isoform's sequence.

    Args:
        rows: where each row stands, and its cells by column name.
        problems: takes the bad rows, and the counts of what could not be told.

    Returns:
        The sound rows with features, in order.
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
        except DataError as error:
            problems.add_record(error.faults, dropped(record))
            continue
        if chain is not None:
            chains.append(chain)
    return chains


def _chain(plain: Chain, row: Mapping[str, Any], problems: Problems) -> Chain | None:
    """One entry with its labels; None without features of its sequence."""
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
