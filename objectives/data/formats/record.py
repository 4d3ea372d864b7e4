"""One record, as any format writes it, checked and turned into a chain."""

from __future__ import annotations

import hashlib
import math
from dataclasses import dataclass

from objectives.data.chain import Chain
from objectives.data.errors import Dropped, FileFaultError, RecordErrors, shown
from objectives.data.formats.residue_labels import read_labels, read_positions
from objectives.data.formats.spreadsheet import cut_fault, is_cut, length_fault, stated_length
from objectives.data.missing import is_missing, is_prose
from objectives.data.protein import STOP, join_blocks, other_kind, remedy
from sweep.errors import DataError, fault

_SODIUM = "NA"
"""The code of a ligand, in any case of letters, that is as well R's word for missing."""


@dataclass(frozen=True)
class Record:
    """One record as a source gives it, unchecked.

    Attributes:
        sequence: one letter per residue; lower case is raised, blocks of ten are joined, a ``*``
            at the end is left away.
        where: file and line, for messages.
        name: the record's id; a record without one is named after its sequence, so that
            the same sequence has the same name wherever the file lies.
        ligand: what binds there; empty when the source does not say.
        labels: ``"0010"`` or a list of 0, 1 and ``IGNORED``; used when not None.
        positions: 1-based binding positions, ``"D21 K33"``, ``"21 33"`` or a list.
        letters: each position must carry its letter (the text format's rule).
        family: protein families, text or a list of texts; anything else is none, because a
            column of that name may be something else.
        length: how many residues the source says there are.
        labelled: the source has labels, not positions, also where they are None.
    """

    sequence: object
    where: str
    name: object = None
    ligand: object = None
    labels: object = None
    positions: object = None
    letters: bool = False
    family: object = None
    length: object = None
    labelled: bool = False


def read_chain(record: Record, problems: RecordErrors) -> Chain | None:
    """Make a chain of a record, or note what is wrong with it.

    Returns:
        The chain; None for a bad record, which ``problems`` takes.
    """
    try:
        chain = build_chain(record)
    except FileFaultError as error:
        problems.add_fault_shown_by(error, record.where.rpartition(", ")[0])
        return None
    except DataError as error:
        problems.add_record(error.faults, dropped(record))
        return None
    if _SODIUM in chain.ligands and not record.letters:
        problems.count("records of ligand 'NA', read as sodium and not as missing")
    return chain


def dropped(record: Record) -> Dropped:
    """What is known of a bad record."""
    try:
        sequence = _sequence(record)
    except DataError:
        sequence = ""
    try:
        return Dropped(_text("id", record.name, record.where), sequence)
    except DataError:
        return Dropped("", sequence)


def build_chain(record: Record) -> Chain:
    """Check one record and make a chain of it.

    Returns:
        The chain, its binding residues noted under the ligand if there is one.

    Raises:
        DataError: with all faults of the record.
    """
    where = record.where
    sequence = _sequence(record)
    labelled = record.labelled or record.labels is not None
    if labelled:
        labels = read_labels(record.labels, sequence, where)
        binding = tuple(index for index, label in enumerate(labels) if label == 1)
    else:
        found = read_positions(record.positions, sequence, where, letters=record.letters)
        marks = bytearray(len(sequence))
        for index in found:
            marks[index] = 1
        labels, binding = tuple(marks), tuple(sorted(found))
    ligand = _text("ligand", record.ligand, where)
    name = _text("id", record.name, where)
    return Chain(
        id=name or "sequence-" + hashlib.sha256(sequence.encode()).hexdigest()[:12],
        sequence=sequence,
        labels=labels,
        ligands={ligand: binding} if ligand else {},
        source=where,
        family=_family(record.family),
        whole=labelled,
        translated=isinstance(record.sequence, str) and record.sequence.rstrip().endswith(STOP),
    )


def _family(value: object) -> str:
    """The families on one line, parted by ``;`` as UniProt does."""
    parts = value if isinstance(value, (list, tuple)) else [value]
    return "; ".join(" ".join(part.split()) for part in parts if isinstance(part, str) and part)


def _sequence(record: Record) -> str:
    """The residues: upper-case letters A to Z, at least one.

    Raises:
        DataError: if there are none, if they are something else, or were cut.
    """
    value, where = record.sequence, record.where
    text = value.strip() if isinstance(value, str) else ""
    translated = text.endswith(STOP)
    text = text.rstrip(STOP).rstrip()
    if not text:
        as_text = value is None or isinstance(value, str)
        rule = "hold at least one residue" if as_text else "be text, one letter per residue"
        raise DataError(fault("sequence", rule, shown(value), where=where))
    # A position that carries its letter shows that there is a sequence.
    plain = text.isalpha()
    if (
        not translated
        and not record.letters
        and (is_missing(text) or (not plain and is_prose(text)))
    ):
        rule, way = "be given", f"If it is a protein, end it with '{STOP}'"
        raise DataError(fault("sequence", rule, shown(text), where=where, way_out=way))
    kind = "" if translated else other_kind(text)
    if kind:
        rule = f"be a protein in one-letter codes, not {kind}"
        got = shown(text)
        raise DataError(fault("sequence", rule, got, where=where, way_out=remedy(kind)))
    letters = text if plain else join_blocks(text) or text
    # Before raising the case: a German sharp s would become two residues.
    if not (letters.isascii() and letters.isalpha()):
        odd = sorted({each for each in letters if not (each.isascii() and each.isalpha())})
        index = next(i for i, letter in enumerate(letters) if letter in odd)
        rule = f"hold letters A to Z only (first break at residue {index + 1})"
        raise DataError(fault("sequence", rule, shown("".join(odd)), where=where))
    sequence = letters.upper()
    told = length_fault(sequence, record.length, where)
    if is_cut(value) and stated_length(record.length) != len(sequence):
        told = " ".join(filter(None, [told, cut_fault("sequence", where)]))
    if told:
        raise DataError(told)
    return sequence


def _text(name: str, value: object, where: str) -> str:
    """An id or a ligand; empty where there is none, be it null, the NaN of a table or a word."""
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return ""
    if not isinstance(value, (str, int, float)):
        raise DataError(fault(name, "be text or a number", shown(value), where=where))
    try:
        text = str(value).strip()
        text.encode()
    except ValueError as error:  # half a surrogate pair; more digits than Python prints
        raise DataError(fault(name, "be text", shown(value), where=where)) from error
    sodium = name == "ligand" and text.upper() == _SODIUM
    return "" if is_missing(text) and not sodium else text
