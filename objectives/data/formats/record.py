"""Validate a record of any format and convert it to a chain."""

from __future__ import annotations

import hashlib
import math
import re
from dataclasses import dataclass

from objectives.data.chain import Chain
from objectives.data.errors import Dropped, FileFaultError, RecordErrors, shown
from objectives.data.labels.binding_sites import BINDING
from objectives.data.labels.kind import LabelKind
from objectives.data.labels.residue_cells import cut_fault, is_cut, read_positions
from objectives.data.protein import STOP, is_missing, is_prose, join_blocks, other_kind, remedy
from sweep.errors import DataError, fault

_NUMBER = re.compile(r"[0-9]{1,9}(?:\.0*)?")
_SODIUM = "NA"  # the ligand code of sodium, which is also R's word for a missing value


@dataclass(frozen=True)
class Record:
    """One record as read from a source, not yet validated."""

    sequence: object  # one letter per residue, in blocks or with a final ``*`` too
    where: str  # file and line, for messages
    name: object = None  # its id; if missing, one is derived from the sequence
    ligand: object = None  # the ligand that binds; empty if unknown
    labels: object = None  # a cell that the kind of label reads; used if not None
    positions: object = None  # 1-based binding positions, ``"D21 K33"``, ``"21 33"`` or a list
    letters: bool = False  # each position must include its residue's letter (the text format)
    family: object = None  # text or a list of texts; any other type means something else
    length: object = None  # number of residues according to the source
    labelled: bool = False  # the source has labels, not positions, even if this record's are None


def read_chain(record: Record, problems: RecordErrors, kind: LabelKind = BINDING) -> Chain | None:
    """Convert a record to a chain, or add its errors to ``problems``.

    Returns:
        The chain; None for a bad record, and for one without a label, which is counted.
    """
    try:
        chain = build_chain(record, kind)
    except FileFaultError as error:
        problems.add_fault_shown_by(error, record.where.rpartition(", ")[0])
        return None
    except DataError as error:
        problems.add_record(error.faults, dropped(record))
        return None
    if chain is None:
        problems.count("records without a label, left out")
        return None
    if _SODIUM in chain.ligands and not record.letters:
        problems.count("records of ligand 'NA', read as sodium and not as missing")
    return chain


def dropped(record: Record) -> Dropped:
    """The id and sequence of a bad record, as far as they are valid."""
    try:
        sequence = _sequence(record)
    except DataError:
        sequence = ""
    try:
        return Dropped(_text("id", record.name, record.where), sequence)
    except DataError:
        return Dropped("", sequence)


def build_chain(record: Record, kind: LabelKind = BINDING) -> Chain | None:
    """Validate one record and convert it to a chain.

    Args:
        record: as read.
        kind: of its labels.

    Returns:
        The chain, with empty ``ligands`` if the record names no ligand; None without a label.

    Raises:
        DataError: with the errors of the first invalid field.
    """
    where = record.where
    sequence = _sequence(record)
    labelled = record.labelled or record.labels is not None
    if labelled:
        labels = kind.read(record.labels, sequence, where)
        if labels is None:
            return None
        binding = kind.sites(labels)
    else:
        found = read_positions(record.positions, sequence, where, letters=record.letters)
        marks = bytearray(len(sequence))
        for index in found:
            marks[index] = 1
        labels, binding = tuple(marks), tuple(sorted(found))
    ligand = _text("ligand", record.ligand, where)
    name = _text("id", record.name, where)
    chain = Chain(
        id=name or "sequence-" + hashlib.sha256(sequence.encode()).hexdigest()[:12],
        sequence=sequence,
        labels=labels,
        ligands={ligand: binding} if ligand else {},
        source=where,
        family=_family(record.family),
        whole=labelled,
        translated=isinstance(record.sequence, str) and record.sequence.rstrip().endswith(STOP),
    )
    return chain if labelled else kind.of_ligands(chain)


def _family(value: object) -> str:
    """The families on one line, separated by ``;`` as UniProt does."""
    parts = value if isinstance(value, (list, tuple)) else [value]
    return "; ".join(" ".join(part.split()) for part in parts if isinstance(part, str) and part)


def _sequence(record: Record) -> str:
    """The residues: upper-case letters A to Z, at least one."""
    value, where = record.sequence, record.where
    text = value.strip() if isinstance(value, str) else ""
    translated = text.endswith(STOP)
    text = text.rstrip(STOP).rstrip()
    if not text:
        as_text = value is None or isinstance(value, str)
        rule = "hold at least one residue" if as_text else "be text, one letter per residue"
        raise DataError(fault("sequence", rule, shown(value), where=where))
    # Positions with letters prove the sequence, so that words for missing need no check.
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
    # Checked before upper(), which would turn the German sharp s into two letters.
    if not (letters.isascii() and letters.isalpha()):
        odd = sorted({each for each in letters if not (each.isascii() and each.isalpha())})
        index = next(i for i, letter in enumerate(letters) if letter in odd)
        rule = f"hold letters A to Z only (first break at residue {index + 1})"
        raise DataError(fault("sequence", rule, shown("".join(odd)), where=where))
    sequence = letters.upper()
    problem = _length_fault(sequence, record.length, where)
    if is_cut(value) and _stated_length(record.length) != len(sequence):
        problem = " ".join(filter(None, [problem, cut_fault("sequence", where)]))
    if problem:
        raise DataError(problem)
    return sequence


def _length_fault(sequence: str, stated: object, where: str) -> str:
    """The error if a sequence is not as long as its cell of the column ``Length`` says."""
    length = _stated_length(stated)
    if length is None or length == len(sequence):
        return ""
    rule = f"be as long as the column 'Length' says ({length})"
    way_out = "It may have been cut; rename the column if it holds another length"
    return fault("sequence", rule, len(sequence), where=where, way_out=way_out)


def _stated_length(cell: object) -> int | None:
    """The whole number in a cell; None if there is none."""
    if isinstance(cell, bool):
        return None
    if isinstance(cell, float):
        return int(cell) if cell.is_integer() else None
    if isinstance(cell, str):
        text = cell.strip().replace(",", "")
        return int(float(text)) if _NUMBER.fullmatch(text) else None
    return cell if isinstance(cell, int) else None


def _text(name: str, value: object, where: str) -> str:
    """An id or a ligand as text; empty for null, NaN and words for a missing value."""
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return ""
    if not isinstance(value, (str, int, float)):
        raise DataError(fault(name, "be text or a number", shown(value), where=where))
    try:
        text = str(value).strip()
        text.encode()
    except ValueError as error:  # a lone surrogate, or an int too long for str()
        raise DataError(fault(name, "be text", shown(value), where=where)) from error
    sodium = name == "ligand" and text.upper() == _SODIUM
    return "" if is_missing(text) and not sodium else text
