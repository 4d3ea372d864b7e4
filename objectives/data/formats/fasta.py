"""Streaming FASTA reader: one record at a time, with the line number of each error.

Accepted: plain or compressed text, any line ends, a byte order mark, blank lines, ``;`` comments,
lower case, sequences wrapped into lines or groups, a final ``*``. Errors: text above the first
header, a header without an id, a repeated id (a table or GFF3 file could not distinguish the two
chains), no sequence, a gap, an inner ``*``, any other character that is not a letter, and text that
is not a protein sequence (``objectives.data.protein``). All 26 letters are read, as in
``objectives.data.formats.record``: B, J, O, U, X and Z are residue codes too, and the base
model's tokenizer decides how to encode them.

Why not dnaio: its records have no line numbers, and it takes ``;`` comments for residues.

Source: Pearson & Lipman 1988, doi:10.1073/pnas.85.8.2444, where lines after ``;`` are comments.
"""

from __future__ import annotations

import io
import re
import sys
import zlib
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from itertools import accumulate
from pathlib import Path
from typing import cast

from objectives.data.errors import reason, shown
from objectives.data.formats.open_file import open_text
from objectives.data.protein import STOP, is_missing, is_prose, other_kind, remedy
from sweep.errors import DataError, fault
from sweep.terminal.printable import printable

STDIN = "-"

LONGEST = 10_000_000  # most characters of a record; the longest known protein has some 45 000


@contextmanager
def open_lines(path: str) -> Iterator[tuple[Iterator[str], str]]:
    """Open a file for reading line by line, decompressed.

    Args:
        path: a file, or ``-`` for standard input, which is left open.

    Yields:
        The lines, with invalid UTF-8 as surrogates; and the name of the file for messages.

    Raises:
        DataError: if it cannot be opened, or its first bytes show that it is of another format.
    """
    name = "standard input" if path == STDIN else printable(Path(path).name)
    stream = _standard_input() if path == STDIN else _open(path)
    with ExitStack() as stack:
        if path != STDIN:
            stack.callback(stream.close)
        try:
            # Surrogates allow an error with the line of an undecodable byte.
            text = stack.enter_context(open_text(stream, name, errors="surrogateescape"))
        except OSError as error:
            problem = fault("FASTA", "be a file that can be read", reason(error), where=name)
            raise DataError(problem) from error
        yield _bounded(text, name), name


def _bounded(text: io.TextIOBase, name: str) -> Iterator[str]:
    """The lines of a stream; refuses a record of more than ``LONGEST`` characters."""
    held, number = 0, 0
    while line := text.readline(LONGEST + 2):
        number += 1
        held = len(line) + (0 if line.startswith(">") else held)
        if held > LONGEST + 1:
            rule, got = f"hold at most {LONGEST:,} characters", "more"
            way_out = "No protein is that long: check that the file is FASTA of proteins"
            where = f"{name}, line {number}"
            raise DataError(fault("a record", rule, got, where=where, way_out=way_out))
        yield line


def _standard_input() -> io.BufferedReader:
    if sys.stdin is None:  # closed by the parent process
        raise DataError(fault("FASTA", "be a file that can be read", "a closed standard input"))
    return cast("io.BufferedReader", sys.stdin.buffer)


def _open(path: str) -> io.BufferedReader:
    try:
        return Path(path).open("rb")
    except (OSError, ValueError) as error:
        got = printable(path)
        text = fault("FASTA", "be a file that can be read", got, where=reason(error))
        raise DataError(text) from error


def is_regular(path: str) -> bool:
    """Whether a path can be read twice: a file, not standard input or a pipe."""
    try:
        return path != STDIN and Path(path).is_file()
    except (OSError, ValueError):
        return False


GAPS = "-."
_WORDS = re.compile(r"[\s\x01]+")  # id and description; NCBI joins merged titles with \x01
_UNDECODED = re.compile(r"[\udc80-\udcff]")  # invalid UTF-8 bytes, decoded by ``surrogateescape``


@dataclass(frozen=True)
class FastaRecord:
    """One valid record."""

    id: str  # first word of the header
    description: str  # the rest of the header
    sequence: str  # upper-case letters A to Z, at least one
    line: int  # of the header, counted from 1
    translated: bool = field(default=False, compare=False)  # it ended in ``*``


@dataclass(frozen=True)
class BadRecord:
    """One invalid record."""

    faults: tuple[str, ...]  # its errors, one sentence each, with file and line


def read_fasta(path: str) -> Iterator[FastaRecord | BadRecord]:
    """Read a file record by record; only the current record and all ids are in memory.

    Args:
        path: a file, or ``-`` for standard input.

    Yields:
        Each record in the order of the file, valid or not.

    Raises:
        DataError: if the file cannot be read, is not FASTA or contains no record.
    """
    with open_lines(path) as (lines, name):
        yield from parse_fasta(lines, name)


