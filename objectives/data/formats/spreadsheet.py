"""Detect cells truncated by a spreadsheet: Excel keeps at most 32 767 characters, silently."""

from __future__ import annotations

import re

from sweep.errors import fault

_CELL = 32_767
_NUMBER = re.compile(r"[0-9]{1,9}(?:\.0*)?")


def is_cut(value: object) -> bool:
    """Whether a cell is exactly as long as a spreadsheet's limit, so probably truncated."""
    return isinstance(value, str) and len(value) == _CELL


def cut_fault(name: str, where: str) -> str:
    """The error for a truncated cell."""
    return fault(
        name,
        "be whole",
        f"{_CELL} characters, where spreadsheets cut a cell",
        where=where,
        way_out="Take it from a file that no spreadsheet has saved",
    )


def length_fault(sequence: str, stated: object, where: str) -> str:
    """The error if a sequence has another length than the column ``Length`` says; else empty.

    Args:
        sequence: its residues.
        stated: the cell of the column; ignored if it is not a whole number.
        where: the row, for messages.
    """
    length = stated_length(stated)
    if length is None or length == len(sequence):
        return ""
    return fault(
        "sequence",
        f"be as long as the column 'Length' says ({length})",
        len(sequence),
        where=where,
        way_out="It may have been cut; rename the column if it holds another length",
    )


def stated_length(cell: object) -> int | None:
    """The whole number in a cell; None if there is none."""
    if isinstance(cell, bool):
        return None
    if isinstance(cell, float):
        return int(cell) if cell.is_integer() else None
    if isinstance(cell, str):
        text = cell.strip().replace(",", "")
        return int(float(text)) if _NUMBER.fullmatch(text) else None
    return cell if isinstance(cell, int) else None
