"""The standard streams: reports, messages, logging, and errors of writing."""

from __future__ import annotations

import contextlib
import errno
import io
import json
import logging
import os
import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sweep.cli.options import Serving
from sweep.errors import SweepError, fault
from sweep.files.strict_json import strict_document
from sweep.terminal.printable import printable

if TYPE_CHECKING:
    from rich.console import Console

_WAYS_OUT: Mapping[int, str] = {
    errno.EMFILE: "Raise the limit on open files (ulimit -n 4096), or take fewer --workers",
    errno.ENFILE: "Wait until other programs have closed files",
    errno.EAGAIN: "Raise the limit on processes (ulimit -u), or take fewer --workers",
    errno.ENOMEM: "Free memory, or take fewer --workers or a smaller --pack",
    errno.ENOSPC: "Make room there",
    errno.EDQUOT: "Make room there",
    errno.EIO: "Check the disk",
    errno.EROFS: "Name a place that can be written",
    errno.EACCES: "Check your rights to it",
    errno.EPERM: "Check your rights to it",
}
"""Advice for each error of a machine's limits or disks."""


def prepare() -> None:
    """Open missing standard streams, and let stdout and stderr write any text."""
    for number in range(3):
        try:
            os.fstat(number)
        except OSError:  # closed: the next open file, such as a database, would get its number
            os.set_inheritable(os.open(os.devnull, os.O_RDWR), True)
    if sys.stderr is None:  # print() would use stdout instead
        sys.stderr = Path(os.devnull).open("w", encoding="utf-8")  # noqa: SIM115 - open until exit
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def require_surroundings() -> None:
    """Refuse, with a ``SweepError``, to start without stdout or a current folder."""
    if sys.stdout is None:
        way_out = "Send it to a file, or to /dev/null"
        raise SweepError(fault("stdout", "be open", "closed", way_out=way_out))
    try:
        Path.cwd()
    except OSError as error:
        rule, said = "be one that exists", error.strerror or str(error)
        way_out = "Change to one that does (cd)"
        raise SweepError(fault("the current folder", rule, said, way_out=way_out)) from error


def log_to_stderr() -> None:
    """Write the framework's log messages to stderr."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(_Formatter("lorasweep: %(message)s"))
    logging.basicConfig(handlers=[handler], level=logging.INFO)


class _Formatter(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        return printable(super().format(record), keep="\n\t")


def say(text: str) -> None:
    """Print a message to stderr."""
    for line in text.split("\n"):
        print(f"lorasweep: {printable(line)}", file=sys.stderr)


class ReaderLeft(BrokenPipeError):  # noqa: N818 - not an error
    """The reader of stdout has closed it."""


@contextlib.contextmanager
def to_stdout() -> Iterator[None]:
    """Write to stdout, and flush it at the end of the context.

    Raises:
        ReaderLeft: if the reader has closed it.
        SweepError: if it cannot be written.
    """
    try:
        try:
            yield
        finally:
            if sys.stdout is not None:
                sys.stdout.flush()
    except BrokenPipeError as error:
        give_up()
        raise ReaderLeft from error
    except OSError as error:
        give_up()
        said = error.strerror or str(error)
        raise SweepError(fault("stdout", "take what is printed", said)) from error


def give_up() -> None:
    """Discard unwritten output of both streams, which Python would try to write at exit."""
    for stream in (sys.stdout, sys.stderr):
        try:
            if stream is not None:
                stream.flush()
        except OSError:
            with contextlib.suppress(OSError):
                os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())


def lacking(error: OSError | MemoryError) -> str:
    """The limit of the machine that an error reports, as a sentence; empty for another error."""
    number = errno.ENOMEM if isinstance(error, MemoryError) else error.errno
    if number is None or number not in _WAYS_OUT:
        return ""
    where = "" if isinstance(error, MemoryError) else str(error.filename or "")
    rule = "give the command what it needs"
    said = os.strerror(number)
    return fault("this machine", rule, said, where=where, way_out=_WAYS_OUT[number])


def show(
    report: Mapping[str, Any],
    printer: Callable[[Mapping[str, Any], Console], None],
    *,
    as_json: bool,
) -> None:
    """Print a report: as one JSON document, or as text by its printer.

    In JSON, numbers that are not finite become null and are listed under ``not_finite``.

    Args:
        report: the report.
        printer: prints the report as text.
        as_json: whether to print JSON.

    Raises:
        SweepError: if stdout cannot be written.
    """
    from sweep.terminal.console import make_console  # rich loads slowly

    with to_stdout():
        if as_json:
            print(json.dumps(strict_document(report), allow_nan=False))
        else:
            printer(report, make_console())


def announce(url: str, options: Serving) -> None:
    """Print a server's URL, as text or JSON, and open it if asked."""
    import webbrowser

    show({"url": url}, lambda tree, console: console.print(tree["url"]), as_json=options.json)
    say("Ctrl-C ends it")
    if options.open:
        webbrowser.open(url)
