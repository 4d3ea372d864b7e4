"""FASTA with labels: under each header the sequence, and under that a line of labels.

One label a residue: ``1`` binds, ``0`` does not, ``-`` is unknown. A word ``ligand=NAME`` in the
header says what binds, ``SET=NAME`` which split (``objectives.data.fasta_header``). The form is
that of residue-level benchmarks.

Source: CAID, Necci et al. 2021, doi:10.1038/s41592-021-01117-3, whose references are so.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from objectives.data.chain import Chain
from objectives.data.fasta_header import labels_of, read_header
from objectives.data.fasta_lines import open_lines
from objectives.data.problems import Problems
from objectives.data.record import Record, build_chain
from objectives.data.row_splits import RowSplits
from objectives.data.shown import shown
from sweep.errors import DataError, fault

SUFFIXES = (".fasta", ".fa", ".faa")
_LABELS = re.compile(r"[01-]+")


def read_fasta_labels(path: Path, name: str, problems: Problems) -> list[Chain]:
    """Read one file.

    Args:
        path: the file, plain or compressed.
        name: what to call it in messages.
        problems: takes the bad records; they are not returned.

    Returns:
        The sound records in file order.
    """
    chains = []
    splits = RowSplits()
    try:
        with open_lines(str(path)) as (lines, _):
            for where, header, body in _blocks(lines, name):
                splits.note(where, read_header(header)[1])
                try:
                    chains.append(_chain(where, header, body))
                except DataError as error:
                    problems.add_record(error.faults)
    except DataError as error:
        problems.add_files(error.faults)
    except (OSError, EOFError) as error:
        problems.add_file(fault("file", "be readable", str(error), where=name))
    return splits.place(chains, problems)


def has_labels(path: Path) -> bool:
    """Whether the first record of a file holds labels, below its sequence or in its header."""
    try:
        with open_lines(str(path)) as (lines, name):
            _, header, body = next(_blocks(lines, name), ("", "", []))
    except (OSError, DataError):  # told when it is read
        return True
    return "target" in read_header(header)[1] or any(_LABELS.fullmatch(line) for line in body)


def _blocks(lines: Iterator[str], name: str) -> Iterator[tuple[str, str, list[str]]]:
    """Where each record is, its header without the mark, and the lines below."""
    where, header, body = "", "", list[str]()
    for number, raw in enumerate(lines, start=1):
        line = raw.strip()
        if line.startswith(">"):
            if where:
                yield where, header, body
            where, header, body = f"{name}, line {number}", line[1:].strip(), []
        elif line and where:
            body.append(line)
        elif line:
            rule = "begin with a header, '>' and an id"
            raise DataError(fault("file", rule, shown(line), where=f"{name}, line {number}"))
    if where:
        yield where, header, body


def _chain(where: str, header: str, body: list[str]) -> Chain:
    """One record as a chain."""
    below = "".join(line for line in body if _LABELS.fullmatch(line))
    sequence = "".join(line for line in body if not _LABELS.fullmatch(line))
    name, fields = read_header(header)
    labels = labels_of(fields, below, len(sequence), where)
    if labels is None:
        rule = "be given in a line below the sequence, one 0, 1 or - a residue"
        raise DataError(fault("labels", rule, None, where=where))
    return build_chain(
        Record(
            sequence,
            where,
            name=name,
            ligand=fields.get("ligand"),
            labels=labels,
        )
    )
