"""Detect the delimiter of a text table from its header, whatever the file suffix."""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator

from objectives.data.formats.first_bytes import kind_of_text
from objectives.data.formats.table_columns import SEQUENCE, column_faults
from objectives.data.formats.uniprot import is_uniprot
from sweep.errors import DataError, fault

_OTHERS = ",\t;|"
_SEP = re.compile(r"\s*\"?sep=(.)\"?\s*", re.IGNORECASE | re.DOTALL)
"""The line that Excel reads and some programs write above the header to name the delimiter."""

_SUFFIX = {"FASTA": ".fasta", "JSON": ".json"}


def find_delimiter(lines: Iterator[str], own: str, name: str) -> tuple[str, Iterator[str]]:
    """Detect the delimiter of a file.

    Args:
        lines: of the file, with their ends.
        own: the delimiter that the file's suffix stands for.
        name: the file's name in messages.

    Returns:
        The delimiter, and all lines of the file, with a line ``sep=`` made blank.

    Raises:
        DataError: if the first line is clearly of another format.
    """
    above: list[str] = []
    for line in lines:
        if not line.strip():
            above.append(line)
            continue
        require_table(line, name)
        named = _SEP.fullmatch(line)
        if named:
            return named[1], itertools.chain([*above, "\n"], lines)
        return delimiter_of(line, own), itertools.chain([*above, line], lines)
    return own, iter(())


def delimiter_of(header: str, own: str) -> str:
    """The delimiter of a header.

    Args:
        header: the first line.
        own: the delimiter that the file's suffix stands for.

    Returns:
        ``own``, unless only another delimiter gives column names that are read, or more than
        one column.
    """
    split = {mark: _names(header, mark) for mark in (own, *_OTHERS)}
    for reads in (_is_known, lambda names: SEQUENCE in names, lambda names: len(names) > 1):
        found = next((mark for mark, names in split.items() if reads(names)), None)
        if found is not None:
            return found
    return own


def require_table(line: str, name: str) -> None:
    """Refuse a line that is clearly FASTA or JSON.

    Raises:
        DataError: naming the format and its suffix.
    """
    kind = kind_of_text(line)
    if kind:
        way_out = f"Name it {_SUFFIX[kind]}"
        rule = "be a table with a header, as its suffix says"
        raise DataError(fault("file", rule, kind, where=name, way_out=way_out))


def require_text_format(line: str, name: str) -> None:
    """Refuse a table, FASTA or JSON that is named ``.txt``, the suffix of another format.

    Raises:
        DataError: naming the format and its suffix.
    """
    kind, suffix = kind_of_text(line), ""
    if not kind:
        mark = next((mark for mark in _OTHERS if _is_known(_names(line, mark))), "")
        kind = f"a table with columns separated by {mark!r}" if mark else ""
        suffix = ".tsv" if mark == "\t" else ".csv"
    if kind:
        rule = "hold lines of pdb_id;chain_id;binding_residues;sequence, as .txt does"
        way_out = f"Name it {_SUFFIX.get(kind, suffix)}"
        raise DataError(fault("file", rule, kind, where=name, way_out=way_out))


def _names(header: str, mark: str) -> list[str]:
    return [cell.strip().strip('"').strip().lower() for cell in header.split(mark)]


def _is_known(names: list[str]) -> bool:
    return not column_faults(names, "") or is_uniprot(names)
