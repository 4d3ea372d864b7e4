"""One record, as any format writes it, checked and turned into a chain."""

from __future__ import annotations

import hashlib
import math
import re
from collections.abc import Sequence
from dataclasses import dataclass

from objectives.data.chain import IGNORED, Chain
from objectives.data.shown import shown
from sweep.errors import DataError, fault

_POSITION = re.compile(r"([A-Za-z]?)([0-9]+)")
_LABELS = {"0": 0, "1": 1, "False": 0, "True": 1, str(IGNORED): IGNORED}
_SHOWN = 5
_DIGITS = 18
"""Positions of more digits lie outside every sequence; Python refuses to read very many."""


@dataclass(frozen=True)
class Record:
    """One record as a source gives it, unchecked.

    Attributes:
        sequence: one letter per residue; lower case is raised.
        where: file and line, for messages.
        name: the record's id; a record without one is named after its sequence, so that
            the same sequence has the same name wherever the file lies.
        ligand: what binds there; empty when the source does not say.
        labels: ``"0010"`` or a list of 0, 1 and ``IGNORED``; used when not None.
        positions: 1-based binding positions, ``"D21 K33"``, ``"21 33"`` or a list.
        letters: each position must carry its letter (the text format's rule).
        family: protein families, text or a list of texts; anything else is none, because a
            column of that name may be something else.
    """

    sequence: object
    where: str
    name: object = None
    ligand: object = None
    labels: object = None
    positions: object = None
    letters: bool = False
    family: object = None


def build_chain(record: Record) -> Chain:
    """Check one record and make a chain of it.

    Returns:
        The chain, its binding residues noted under the ligand if there is one.

    Raises:
        DataError: with all faults of the record.
    """
    where = record.where
    sequence = _sequence(record.sequence, where)
    if record.labels is not None:
        labels = _labels(record.labels, sequence, where)
        binding = tuple(index for index, label in enumerate(labels) if label == 1)
    else:
        found = _positions(record.positions, sequence, where, letters=record.letters)
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
    )


def _family(value: object) -> str:
    """The families on one line, parted by ``;`` as UniProt does."""
    parts = value if isinstance(value, (list, tuple)) else [value]
    return "; ".join(" ".join(part.split()) for part in parts if isinstance(part, str) and part)


def _sequence(value: object, where: str) -> str:
    """Upper-case letters A to Z, at least one."""
    text = value.strip() if isinstance(value, str) else ""
    if not text:
        as_text = value is None or isinstance(value, str)
        rule = "hold at least one residue" if as_text else "be text, one letter per residue"
        raise DataError(fault("sequence", rule, shown(value), where=where))
    # Before raising the case: a German sharp s would become two residues.
    if not (text.isascii() and text.isalpha()):
        odd = sorted({letter for letter in text if not (letter.isascii() and letter.isalpha())})
        index = next(i for i, letter in enumerate(text) if letter in odd)
        rule = f"hold letters A to Z only (first break at residue {index + 1})"
        raise DataError(fault("sequence", rule, shown("".join(odd)), where=where))
    return text.upper()


def _text(name: str, value: object, where: str) -> str:
    """An id or a ligand; empty where there is none, be it null or the NaN of a table."""
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return ""
    if not isinstance(value, (str, int, float)):
        raise DataError(fault(name, "be text or a number", shown(value), where=where))
    try:
        text = str(value).strip()
        text.encode()
    except ValueError as error:  # half a surrogate pair; more digits than Python prints
        raise DataError(fault(name, "be text", shown(value), where=where)) from error
    return text


def _items(value: object) -> list[str] | None:
    """The items of a list, or of text that writes one; None for anything else."""
    if isinstance(value, str):
        return re.sub(r"[\[\](),\s]+", " ", value).split()
    if isinstance(value, Sequence) and not isinstance(value, (bytes, bytearray)):
        return [item if isinstance(item, str) else repr(shown(item)) for item in value]
    return None


def _labels(value: object, sequence: str, where: str) -> tuple[int, ...]:
    """One label per residue."""
    items = _items(value)
    if isinstance(value, str) and items is not None and len(items) == 1 and items[0] not in _LABELS:
        items = list(items[0])
    if items is None:
        rule = "be a string of 0 and 1 or a list"
        raise DataError(fault("labels", rule, shown(value), where=where))
    odd = sorted({item for item in items if item not in _LABELS})
    faults = []
    if odd:
        rule = f"be 0, 1 or {IGNORED} (unknown)"
        faults.append(fault("labels", rule, _first(odd), where=where))
    if len(items) != len(sequence):
        rule = f"be one per residue ({len(sequence)})"
        faults.append(fault("labels", rule, len(items), where=where))
    if faults:
        raise DataError(faults)
    return tuple(_LABELS[item] for item in items)


def _positions(value: object, sequence: str, where: str, *, letters: bool) -> set[int]:
    """0-based positions of the binding residues, each checked against the sequence."""
    name = "binding_residues" if letters else "positions"
    items = _items(value)
    if items is None:
        rule = "be a list of 1-based positions"
        raise DataError(fault(name, rule, shown(value), where=where))
    if letters and not items:
        rule = "name at least one residue, such as 'D21'"
        raise DataError(fault(name, rule, shown(value), where=where))
    found: set[int] = set()
    unread, outside, other = [], [], []
    for item in items:
        match = _POSITION.fullmatch(item)
        if match is None or (letters and not match[1]):
            unread.append(item)
            continue
        digits = match[2].lstrip("0")
        index = int(digits) - 1 if 0 < len(digits) <= _DIGITS else -1
        if not 0 <= index < len(sequence):
            outside.append(item)
        elif match[1] and match[1].upper() != sequence[index]:
            other.append(f"{item} (the sequence has {sequence[index]})")
        else:
            found.add(index)
    form = "be written as 'D21'" if letters else "be whole numbers counted from 1"
    rules = (
        (form, unread),
        (f"lie in 1 to {len(sequence)}, the sequence's length", outside),
        ("carry the letter that the sequence has there", other),
    )
    faults = [fault(name, rule, _first(bad), where=where) for rule, bad in rules if bad]
    if faults:
        raise DataError(faults)
    return found


def _first(items: Sequence[str]) -> str:
    """The first few of many, so that one shifted record does not fill the screen."""
    more = f" and {len(items) - _SHOWN} more" if len(items) > _SHOWN else ""
    return ", ".join(str(shown(item)) for item in items[:_SHOWN]) + more