def parse_fasta(lines: Iterable[str], name: str) -> Iterator[FastaRecord | BadRecord]:
    """Parse FASTA lines into records.

    Args:
        lines: with or without their ends; undecodable bytes as surrogates.
        name: of the file, for messages.

    Yields:
        See ``read_fasta``.

    Raises:
        DataError: see ``read_fasta``.
    """
    draft: _Draft | None = None
    known: dict[str, int] = {}
    for number, raw in _numbered(lines, name):
        line = raw.strip()
        if line.startswith(">"):
            if draft is not None:
                yield draft.finish(name, known)
            draft = _Draft(number, line[1:])
        elif line and not line.startswith(";"):
            if draft is None:
                raise DataError(_headless(line, f"{name}, line {number}"))
            draft.body.append((number, line))
    if draft is None:
        rule = "hold at least one record, '>' and an id with the sequence in the lines below"
        raise DataError(fault("FASTA", rule, "nothing", where=name))
    yield draft.finish(name, known)


def _numbered(lines: Iterable[str], name: str) -> Iterator[tuple[int, str]]:
    """Lines with their 1-based numbers; a read error names the last line that was read."""
    number = 0
    try:
        for number, line in enumerate(lines, start=1):
            yield number, line
    except (OSError, EOFError, zlib.error) as error:
        where = f"{name}, after line {number}"
        way_out = "Copy or download the file again"
        text = fault("FASTA", "be readable to its end", reason(error), where=where, way_out=way_out)
        raise DataError(text) from error


def _headless(line: str, where: str) -> str:
    if "\0" in line or _UNDECODED.search(line):
        rule, way_out = "be UTF-8 text, plain or compressed", "Save it as UTF-8, or unpack it"
    else:
        rule = "begin with a header, '>' and an id"
        way_out = "Put such a line above each sequence"
    return fault("FASTA", rule, shown(line), where=where, way_out=way_out)


@dataclass
class _Draft:
    """A record being read."""

    line: int  # of the header
    title: str  # the header without its ``>``
    body: list[tuple[int, str]] = field(default_factory=list)  # lines of the sequence with numbers

    def finish(self, name: str, known: dict[str, int]) -> FastaRecord | BadRecord:
        """Validate the record, and add its id and line to ``known``."""
        own, *rest = _WORDS.split(self.title.strip(), maxsplit=1)
        where = f"{name}, line {self.line}"
        faults = self._title_faults(own, where)
        if not faults:
            if own in known:
                rule = f"be unique in the file (it is also in line {known[own]})"
                faults.append(fault("id", rule, shown(own), where=where))
            known.setdefault(own, self.line)
        whole = "".join([text for _, text in self.body])
        plain = whole.isascii() and whole.isalpha()
        if not plain:
            whole = "".join(whole.split())
        sequence = whole.rstrip(STOP)
        translated = len(sequence) < len(whole)
        if not sequence:
            faults.append(fault("sequence", "hold at least one residue", whole, where=where))
        elif not translated and (problem := self._kind_fault(sequence, where)):
            faults.append(problem)
        elif not plain:
            faults += self._letter_faults(sequence, name)
        if faults:
            return BadRecord(tuple(faults))
        return FastaRecord(own, "".join(rest), sequence.upper(), self.line, translated)

    def _kind_fault(self, sequence: str, where: str) -> str:
        """The error if the sequence is clearly not a protein's; else an empty string."""
        groups = (text for _, text in self.body if not text.isalpha())
        prose = next((text for text in groups if len(text.split()) > 1 and is_prose(text)), "")
        if prose or (len(self.body) == 1 and is_missing(sequence)):
            way = f"If it is a protein, end it with '{STOP}'"
            got = shown(prose or sequence)
            return fault("sequence", "be given", got, where=where, way_out=way)
        kind = other_kind(sequence)
        if not kind:
            return ""
        rule, got = f"be a protein in one-letter codes, not {kind}", shown(sequence)
        return fault("sequence", rule, got, where=where, way_out=remedy(kind))

    def _title_faults(self, own: str, where: str) -> list[str]:
        got = shown(self.title.strip())
        if not own:
            rule = "name its record after the '>'"
        elif _UNDECODED.search(self.title):
            rule = "be UTF-8 text"
        elif not own.isprintable():
            rule = "name its record in printable characters"
        else:
            return []
        return [fault("header", rule, got, where=where)]

    def _letter_faults(self, sequence: str, name: str) -> list[str]:
        """One error per kind of invalid character, with its first position."""
        kinds = (
            (GAPS, "hold no gap", "Take the gaps of an alignment out"),
            (STOP, "hold '*' at its end only", "Translate one open reading frame, or cut it"),
        )
        letters = {each for each in sequence if not (each.isascii() and each.isalpha())}
        rest = "".join(sorted(letters - set(GAPS) - {STOP}))
        faults = []
        for kind, rule, way_out in (*kinds, (rest, "hold letters A to Z only", "")):
            held = "".join(letter for letter in kind if letter in letters)
            if held:
                at = min(sequence.index(letter) for letter in held)
                line = self._line_of(at)
                first = f"{rule} (first at residue {at + 1})"
                where = f"{name}, line {line}"
                faults.append(fault("sequence", first, shown(held), where=where, way_out=way_out))
        return faults

    def _line_of(self, residue: int) -> int:
        """The number of the line with a residue, counted from 0."""
        lengths = accumulate(len("".join(text.split())) for _, text in self.body)
        return next(
            line for (line, _), end in zip(self.body, lengths, strict=True) if residue < end
        )
