"""Which lines under a header are the sequence and which its labels, where both may be wrapped.

Sequence lines stand first, then lines of ``0``, ``1`` and ``-``, and both are of the same total
length. Files of five lines (sequence, structure, labels, mask) have such totals too: the record
would be a protein of twice the length. There every line is as long as the chain, while the lines
of a wrapped record are as long as those of the other wrapped records of the file. So lines that
may be several tracks of one shorter chain are read as wrapped only where another record of the
file is surely wrapped at that width, and where the later ones hold no secondary structure.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import accumulate

from objectives.data.errors import shown
from sweep.errors import DataError, fault

Line = tuple[int, str]
"""The number of a line in its file, and its text without blanks."""

LABELS = re.compile(r"[01-]+")
_STRUCTURE = re.compile(r"[HECBGITSLP~-]+", re.IGNORECASE)
_WAY_OUT = "Under each header write the sequence in one line and its labels in the next"


def part_lines(body: Sequence[Line], name: str, widths: set[int]) -> tuple[str, str]:
    """The sequence and the labels under a header.

    Args:
        body: the lines below it.
        name: of the file, for messages.
        widths: at which other records of the file are surely wrapped.

    Raises:
        DataError: naming the first line that is neither.
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
    """The width at which a record is surely wrapped: its last line is shorter; 0 if it is not."""
    sequence, labels = _parts(body)
    lengths = [len(text) for _, text in sequence]
    if len(sequence) + len(labels) < len(body) or _total(sequence) != _total(labels):
        return 0
    wrapped = len(lengths) > 1 and len(set(lengths[:-1])) == 1 and lengths[-1] < lengths[0]
    return lengths[0] if wrapped else 0


def _parts(body: Sequence[Line]) -> tuple[list[Line], list[Line]]:
    """The lines above the first of labels, and those of labels from there."""
    marks = [LABELS.fullmatch(text) is not None for _, text in body]
    start = marks.index(True) if True in marks else len(body)
    stop = marks.index(False, start) if False in marks[start:] else len(body)
    return list(body[:start]), list(body[start:stop])


def _total(lines: Sequence[Line]) -> int:
    return sum(len(text) for _, text in lines)


def _line_beyond(lines: Sequence[Line], total: int) -> Line | None:
    """The line that follows where some first lines are of a total length."""
    sums = list(accumulate(len(text) for _, text in lines))
    return lines[sums.index(total) + 1] if total in sums[:-1] else None


def _tracks(sequence: Sequence[Line], labels: Sequence[Line]) -> int:
    """How many tracks of one length the lines may be, at least two; 0 if they are none."""
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
