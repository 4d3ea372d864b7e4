"""Errors of the input data, collected while reading so that all are reported at once."""

from __future__ import annotations

import reprlib
from collections.abc import Iterable
from dataclasses import dataclass, field

from sweep.errors import DataError, fault

SHOWN = 20  # number of errors printed in full; the others are only counted


class FileFaultError(DataError):
    """A record reveals an error of the whole file, such as positions counted from 0."""


@dataclass(frozen=True)
class Dropped:
    """What could be read of a bad record that is left out.

    The lost record may have listed binding residues. So in other records of the same chain, a
    residue labelled as not binding is masked as unknown (``mask_dropped``).
    """

    name: str  # its id; empty if unknown
    sequence: str  # its sequence; empty if unreadable
    binding: tuple[int, ...] | None = None  # its 0-based binding residues; None if unreadable


@dataclass
class RecordErrors:
    """Errors, counts and notes collected while reading one data source.

    Bad records can be skipped on request. A bad file (unreadable, a missing column) cannot,
    because it would be unknown how many records are lost.
    """

    records: list[str] = field(default_factory=list)  # one text per bad record, with file and line
    files: list[str] = field(default_factory=list)  # errors of whole files
    # left undetermined, such as uncertain positions
    counts: dict[str, int] = field(default_factory=dict)
    # records by split and file
    read: dict[str, dict[str, int]] = field(default_factory=dict, compare=False)
    notes: list[str] = field(default_factory=list, compare=False)  # remarks that are no errors
    dropped: list[Dropped] = field(default_factory=list)  # readable in part
    _told: set[str] = field(default_factory=set, compare=False, repr=False)

    def count(self, what: str, number: int = 1) -> None:
        """Add to a count; a zero adds no entry."""
        if number:
            self.counts[what] = self.counts.get(what, 0) + number

    def add_record(self, faults: Iterable[str], dropped: Dropped | None = None) -> None:
        """Add one bad record: all its errors, and what could be read of it."""
        self.records.append(" ".join(faults))
        if dropped is not None:
            self.dropped.append(dropped)

    def add_fault_shown_by(self, error: FileFaultError, file: str) -> None:
        """Add an error of a whole file once, however many of its records reveal it."""
        if file not in self._told:
            self._told.add(file)
            self.files.extend(error.faults)

    def settle(self, source: str, *, skip_bad: bool, sound: bool = True) -> tuple[str, ...]:
        """Raise the collected errors, or return the bad records if they are to be skipped.

        Args:
            source: the source as the user wrote it, for the message.
            skip_bad: skip bad records instead of raising.
            sound: whether any record is valid; if none is, the message does not offer skipping.

        Returns:
            One text per skipped record; empty if there were no errors.

        Raises:
            DataError: with all errors (the first ``SHOWN`` in full), unless only records are
                bad and ``skip_bad`` is set.
        """
        if not self.files and (skip_bad or not self.records):
            return tuple(self.records)
        faults = [*self.files, *self.records]
        skipping = "" if self.files or not sound else ", or leave these records out with --skip-bad"
        rule, way_out = "hold no bad file or record", f"Correct them{skipping}"
        head = fault("data", rule, f"{len(faults)} bad", where=source, way_out=way_out)
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
    """A value shortened for the ``got`` part of an error message.

    Returns:
        The value itself if it is short, else an object whose ``repr`` is its beginning. Nesting
        too deep for ``repr`` gives the name of its type.
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
    except (ValueError, RecursionError):  # an int too long for str(), or too deep nesting
        return _Raw(f"a {type(value).__name__}")


def reason(error: Exception) -> str:
    """The message of a library's exception, on one line and cut to a limited length."""
    text = " ".join(str(error).split()) or type(error).__name__
    return text if len(text) <= _REASON else text[:_REASON] + "..."


def listed(values: Iterable[object], most: int = 5) -> str:
    """The first few of several values as text, for messages."""
    each = [str(value) for value in values]
    more = f" and {len(each) - most} more" if len(each) > most else ""
    return ", ".join(each[:most]) + more
