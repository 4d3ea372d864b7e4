"""The verb ``predict``: binding residues of the chains of a FASTA file, with a stored adapter."""

from __future__ import annotations

import contextlib
import io
import re
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, TextIO

from sweep.cli.options import VerbOptions, argument, flag, option
from sweep.cli.streams import say, show, to_stdout
from sweep.errors import StorageError, UsageError, fault
from sweep.files.atomic import replacing, write_file

SUFFIXES = {".tsv": "tsv", ".json": "json", ".gff3": "gff3", ".gff": "gff3"}
ARGMAX = 0.5


@dataclass(kw_only=True)
class PredictOptions(VerbOptions):
    """The options of ``predict``."""

    fasta: str = argument("chains, plain or gzipped; - reads a pipe", "FASTA")
    adapter: str = option("the adapter's folder", "DIR", default=...)
    out: str | None = option("a .tsv, .json or .gff3 file (TSV on stdout)", "FILE")
    threshold: str | None = option(
        "call residues above this probability, argmax for 0.5 (adapter's)", "P"
    )
    html: str | None = option("draw one chain as a page; alone, predict no other chain", "FILE")
    chain: str | None = option(
        "the chain to draw, the first word of its header (the first chain)", "ID"
    )
    base: str | None = option(
        "where the base is: a folder or a Hub name (where the trial had it)", "MODEL"
    )
    format: Literal["tsv", "json", "gff3"] | None = option(
        "tsv, json or gff3, whatever the suffix of --out", "FORM", any_case=True
    )
    device: str = option("auto, cpu, cuda or cuda:N", "NAME", default="auto")
    skip_bad: bool = flag("leave out, count and list bad records instead of stopping at them")
    allow_pickle: bool = flag("load a base's pickled weights, which can run any code")
    trust_remote_code: bool = flag("run the code that a base brings along")
    json: bool = flag("print one JSON document, a summary; with --out or --html")


@dataclass(frozen=True)
class _Wanted:
    """What to write; without ``results`` only a page, and without ``out`` to stdout."""

    form: str
    results: bool
    out: Path | None
    page: Path | None
    threshold: float | None


def _wanted(options: PredictOptions) -> _Wanted:
    """What the options say to write; raises all their faults."""
    threshold, faults = _threshold(options.threshold)
    form: str | None = options.format
    wrong = _file_faults("--out", options.out, options.fasta)
    if form is None and options.out is not None and not wrong:
        form = SUFFIXES.get(Path(options.out).suffix.lower())
        if form is None:
            rule, way_out = f"end in {', '.join(SUFFIXES)}", "Or say what it is with --format"
            wrong.append(fault("--out", rule, options.out, way_out=way_out))
    faults += wrong + _file_faults("--html", options.html, options.fasta)
    if options.out is not None and options.out == options.html:
        faults.append(fault("--html", "be another file than --out", options.html))
    if options.json and options.out is None and options.html is None:
        faults.append(fault("--out", "be given with --json, which prints a summary", None))
    if options.chain is not None and options.html is None:
        rule, way_out = "be given with --html", "It names the chain to draw"
        faults.append(fault("--chain", rule, options.chain, way_out=way_out))
    if not re.fullmatch(r"auto|cpu|cuda(:\d+)?", options.device):
        rule = "be 'auto', 'cpu', 'cuda' or 'cuda:N'"
        faults.append(fault("--device", rule, options.device))
    if faults:
        raise UsageError(faults)
    alone = options.html is not None and options.out is None
    alone = alone and (options.format is None or options.json)
    out, page = (None if n is None else Path(n) for n in (options.out, options.html))
    return _Wanted(form or "tsv", not alone, out, page, threshold)


def _threshold(text: str | None) -> tuple[float | None, list[str]]:
    if text is None or text == "argmax":
        return (None if text is None else ARGMAX), []
    try:
        number = float(text)
    except ValueError:
        number = 0.0
    if 0 < number < 1:
        return number, []
    rule = "be a probability above 0 and below 1, or argmax, which is 0.5"
    return None, [fault("--threshold", rule, text)]


