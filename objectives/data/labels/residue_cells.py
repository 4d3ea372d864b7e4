"""Parse labels and binding positions and check them against the sequence."""

from __future__ import annotations

import re
from collections.abc import Sequence

from objectives.data.chain import IGNORED
from objectives.data.errors import FileFaultError, listed, shown
from objectives.data.protein import is_missing
from sweep.errors import DataError, fault

_POSITION = re.compile(r"([A-Za-z]?)([0-9]+)|([0-9]+)\.0*")
"""A whole number, optionally after its residue's letter, or written as a float (``21.0``)."""

_LABELS = {
    **dict.fromkeys(("0", "0.0", "0.", "False", "false", "FALSE"), 0),
    **dict.fromkeys(("1", "1.0", "1.", "True", "true", "TRUE"), 1),
    **dict.fromkeys((f"{IGNORED}", f"{IGNORED}.0", f"{IGNORED}."), IGNORED),
}
_PAIRS = (("[", "]"), ("(", ")"))
_HOLE = re.compile(r",\s*,|^\s*,")
_CELL = 32_767  # characters that Excel keeps of a cell; it cuts longer ones silently
_DIGITS = 18  # more are outside every sequence, and Python limits what ``int`` parses


def is_cut(value: object) -> bool:
    """Whether a cell is exactly as long as a spreadsheet's limit, so probably truncated."""
    return isinstance(value, str) and len(value) == _CELL


def cut_fault(name: str, where: str) -> str:
    """The error for a truncated cell."""
    got = f"{_CELL} characters, where spreadsheets cut a cell"
    way_out = "Take it from a file that no spreadsheet has saved"
    return fault(name, "be whole", got, where=where, way_out=way_out)


def read_labels(value: object, sequence: str, where: str) -> tuple[int, ...]:
    """Parse one label per residue.

    Args:
        value: ``"0010"``, or a list of 0, 1 and ``IGNORED``, also written as text.
        sequence: the residues.
        where: file and line, for messages.

    Raises:
        DataError: with all errors of the labels.
    """
    figures = "".join(value.split()) if isinstance(value, str) else ""
    if len(figures) == len(sequence) and not figures.strip("01"):
        return tuple(byte - ord("0") for byte in figures.encode())
    _require_given("labels", value, where, "Leave the record out, or write 0, 1 or -100 (unknown)")
    items = items_of("labels", value, where)
    if isinstance(value, str) and items is not None and len(items) == 1 and items[0] not in _LABELS:
        items = list(items[0])
    if items is None:
        rule = "be a string of 0 and 1 or a list"
        raise DataError(fault("labels", rule, shown(value), where=where))
    odd = sorted({item for item in items if item not in _LABELS})
    faults = []
    if odd:
        rule = f"be 0, 1 or {IGNORED} (unknown)"
        faults.append(fault("labels", rule, listed(map(shown, odd)), where=where))
    if len(items) != len(sequence):
        rule = f"be one per residue ({len(sequence)})"
        faults.append(fault("labels", rule, len(items), where=where))
        if is_cut(value):
            faults.append(cut_fault("labels", where))
    if faults:
        raise DataError(faults)
    return tuple(_LABELS[item] for item in items)


def read_positions(value: object, sequence: str, where: str, *, letters: bool) -> set[int]:
    """Parse binding positions and check them against the sequence.

    Args:
        value: 1-based positions, ``"D21 K33"``, ``"21 33"`` or a list; ``[]`` for none.
        sequence: the residues.
        where: file and line, for messages.
        letters: whether each position must include its residue's letter (the text format).

    Returns:
        0-based positions of the binding residues.

    Raises:
        FileFaultError: if one is 0, which shows that the whole file counts from 0.
        DataError: with all errors of the positions.
    """
    name = "binding_residues" if letters else "positions"
    items = _position_items(name, value, where, letters=letters)
    found: set[int] = set()
    unread, outside, other = [], [], []
    for item in items:
        match = _POSITION.fullmatch(item)
        if match is None or (letters and not match[1]):
            unread.append(item)
            continue
        digits = (match[2] or match[3]).lstrip("0")
        if not digits:
            raise FileFaultError(_from_zero(name, items, where))
        index = int(digits) - 1 if len(digits) <= _DIGITS else -1
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
    faults = [fault(name, rule, listed(map(shown, bad)), where=where) for rule, bad in rules if bad]
    if faults:
        raise DataError(faults)
    return found


def _position_items(name: str, value: object, where: str, *, letters: bool) -> list[str]:
    """The positions as a list of strings, not yet parsed."""
    if letters and isinstance(value, str) and is_missing(value):
        rule = "name at least one residue, such as 'D21'"
        raise DataError(fault(name, rule, shown(value), where=where))
    _require_given(name, value, where, "Write [] where nothing binds")
    if is_cut(value):
        raise DataError(cut_fault(name, where))
    items = items_of(name, value, where)
    if items is None:
        rule = "be a list of 1-based positions"
        raise DataError(fault(name, rule, shown(value), where=where))
    return items


def _from_zero(name: str, items: Sequence[str], where: str) -> str:
    way_out = (
        "A 0 means that the whole file counts from 0: add 1 to every position in it, or write [] "
        "if 0 stands for no site"
    )
    return fault(name, "be counted from 1", listed(map(shown, items)), where=where, way_out=way_out)


def _require_given(name: str, value: object, where: str, way_out: str) -> None:
    """Refuse a blank cell or a word for a missing value, which must not be read as 0."""
    if value is None or (isinstance(value, str) and is_missing(value)):
        rule = "be given for every sequence"
        raise DataError(fault(name, rule, shown(value), where=where, way_out=way_out))


def items_of(name: str, value: object, where: str) -> list[str] | None:
    """The items of a list, also of one written as text; None for anything else.

    Args:
        name: of the cell, for messages.
        value: of the cell.
        where: file and line, for messages.

    Raises:
        DataError: if nothing stands between two commas.
    """
    if isinstance(value, str):
        text = value.strip()
        for opening, closing in _PAIRS:
            if text.startswith(opening) and text.endswith(closing):
                text = text[1:-1]
                break
        if _HOLE.search(text):
            rule = "hold a value between commas"
            raise DataError(fault(name, rule, shown(value), where=where))
        return [_unquoted(item) for item in text.replace(",", " ").replace(";", " ").split()]
    if isinstance(value, Sequence) and not isinstance(value, (bytes, bytearray)):
        return [item if isinstance(item, str) else repr(shown(item)) for item in value]
    return None


def _unquoted(item: str) -> str:
    """An item without the quotes that Python writes around strings in a list."""
    quoted = len(item) > 1 and item[0] == item[-1] and item[0] in "'\""
    return item[1:-1] if quoted else item
