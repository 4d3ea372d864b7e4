"""Cells that a spreadsheet cut: Excel and others keep 32 767 characters of each, without a word."""

from __future__ import annotations

import re

from sweep.errors import fault

_CELL = 32_767
_NUMBER = re.compile(r"[0-9]{1,9}(?:\.0*)?")


def is_cut(value: object) -> bool:
    """Whether a cell is exactly as long as the longest that a spreadsheet keeps."""
    return isinstance(value, str) and len(value) == _CELL


def cut_fault(name: str, where: str) -> str:
    """The fault of such a cell."""
    return fault(
        name,
        "be whole",
        f"{_CELL} characters, where spreadsheets cut a cell",
        where=where,
        way_out="Take it from a file that no spreadsheet has saved",
    )


def length_fault(sequence: str, stated: object, where: str) -> str:
    """What is wrong between a sequence and the column ``Length``; an empty text if nothing is.

    Args:
        sequence: its residues.
        stated: the cell; what is no whole number says nothing.
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
