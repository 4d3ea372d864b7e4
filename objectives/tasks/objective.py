"""The objective of fine-tuning: QLoRA trials of an encoder on any task, trained in packs."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, replace
from typing import Any

import joblib
import torch

from objectives.data.similarity.grouping import clustering_tool
from objectives.lora.base.config import quiet_libraries
from objectives.lora.base.load import Precision
from objectives.lora.memory import keep_memory, peak_memory_bytes, ran_out, reset_peak
from objectives.lora.settings import BindingSettings
from objectives.lora.training.capacity import RANK, measured_lanes
from objectives.lora.training.compute_choice import compute_choice
from objectives.lora.training.inputs import NO_SHIFT, Inputs, input_faults
from objectives.lora.training.pack import PackTrainer
from objectives.lora.training.saved_adapter import library_versions
from objectives.lora.training.trial import Trial
from objectives.metrics.loss import NonFiniteLossError
from objectives.tasks.find import find_task
from objectives.tasks.spaces import check_space, largest, may_shift
from sweep.errors import DataError, SpecError
from sweep.study.measures import Measures
from sweep.study.objective import ObjectiveInfo
from sweep.study.space import Space
from sweep.study.trial import (
    Failure,
    Leave,
    Pack,
    Refill,
    Report,
    TrialParams,
    TrialResult,
    no_refill,
    stay,
)

log = logging.getLogger(__name__)


class LoraObjective:
    """A validation metric of a QLoRA-tuned encoder; see ``sweep.study.objective``.

    The setting ``task`` says what is predicted, one of the modules of ``objectives.tasks``.

    Base model and data are loaded at the first call that needs them and shared by all trials.

    Args:
        settings: fields of ``BindingSettings`` that differ from their defaults.
        inputs: ``data`` (files, a data set or ``builtin:motifs``), ``base`` (a folder, a Hub
            id or ``builtin:esm2-mini``) and ``cache`` (a folder for prepared data).

    Raises:
        SpecError: with all errors of settings and inputs at once.
    """

    def __init__(self, settings: Mapping[str, Any], inputs: Mapping[str, str]) -> None:
        faults = input_faults(inputs)
        try:
            self._settings = BindingSettings.from_mapping(settings)
            task = find_task(self._settings.task)
            faults.extend(task.faults(self._settings))
        except SpecError as error:
            faults.extend(error.faults)
        if faults:
            raise SpecError(faults)
        self._task = task
        self._inputs = Inputs(inputs, self._settings, task)
        self._memory: dict[str, Any] = {}  # as ``check`` estimated it
        quiet_libraries()

    def facts(self) -> ObjectiveInfo:
        """Read the inputs and describe them and this machine.

        Raises:
            SweepError: if an input cannot be read.
        """
        engine = self._regime()
        for note in self._inputs.data.summary.notes:
            log.warning("data: %s", note)
        return ObjectiveInfo(
            fingerprints=self._inputs.fingerprints,
            versions=library_versions(),
            workers=_workers(self._settings),
            pack=self._lanes(),
            about={
                "value": f"validation {self._measures.value.title}",
                "settings": asdict(self._settings),
                "data": self._about_data(),
                "base": self._inputs.about_base(),
                "engine": engine,
                **({"memory": self._memory} if self._memory else {}),
            },
            pinned=self._pinned(engine),
            metrics=self._measures.metrics,
            tables=self._measures.tables,
            curves=self._measures.curves,
        )

    @property
    def _measures(self) -> Measures:
        """What the task measures, first the metric that is a trial's value."""
        measures = self._task.measures
        chosen = self._settings.metric or measures.value.name
        metrics = sorted(measures.metrics, key=lambda metric: metric.name != chosen)
        return replace(measures, metrics=tuple(metrics))

    def check(self, space: Space, baselines: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
        """Validate settings, search space, base model and data without training.

        Returns:
            ``device``; ``targets``: for each target set its label, matched module paths, count,
            kinds and trainable parameters by rank; ``base`` and ``data``: their descriptions;
            ``engine``: how trials will be computed, see
            ``objectives.lora.training.compute_choice``; ``memory``: what the base and the largest
            trial take, see ``objectives.lora.training.memory_estimate``.

        Raises:
            SpecError: with all errors of settings, space, baselines and base at once.
            DataError: with all errors of the data.
        """
        parts: dict[str, Callable[[], Any]] = {
            "device": lambda: str(Precision.from_settings(self._settings).device),
            "base": self._inputs.about_base,
            "engine": self._regime,
            "targets": lambda: check_space(self._settings, space, baselines, self._inputs.skeleton),
        }
        report: dict[str, Any] = {}
        faults: dict[str, None] = {}
        for name, part in parts.items():
            try:
                report[name] = part()
            except (SpecError, DataError) as error:
                faults.update(dict.fromkeys(error.faults))
        shifts = "base" in report and not self._inputs.alphabet.before
        if shifts and may_shift(self._settings, space, baselines):
            faults[NO_SHIFT] = None
        if faults:
            raise SpecError(list(faults))
        data = self._about_data()
        self._memory = self._estimated(space, baselines, report)
        return {**report, "data": data, "memory": self._memory}

    def _estimated(
        self, space: Space, baselines: Sequence[Mapping[str, Any]], report: Mapping[str, Any]
    ) -> dict[str, Any]:
        """Estimate the memory of the base and of a trial with the study's largest values."""
        engine = report["engine"]
        settings = replace(
            largest(self._settings, space, baselines),
            base_weights=engine["base_weights"],
            compute_dtype=engine["compute_dtype"],
        )
        widest = max(report["targets"], key=lambda found: found["count"])
        trial = {name: getattr(settings, name) for name in ("rank", "dropout", "batch_tokens")}
        precision = Precision.from_settings(settings)
        return {
            "largest_trial": {"targets": widest["label"], **trial},
            **self._inputs.memory.report(settings, precision, widest["modules"]),
        }

    def run(
        self, pack: Pack, report: Report, leave: Leave = stay, refill: Refill = no_refill
    ) -> list[TrialResult]:
        """Train and score the trials of a pack together; a failed trial is a result, not an error.

        A trial with a ``folder`` writes a checkpoint there at each evaluation and when ``leave``
        asks it to stop, and resumes from one found there. Its result is independent of the pack.
        """
        device = Precision.from_settings(self._settings).device
        if device.type == "cpu":
            torch.set_num_threads(self._settings.threads)
            keep_memory()

        def enter(params: TrialParams) -> Trial:
            return Trial(params, self._settings, self._inputs, report)

        def failed(params: TrialParams, error: Exception, seconds: float) -> TrialResult:
            peak = peak_memory_bytes(device)
            failure = Failure.from_exception(error, failure_reason(error), peak)
            return TrialResult.failed(params.number, failure, seconds)

        reset_peak(device)
        waits = None if refill is no_refill else refill
        return PackTrainer(enter, failed, report, leave, waits).run(pack)

    def _regime(self) -> dict[str, Any]:
        precision = Precision.from_settings(self._settings)
        self._inputs.prove()
        return compute_choice(self._settings, self._inputs.skeleton, precision)

    def _pinned(self, engine: Mapping[str, Any]) -> dict[str, Any]:
        """Settings left to ``auto``, as resolved on this machine, which all trials must share."""
        pinned = {}
        if self._settings.compute_dtype == "auto":
            pinned["compute_dtype"] = engine["compute_dtype"]
        if self._settings.cluster_method == "auto":
            pinned["cluster_method"] = clustering_tool("auto").method
        return pinned

    def _lanes(self) -> int:
        """Number of trials that a worker trains together; 1 on a CPU, where more gain nothing."""
        precision = Precision.from_settings(self._settings)
        if precision.device.type == "cpu":
            return 1
        model, settings = self._inputs.model(precision), replace(self._settings, rank=RANK)
        again = self._inputs.checkpointing(settings, model, tuple(model.linears))
        windows = self._inputs.splits.train
        return measured_lanes(model, windows, settings, checkpointing=again)

    def _about_data(self) -> dict[str, Any]:
        """Statistics of the data, first the totals over all splits."""
        summary = self._inputs.data.summary.to_json()
        splits = summary["splits"].values()
        counted = ("chains", "residues", "positives")
        known = [name for name in counted if all(name in split for split in splits)]
        return {name: sum(split[name] for split in splits) for name in known} | summary


def failure_reason(error: Exception) -> str:
    """The kind of failure of an exception: ``nan``, ``out_of_memory`` or ``exception``."""
    if isinstance(error, NonFiniteLossError):
        return "nan"
    if ran_out(error):
        return "out_of_memory"
    return "exception"


def _workers(settings: BindingSettings) -> int:
    """One worker per GPU, or per ``threads`` CPU cores that this process may use."""
    if Precision.from_settings(settings).device.type == "cuda":
        return torch.cuda.device_count()
    return max(1, int(joblib.cpu_count()) // settings.threads)
