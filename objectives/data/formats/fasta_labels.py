"""FASTA with labels: below each header the sequence, and below that a line of labels.

One label per residue: ``1`` binding, ``0`` not, ``-`` unknown. In the header, ``ligand=NAME`` gives
the ligand and ``SET=NAME`` the split (``objectives.data.formats.fasta_header``). Residue-level
benchmarks use this format. Sequence and labels may be wrapped into several lines
(``objectives.data.formats.fasta_tracks``); lines after ``;`` are comments.

Source: the format of CAID's references, Necci et al. 2021, doi:10.1038/s41592-021-01117-3.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from objectives.data.chain import Chain
from objectives.data.errors import Dropped, RecordErrors, shown
from objectives.data.formats.fasta import open_lines
from objectives.data.formats.fasta_header import labels_of, read_header
from objectives.data.formats.fasta_tracks import LABELS, part_lines, wrapped_at
from objectives.data.formats.record import Record, read_chain
from objectives.data.formats.row_splits import RowSplits
from objectives.data.missing import is_prose
from objectives.data.protein import STOP
from sweep.errors import DataError, fault

SUFFIXES = (".fasta", ".fa", ".faa")


def read_fasta_labels(path: Path, name: str, problems: RecordErrors) -> list[Chain]:
    """Read one file.

    Args:
        path: the file, plain or compressed.
        name: its name in messages.
        problems: collects the errors of bad records, which are left out.

    Returns:
        The valid records in file order.
    """
    try:
        with open_lines(str(path)) as (lines, _):
            blocks = list(_blocks(lines, name))
    except DataError as error:
        problems.add_files(error.faults)
        return []
    except (OSError, EOFError) as error:
        problems.add_file(fault("file", "be readable", str(error), where=name))
        return []
    widths = {width for block in blocks if (width := wrapped_at(block.body))}
    chains = []
    splits = RowSplits()
    for block in blocks:
        splits.note(f"{name}, line {block.number}", block.fields)
        try:
            record = _record(block, name, widths)
        except DataError as error:
            problems.add_record(error.faults, Dropped(block.id or "", ""))
            continue
        chain = read_chain(record, problems)
        if chain is not None:
            chains.append(chain)
    return splits.place(chains, problems)


def has_labels(path: Path) -> bool:
    """Whether the first record of a file has labels; True for a file that cannot be read."""
    try:
        with open_lines(str(path)) as (lines, name):
            block = next(_blocks(lines, name), None)
    except (OSError, DataError):  # reported when the file is read
        return True
    if block is None:
        return False
    return "target" in block.fields or any(LABELS.fullmatch(text) for _, text in block.body)


@dataclass(frozen=True)
class _Block:
    """The lines of one record.

    Attributes:
        number: line number of the header.
        id: first word of the header; None if there is none.
        fields: of the header, by key.
        body: the lines below it that are not blank, with their numbers.
    """

    number: int
    id: str | None
    fields: dict[str, str]
    body: list[tuple[int, str]] = field(default_factory=list)


def _blocks(lines: Iterator[str], name: str) -> Iterator[_Block]:
    """Group the lines of a file by header.

    Raises:
        DataError: if there is text above the first header.
    """
    block: _Block | None = None
    for number, raw in enumerate(lines, start=1):
        line = raw.strip()
        if line.startswith(">"):
            if block is not None:
                yield block
            block = _Block(number, *read_header(line[1:].strip()))
        elif line and not line.startswith(";"):
            if block is None:
                rule = "begin with a header, '>' and an id"
                raise DataError(fault("file", rule, shown(line), where=f"{name}, line {number}"))
            block.body.append((number, line if is_prose(line) else "".join(line.split())))
    if block is not None:
        yield block


def _record(block: _Block, name: str, widths: set[int]) -> Record:
    """Parse one block into a record.

    Raises:
        DataError: if it has lines other than a sequence and its labels, or no labels.
    """
    where = f"{name}, line {block.number}"
    sequence, below = part_lines(block.body, name, widths)
    labels = labels_of(block.fields, below, len(sequence.rstrip(STOP)), where)
    if labels is None:
        rule = "be given in a line below the sequence, one 0, 1 or - a residue"
        raise DataError(fault("labels", rule, None, where=where))
    return Record(sequence, where, name=block.id, ligand=block.fields.get("ligand"), labels=labels)
