"""What is wrong with the input, collected so that a person sees all of it at once."""

from __future__ import annotations

import reprlib
from collections.abc import Iterable
from dataclasses import dataclass, field

from sweep.errors import DataError, fault
from sweep.terminal.printable import printable as _printable

SHOWN = 20
"""Faults printed in full; the rest is a count, so that the first ones stay on the screen."""


class FileFaultError(DataError):
    """A record shows a fault of the whole file, such as positions that are counted from 0."""


@dataclass(frozen=True)
class Dropped:
    """What is known of a record that is left out.

    Other records of the same chain say nothing of what it said: there, residues that do not bind
    as far as they tell are unknown.

    Attributes:
        name: its id; empty if unknown.
        sequence: its sequence; empty if it cannot be read.
        binding: the 0-based residues that it says bind; None if they cannot be read.
    """

    name: str
    sequence: str
    binding: tuple[int, ...] | None = None


@dataclass
class RecordErrors:
    """Faults met while reading one source.

    A bad record can be skipped on request; a bad file (unreadable, a column missing)
    cannot, because nothing would say what was lost.

    Attributes:
        records: one text per bad record, each naming file and line.
        files: faults of whole files.
        counts: what the source itself leaves open, by name; no fault of anybody's.
        read: records by split and file, as they were read.
        notes: what a person should know of the data, and no fault.
        dropped: the bad records of which it is known what chain they are of.
    """

    records: list[str] = field(default_factory=list)
    files: list[str] = field(default_factory=list)
    counts: dict[str, int] = field(default_factory=dict)
    read: dict[str, dict[str, int]] = field(default_factory=dict, compare=False)
    notes: list[str] = field(default_factory=list, compare=False)
    dropped: list[Dropped] = field(default_factory=list)
    _told: set[str] = field(default_factory=set, compare=False, repr=False)

    def count(self, what: str, number: int = 1) -> None:
        """Add to a count; one of nothing is not kept."""
        if number:
            self.counts[what] = self.counts.get(what, 0) + number

    def add_record(self, faults: Iterable[str], dropped: Dropped | None = None) -> None:
        """Note one bad record with everything found wrong in it, and what chain it is of."""
        self.records.append(" ".join(faults))
        if dropped is not None:
            self.dropped.append(dropped)

    def add_fault_shown_by(self, error: FileFaultError, file: str) -> None:
        """Note a fault of a whole file once, however many of its records show it."""
        if file not in self._told:
            self._told.add(file)
            self.files.extend(error.faults)

    def add_file(self, text: str) -> None:
        """Note a fault of a whole file."""
        self.files.append(text)

    def add_files(self, faults: Iterable[str]) -> None:
        """Note faults of whole files."""
        self.files.extend(faults)

    def settle(self, source: str, *, skip_bad: bool, sound: bool = True) -> tuple[str, ...]:
        """Decide what the faults mean once everything is read.

        Args:
            source: the source as the user wrote it, for the message.
            skip_bad: go on without the bad records.
            sound: whether any record is sound; if none is, leaving the bad ones out is no way out.

        Returns:
            The bad records, one text each; empty when there were none.

        Raises:
            DataError: with every fault (at most ``SHOWN`` of them in full), unless only
                records are bad and they are to be skipped.
        """
        if not self.files and (skip_bad or not self.records):
            return tuple(self.records)
        faults = [*self.files, *self.records]
        head = fault(
            "data",
            "hold no bad file or record",
            f"{len(faults)} bad",
            where=source,
            way_out="Correct them"
            + ("" if self.files or not sound else ", or leave these records out with --skip-bad"),
        )
        shown = faults[:SHOWN]
        if len(faults) > SHOWN:
            shown.append(f"and {len(faults) - SHOWN} more")
        raise DataError([head, *shown])


_LENGTH = 80
_REASON = 200
_BITS = 128


class _Raw(str):
    """Text that is its own ``repr``."""

    __slots__ = ()

    def __repr__(self) -> str:
        return str(self)


def shown(value: object) -> object:
    """A value for the ``got`` of a fault.

    A whole sequence, or lists within lists beyond what ``repr`` can follow, would bury the
    sentence around them.

    Returns:
        The value itself where it is short, else something that prints as its beginning.
    """
    if isinstance(value, str):
        return value if len(value) <= _LENGTH else value[:_LENGTH] + "..."
    if value is None or isinstance(value, float):
        return value
    if isinstance(value, int) and value.bit_length() <= _BITS:
        return value
    short = reprlib.Repr()
    short.maxlong = short.maxother = short.maxstring = _LENGTH
    try:
        return _Raw(short.repr(value))
    except (ValueError, RecursionError):  # integers beyond what Python prints
        return _Raw(f"a {type(value).__name__}")


def reason(error: Exception) -> str:
    """What a library says about a failure, on one line of bearable length."""
    text = " ".join(str(error).split()) or type(error).__name__
    return text if len(text) <= _REASON else text[:_REASON] + "..."


def printable(text: str) -> str:
    """A file name that a terminal can show, whatever bytes it holds."""
    return _printable(text)
