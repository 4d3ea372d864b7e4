"""Separate the lines below a FASTA header into sequence and labels, both possibly wrapped.

Sequence lines come first, then lines of ``0``, ``1`` and ``-``; both have the same total length.
Records with more tracks (header, sequence, structure, labels, mask) also have equal totals and
would be misread as a protein of twice the length. Their lines are each as long as the chain,
while wrapped lines have the width used throughout the file. So lines that could be several tracks
are read as wrapped only if another record of the file is certainly wrapped at that width, and if
the later lines are not secondary structure.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import accumulate

from objectives.data.errors import shown
from sweep.errors import DataError, fault

Line = tuple[int, str]  # a line's number in its file, and its text without blanks
LABELS = re.compile(r"[01-]+")
_STRUCTURE = re.compile(r"[HECBGITSLP~-]+", re.IGNORECASE)
_WAY_OUT = "Under each header write the sequence in one line and its labels in the next"


def part_lines(body: Sequence[Line], name: str, widths: set[int]) -> tuple[str, str]:
    """The sequence and the labels of a record, each joined to one text.

    Args:
        body: the lines below its header.
        name: of the file, for messages.
        widths: line widths at which records of the file are certainly wrapped.

    Raises:
        DataError: naming the first line that is neither sequence nor labels.
    """
    sequence, labels = _parts(body)
    rest = body[len(sequence) + len(labels) :]
    if rest and labels:
        first = labels[0] if not sequence else rest[0]
        above = "the sequence above its labels" if not sequence else "labels, one 0, 1 or - each"
        raise _odd(first, f"hold {above}", name)
    wanted, got = _total(sequence), _total(labels)
    if labels and wanted != got:
        for lines, other in ((sequence, got), (labels, wanted)):
            extra = _line_beyond(lines, other)
            if extra is not None:
                rule = f"belong to the sequence or its labels, which have {other} letters above"
                raise _odd(extra, rule, name)
    tracks = _tracks(sequence, labels)
    if tracks and wanted == got:
        per = len(sequence) // tracks
        width = len(sequence[0][1])
        structure = all(_STRUCTURE.fullmatch(text) for _, text in sequence[per:])
        even = all(len(text) == width for _, text in sequence)
        if structure or not even or width not in widths:
            rule = "belong to the sequence or its labels, not to a further track of the same length"
            raise _odd(sequence[per], rule, name)
    return "".join(text for _, text in sequence), "".join(text for _, text in labels)


def wrapped_at(body: Sequence[Line]) -> int:
    """The width of a certainly wrapped record, whose last line is shorter; 0 for any other."""
    sequence, labels = _parts(body)
    lengths = [len(text) for _, text in sequence]
    if len(sequence) + len(labels) < len(body) or _total(sequence) != _total(labels):
        return 0
    wrapped = len(lengths) > 1 and len(set(lengths[:-1])) == 1 and lengths[-1] < lengths[0]
    return lengths[0] if wrapped else 0


def _parts(body: Sequence[Line]) -> tuple[list[Line], list[Line]]:
    """The lines above the first line of labels, and the run of label lines from there."""
    marks = [LABELS.fullmatch(text) is not None for _, text in body]
    start = marks.index(True) if True in marks else len(body)
    stop = marks.index(False, start) if False in marks[start:] else len(body)
    return list(body[:start]), list(body[start:stop])


def _total(lines: Sequence[Line]) -> int:
    return sum(len(text) for _, text in lines)


def _line_beyond(lines: Sequence[Line], total: int) -> Line | None:
    """The line after the first lines that together have a total length; None if there is none."""
    sums = list(accumulate(len(text) for _, text in lines))
    return lines[sums.index(total) + 1] if total in sums[:-1] else None


def _tracks(sequence: Sequence[Line], labels: Sequence[Line]) -> int:
    """The number of tracks of equal length that the lines may be, at least 2; 0 if none."""
    lengths, others = ([len(text) for _, text in lines] for lines in (sequence, labels))
    count = len(lengths)
    if lengths != others:
        return 0
    for tracks in range(2, count + 1):
        if count % tracks == 0 and lengths == lengths[: count // tracks] * tracks:
            return tracks
    return 0


def _odd(line: Line, rule: str, name: str) -> DataError:
    number, text = line
    where = f"{name}, line {number}"
    return DataError(fault("line", rule, shown(text), where=where, way_out=_WAY_OUT))
