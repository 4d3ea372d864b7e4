"""Predict one FASTA file with one saved adapter."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import takewhile
from pathlib import Path
from typing import Any, TextIO

from objectives.binding.predict.adapter_folder import read_adapter
from objectives.binding.predict.formats import FORMATS, Tally
from objectives.binding.predict.html_page import About, draw
from objectives.binding.predict.predictor import Place, Predictor
from objectives.binding.predict.stream import Prediction, Tell, predict_chains
from objectives.data.formats.fasta import FastaRecord, is_regular
from objectives.lora.base.checks import Trust


@dataclass(frozen=True)
class Request:
    """What to predict."""

    adapter: str  # folder of a saved adapter
    fasta: str  # a file, or ``-`` for standard input
    threshold: float | None = None  # a call is a probability above it; None: adapter's
    base: str | None = None  # folder or name of the base model; None for that of the trial
    device: str = "auto"  # see ``BindingSettings``
    skip_bad: bool = False  # leave bad records out, instead of raising
    allow_pickle: bool = False  # see ``Trust``
    trust_remote_code: bool = False  # see ``Trust``
    page: bool = False  # whether one chain is rendered as a page
    chain: str | None = None  # id of that chain; None for the first


class Job:
    """Predictions for one FASTA file, validated as far as possible beforehand.

    A regular file is read once before the base model is loaded, so that all its errors are
    reported before any result is written, and the number of residues is known. A pipe can be
    read only once: its errors are reported at the end, and the output is then incomplete.

    Args:
        request: what to predict.

    Raises:
        SpecError: if the adapter or its base cannot be used.
        DataError: if the file has bad records that are not to be skipped, no valid record, or
            not the chain asked for.
    """

    def __init__(self, request: Request) -> None:
        self._request = request
        self._kept = read_adapter(Path(request.adapter))
        # the probability above which a residue is called, and where it comes from, as text
        self.threshold, self.threshold_from = _threshold(request.threshold, self._kept.threshold)
        self.residues: int | None = None  # of all chains; None if unknown before the end
        self._letters = ""
        if is_regular(request.fasta):
            tally = Tally(wanted=self._request.chain)
            for _ in tally.sound(request.fasta):
                pass
            tally.settle(request.fasta, skip_bad=request.skip_bad)
            self.residues = tally.residues
            self._letters = tally.letters.note()
        trust = Trust(request.allow_pickle, request.trust_remote_code)
        self._predictor = Predictor(self._kept, Place(request.base, request.device, trust))
        self._drawn: Prediction | None = None

    @property
    def notes(self) -> list[str]:
        """Remarks for the user before the results."""
        notes = [f"calls residues above {self.threshold:.6g} ({self.threshold_from})"]
        if self._letters:
            notes.append(f"reads chains that may be no proteins, a set {self._letters}")
        here, trained = self._predictor.precision.dtype_name, self._kept.compute_dtype
        if here != trained:
            notes.append(f"computes in {here}, where the adapter was trained in {trained}")
        return notes

    def run(self, out: TextIO | None, form: str, tell: Tell) -> dict[str, Any]:
        """Predict all chains, and write each as soon as it is predicted.

        Args:
            out: the output file; None to predict only the chain of the page.
            form: name of the output format, one of ``formats.FORMATS``.
            tell: called with the number of residues predicted, for a progress bar.

        Returns:
            A summary as JSON values.

        Raises:
            DataError: if a pipe has bad records, or not the chain of the page.
            TrialError: if the model's logits are NaN or infinite.
        """
        started = time.perf_counter()
        tally, writer = Tally(wanted=self._request.chain), FORMATS[form]()
        records = tally.sound(self._request.fasta)
        chosen = records if out is not None else self._drawn_alone(records)
        sound = chosen if self._request.skip_bad else takewhile(lambda _: not tally.bad, chosen)
        done = {"chains": 0, "residues": 0, "called": 0}
        if out is not None:
            out.write(writer.head())
        for made in predict_chains(sound, self._predictor, self.threshold, tell):
            if out is not None:
                out.write(writer.chain(made))
            done["chains"] += 1
            done["residues"] += len(made.called)
            done["called"] += int(made.called.sum())
            self._look(made)
        for _ in records:  # read to the end, to report all errors of a pipe together
            pass
        tally.settle(self._request.fasta, skip_bad=self._request.skip_bad)
        if out is not None:
            out.write(writer.tail())
        seconds = time.perf_counter() - started
        return {
            "adapter": self._request.adapter,
            "base": self._predictor.base,
            "fasta": self._request.fasta,
            **done,
            "skipped": tally.bad,
            "skipped_bad": tally.errors,
            "threshold": self.threshold,
            "threshold_from": self.threshold_from,
            "device": str(self._predictor.precision.device),
            "compute_dtype": self._predictor.precision.dtype_name,
            "seconds": seconds,
            "residues_per_second": done["residues"] / seconds,
        }

    def page(self) -> str:
        """The chain asked for as an HTML page; call it only after ``run``.

        Raises:
            RuntimeError: if no chain was predicted for a page.
        """
        if self._drawn is None:
            raise RuntimeError("a page must be asked for before the run, and drawn after it.")
        kept, dtype = self._kept, self._predictor.precision.dtype_name
        adapted = f"{kept.config.targets}, rank {kept.config.rank}"
        facts = {
            "Adapter": self._request.adapter,
            "Adapted": adapted if kept.config.modules else "the head alone",
            "Base": f"{self._predictor.base}, computed in {dtype}",
            "Sequences": self._request.fasta,
        }
        return draw(self._drawn, About(facts, self.threshold_from))

    def _look(self, made: Prediction) -> None:
        """Store the prediction of the chain that is to be rendered as a page."""
        request = self._request
        wanted = made.record.id if request.chain is None else request.chain
        if request.page and self._drawn is None and made.record.id == wanted:
            self._drawn = made

    def _drawn_alone(self, records: Iterable[FastaRecord]) -> Iterator[FastaRecord]:
        for record in records:
            if self._request.chain in (None, record.id):
                yield record
                return


def _threshold(asked: float | None, kept: float) -> tuple[float, str]:
    if asked is not None:
        return asked, "as asked for"
    return kept, "the adapter's, with the best MCC on its validation chains"
