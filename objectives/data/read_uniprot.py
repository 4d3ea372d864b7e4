"""Chains from UniProt's tables: columns ``Entry``, ``Sequence`` and those of features."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

from objectives.data.chain import Chain
from objectives.data.problems import Problems
from objectives.data.record import Record, build_chain
from objectives.data.shown import shown
from objectives.data.uniprot_features import read_features
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
COLUMNS = (ENTRY, SEQUENCE, FAMILIES, *FEATURES)


def is_uniprot(columns: Iterable[str]) -> bool:
    """Whether a table is one of UniProt's, by its columns' names in lower case."""
    found = set(columns)
    return {ENTRY, SEQUENCE} <= found and not found.isdisjoint(FEATURES)


def chains_of_entries(
    rows: Iterable[tuple[str, Mapping[str, Any]]], problems: Problems
) -> list[Chain]:
    """Make a chain of each entry.

    An entry without any feature is left out and counted: that nobody has noted a site does not
    say that there is none.

    Args:
        rows: where each row stands, and its cells by column name.
        problems: takes the bad rows, and the counts of what could not be told.

    Returns:
        The sound rows with features, in order.
    """
    chains = []
    for where, row in rows:
        try:
            chain = _chain(row, where, problems)
        except DataError as error:
            problems.add_record(error.faults)
            continue
        if chain is not None:
            chains.append(chain)
    return chains


def _chain(row: Mapping[str, Any], where: str, problems: Problems) -> Chain | None:
    """One entry as a chain; None without features."""
    name, family = row.get(ENTRY), row.get(FAMILIES)
    plain = build_chain(Record(row.get(SEQUENCE), where, name=name, positions=[], family=family))
    features, column = [], ""
    try:
        for column in FEATURES:
            features += read_features(str(row.get(column) or ""))
    except ValueError as error:
        rule = "be features as UniProt writes them, such as 'BINDING 47..52; /ligand=\"ATP\"'"
        raise DataError(fault(column, rule, shown(str(error)), where=where)) from error
    if not features:
        problems.count("entries without a feature")
        return None
    try:
        found = label(features, len(plain.sequence))
    except ValueError as error:
        rule = f"be {', '.join(KEYS)} within 1 to {len(plain.sequence)}, the sequence's length"
        raise DataError(fault("features", rule, shown(str(error)), where=where)) from error
    problems.count("features of uncertain position", found.uncertain)
    problems.count("residues masked for them", found.masked)
    problems.count("features of another isoform", found.elsewhere)
    return replace(plain, labels=found.labels, ligands=found.ligands)
