"""FASTA with labels: below each header the sequence, and below that a line of labels.

One label per residue: ``1`` binding, ``0`` not, ``-`` unknown; sequence and labels may be wrapped
(see ``fasta_tracks``), and lines after ``;`` are comments. The header may have fields
``KEY=value``, keys in any case: ``SET`` and ``VALIDATION`` give the split, ``TARGET`` the labels,
``MASK`` the residues whose labels are known (1), ``ligand`` the ligand. A field without a key,
``>id|1|training`` or ``>id test``, that is only the name of a split gives the split too.

Sources: CAID's references, Necci et al. 2021, doi:10.1038/s41592-021-01117-3; biotrainer, Sanchez
et al., github.com/sacdallago/biotrainer; iFeature, Chen et al. 2018,
doi:10.1093/bioinformatics/bty140.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from objectives.data.chain import IGNORED, Chain
from objectives.data.errors import Dropped, RecordErrors, shown
from objectives.data.formats.fasta import open_lines
from objectives.data.formats.fasta_tracks import LABELS, part_lines, wrapped_at
from objectives.data.formats.record import Record, read_chain
from objectives.data.formats.row_splits import RowSplits
from objectives.data.labels.binding_sites import BINDING
from objectives.data.labels.kind import LabelKind
from objectives.data.protein import STOP, is_prose
from objectives.data.split_names import hint_in, split_of, without_split
from sweep.errors import DataError, fault

SUFFIXES = (".fasta", ".fa", ".faa")

_FIELD = re.compile(r"(?:^|[\s|;,])(\w+)=([^\s|;,]*)")
_BARE = re.compile(r"[|;,]")
_LABELS = re.compile(r"[01-]+")
_MASK = re.compile(r"[01]+")


def is_mask(text: str) -> bool:
    """Whether a text is one 0 or 1 per residue."""
    return _MASK.fullmatch(text) is not None


def _read_header(header: str) -> tuple[str | None, dict[str, str]]:
    """A header's id, None if there is none, and its fields' values by key in lower case."""
    words = header.split(maxsplit=1)
    fields = {key.lower(): value for key, value in _FIELD.findall(header)}
    named = _split_without_key(header)
    if named:
        fields["set" if "set" not in fields else "split"] = named
    return (words[0] if words else None), fields


def _split_without_key(header: str) -> str:
    """The field that is only the name of a split, understood or not; empty if there is none."""
    own, *rest = _BARE.split(header)
    fields = (part.strip() for part in [*own.split(maxsplit=1)[1:], *rest])
    return next((name for name in fields if _is_split(name)), "")


def _is_split(name: str) -> bool:
    hint = hint_in(name)
    return hint == name.lower() if hint else bool(split_of(name)) and not without_split(name)


def labels_of(fields: Mapping[str, str], below: str, length: int, where: str) -> list[str] | None:
    """The labels of a record, from the lines below its sequence or from its header.

    Args:
        fields: of the header.
        below: the label lines, joined; empty if there are none.
        length: residues of the sequence.
        where: the record, for messages.

    Returns:
        One label per residue as text, ``IGNORED`` where masked; None if the record has none.

    Raises:
        DataError: if header and lines disagree, or ``TARGET`` or ``MASK`` is malformed.
    """
    target, mask = fields.get("target"), fields.get("mask")
    faults = []
    if target is not None and not _LABELS.fullmatch(target):
        rule = "be one 0, 1 or - a residue"
        faults.append(fault("TARGET", rule, shown(target), where=where))
    elif target is not None and below and below != target:
        rule = "be the labels below the sequence"
        faults.append(fault("TARGET", rule, shown(target), where=where))
    if mask is not None and (not is_mask(mask) or len(mask) != length):
        rule = f"be one 0 or 1 a residue ({length})"
        faults.append(fault("MASK", rule, shown(mask), where=where))
    if faults:
        raise DataError(faults)
    text = below or target
    if not text:
        return None
    counts = mask or "1" * len(text)
    return [
        str(IGNORED) if label == "-" or kept == "0" else label
        for label, kept in zip(text, counts.ljust(len(text), "1"), strict=False)
    ]


def read_fasta_labels(
    path: Path, name: str, problems: RecordErrors, kind: LabelKind = BINDING
) -> list[Chain]:
    """Read one file.

    Args:
        path: the file, plain or compressed.
        name: its name in messages.
        problems: collects the errors of bad records, which are left out.
        kind: of the labels, 0 and 1.

    Returns:
        The valid records in file order.
    """

    def parser(blocks: Sequence[Block]) -> ParseBlock:
        widths = {width for block in blocks if (width := wrapped_at(block.body))}
        return lambda block: _record(block, name, widths)

    return read_blocks(path, name, problems, kind, parser)


def read_blocks(
    path: Path,
    name: str,
    problems: RecordErrors,
    kind: LabelKind,
    parser: Callable[[Sequence[Block]], ParseBlock],
) -> list[Chain]:
    """Read one file whose records are parsed by a function that ``parser`` makes.

    Args:
        path: the file, plain or compressed.
        name: its name in messages.
        problems: collects the errors of bad records, which are left out.
        kind: of the labels.
        parser: takes all blocks of the file, and gives a function from a block to its record.

    Returns:
        The valid records in file order.
    """
    try:
        with open_lines(str(path)) as (lines, _):
            blocks = list(blocks_of(lines, name))
    except DataError as error:
        problems.files.extend(error.faults)
        return []
    except (OSError, EOFError) as error:
        problems.files.append(fault("file", "be readable", str(error), where=name))
        return []
    parse = parser(blocks)
    chains = []
    splits = RowSplits()
    for block in blocks:
        splits.note(f"{name}, line {block.number}", block.fields)
        try:
            record = parse(block)
        except DataError as error:
            problems.add_record(error.faults, Dropped(block.id or "", ""))
            continue
        chain = read_chain(record, problems, kind)
        if chain is not None:
            chains.append(chain)
    return splits.place(chains, problems)


def has_labels(path: Path) -> bool:
    """Whether the first record of a file has labels; True for a file that cannot be read."""
    try:
        with open_lines(str(path)) as (lines, name):
            block = next(blocks_of(lines, name), None)
    except (OSError, DataError):  # reported when the file is read
        return True
    if block is None:
        return False
    return "target" in block.fields or any(LABELS.fullmatch(text) for _, text in block.body)


@dataclass(frozen=True)
class Block:
    """The lines of one record."""

    number: int  # line number of the header
    id: str | None  # first word of the header; None if there is none
    fields: dict[str, str]  # of the header, by key
    body: list[tuple[int, str]] = field(default_factory=list)  # the lines below, with their numbers


ParseBlock = Callable[[Block], Record]


def blocks_of(lines: Iterator[str], name: str) -> Iterator[Block]:
    """Group the lines of a file by header."""
    block: Block | None = None
    for number, raw in enumerate(lines, start=1):
        line = raw.strip()
        if line.startswith(">"):
            if block is not None:
                yield block
            block = Block(number, *_read_header(line[1:].strip()))
        elif line and not line.startswith(";"):
            if block is None:
                rule = "begin with a header, '>' and an id"
                raise DataError(fault("file", rule, shown(line), where=f"{name}, line {number}"))
            block.body.append((number, line if is_prose(line) else "".join(line.split())))
    if block is not None:
        yield block


def _record(block: Block, name: str, widths: set[int]) -> Record:
    """Parse one block into a record."""
    where = f"{name}, line {block.number}"
    sequence, below = part_lines(block.body, name, widths)
    labels = labels_of(block.fields, below, len(sequence.rstrip(STOP)), where)
    if labels is None:
        rule = "be given in a line below the sequence, one 0, 1 or - a residue"
        raise DataError(fault("labels", rule, None, where=where))
    return Record(sequence, where, name=block.id, ligand=block.fields.get("ligand"), labels=labels)