def _file_faults(option: str, name: str | None, fasta: str) -> list[str]:
    """Why a file cannot be written: it would replace something else, or has no folder."""
    if name is None:
        return []
    path = Path(name)
    try:
        if path.exists() and not path.is_file():
            got = "a folder" if path.is_dir() else "a device or a pipe"
            way_out = "" if path.is_dir() else "Without --out, results go to stdout"
            return [fault(option, "be a file", name, where=f"it is {got}", way_out=way_out)]
        if path.exists() and Path(fasta).exists() and path.samefile(fasta):
            return [fault(option, "be another file than the FASTA file", name)]
        if not path.parent.is_dir():
            return [fault(option, "be in a folder that exists", name)]
    except (OSError, ValueError) as error:  # too long, or not permitted
        return [fault(option, "be a path", name, where=str(error))]
    return []


def predict(options: PredictOptions) -> int:
    """Predict the residues that bind, by a kept adapter."""
    from sweep.cli.progress_bars import residue_bar

    asked: _Wanted = _wanted(options)
    with _ending_tidily():
        from objectives.binding.predict.job import Job, Request

        job = Job(
            Request(
                adapter=options.adapter,
                fasta=options.fasta,
                threshold=asked.threshold,
                base=options.base,
                device=options.device,
                skip_bad=options.skip_bad,
                allow_pickle=options.allow_pickle,
                trust_remote_code=options.trust_remote_code,
                page=asked.page is not None,
                chain=options.chain,
            )
        )
        for note in job.notes:
            say(note)
        total = job.residues if asked.results else None
        with _results(asked.results, asked.out) as out, residue_bar(total, out) as tell:
            report = dict(job.run(out, asked.form, tell))
        if asked.page is not None:
            _write_page(asked.page, job.page())
    report |= {
        "format": asked.form if asked.results else None,
        "out": options.out,
        "html": options.html,
    }
    if options.json:
        show(report, lambda *_: None, as_json=True)
    _say_what_was_done(report)
    return 0


@contextlib.contextmanager
def _results(asked: bool, path: Path | None) -> Iterator[TextIO | None]:  # noqa: FBT001
    """Open the stream for results; a file replaces an existing one once it is complete."""
    if not asked:
        yield None
    elif path is None:
        if isinstance(sys.stdout, io.TextIOWrapper):
            sys.stdout.reconfigure(encoding="utf-8", newline="\n")
        with to_stdout():
            yield sys.stdout
    else:
        with (
            replacing(path) as scratch,
            scratch.open("w", encoding="utf-8", newline="\n") as file,
        ):
            yield file


def _write_page(path: Path, text: str) -> None:
    try:
        write_file(path, text.encode())
    except OSError as error:
        said = error.strerror or str(error)
        rule, way_out = "be a file that can be written", "Check the path and your rights to it"
        text = fault("--html", rule, str(path), where=said, way_out=way_out)
        raise StorageError(text) from error


@contextlib.contextmanager
def _ending_tidily() -> Iterator[None]:
    """Let a signal that asks to stop raise at once: reading a pipe may block for long."""
    import signal
    import threading

    from sweep.signals import ASKING, Interruption

    def end(number: int, frame: object) -> None:
        del frame
        raise Interruption(number)

    before: dict[int, Any] = {}
    if threading.current_thread() is threading.main_thread():
        for number in ASKING:
            if signal.getsignal(number) is not signal.SIG_IGN:  # nohup ignores SIGHUP
                before[number] = signal.signal(number, end)
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _say_what_was_done(report: Mapping[str, Any]) -> None:
    from sweep.cli.progress_bars import grouped
    from sweep.terminal.console import duration

    for bad in report["skipped_bad"]:
        say(f"skipped: {bad}")
    more = report["skipped"] - len(report["skipped_bad"])
    if more:
        say(f"skipped: and {more} more")
    chains, residues = report["chains"], report["residues"]
    done = f"{grouped(residues)} residues of {grouped(chains)} chain{'s' * (chains != 1)}"
    rate = grouped(round(report["residues_per_second"]))
    took = f"{duration(report['seconds'])} ({rate} residues/s)"
    say(f"{done}, {grouped(report['called'])} called, in {took}")
    for name in ("out", "html"):
        if report[name] is not None:
            say(f"wrote {report[name]}")
