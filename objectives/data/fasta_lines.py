"""The lines of a text file, plain or compressed, from a path or from standard input."""

from __future__ import annotations

import io
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import cast

from objectives.data.open_file import open_text
from objectives.data.shown import printable, reason
from sweep.errors import DataError, fault

STDIN = "-"

LONGEST = 10_000_000
"""Characters of one record; the longest protein known has some 45 000 residues."""


@contextmanager
def open_lines(path: str) -> Iterator[tuple[Iterator[str], str]]:
    """Open a file for reading line by line, decompressed.

    Args:
        path: a file, or ``-`` for standard input, which is left open.

    Yields:
        The lines, of any line ends, with bytes that are no UTF-8 as surrogates; and the name
        of the file for messages.

    Raises:
        DataError: if it cannot be opened, or holds something else by its first bytes.
    """
    name = "standard input" if path == STDIN else printable(Path(path).name)
    stream = _standard_input() if path == STDIN else _open(path)
    with ExitStack() as stack:
        if path != STDIN:
            stack.callback(stream.close)
        try:
            # Undecodable bytes are told where they stand, not for the whole buffer they are in.
            text = stack.enter_context(open_text(stream, name, errors="surrogateescape"))
        except OSError as error:
            told = fault("FASTA", "be a file that can be read", reason(error), where=name)
            raise DataError(told) from error
        yield _bounded(text, name), name


def _bounded(text: io.TextIOBase, name: str) -> Iterator[str]:
    """The lines, as long as no record is longer than any protein; memory is bounded so.

    Raises:
        DataError: at the line where a record gets too long.
    """
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
    if sys.stdin is None:  # closed by whoever started us
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
