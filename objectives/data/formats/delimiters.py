"""What separates the columns of a text table, whatever its suffix says."""

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
"""The line that Excel reads, and some programs write, above the header."""

_SUFFIX = {"FASTA": ".fasta", "JSON": ".json"}


def find_delimiter(lines: Iterator[str], own: str, name: str) -> tuple[str, Iterator[str]]:
    """What separates the columns of a file, and its lines from the first.

    Args:
        lines: of the file, with their ends.
        own: the separator that the file's suffix stands for.
        name: what to call the file in messages.

    Returns:
        The separator, and as many lines as there are, with the line ``sep=`` blank.

    Raises:
        DataError: if the first line is plainly of another format.
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
    """What separates the columns of a header.

    Args:
        header: the first line.
        own: the separator that the file's suffix stands for.

    Returns:
        ``own``, unless the header names columns that are read, or any columns at all, only
        when it is divided by another.
    """
    split = {mark: _names(header, mark) for mark in (own, *_OTHERS)}
    for reads in (_is_known, lambda names: SEQUENCE in names, lambda names: len(names) > 1):
        found = next((mark for mark, names in split.items() if reads(names)), None)
        if found is not None:
            return found
    return own


def require_table(line: str, name: str) -> None:
    """Refuse text that is plainly of another format.

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
