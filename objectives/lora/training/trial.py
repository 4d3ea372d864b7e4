"""One trial of a pack, from its parameters to its result."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import asdict
from typing import Any

from objectives.data.prepare.windows import Windows
from objectives.lora.adapter_config import AdapterConfig
from objectives.lora.base.load import Precision
from objectives.lora.settings import BindingSettings
from objectives.lora.target_modules import resolve
from objectives.lora.training.checkpoint import Checkpoints
from objectives.lora.training.details import (
    identity_of,
    of_adapters,
    of_lora,
    of_model,
    of_parameters,
)
from objectives.lora.training.evaluate import check_finite
from objectives.lora.training.inputs import Inputs
from objectives.lora.training.lane import Lane, plan_steps
from objectives.lora.training.progress import TrialProgress
from objectives.lora.training.saved_adapter import how_to_load, keep_adapter
from sweep.errors import TrialError, fault
from sweep.files.location import parse_location
from sweep.study.trial import Report, TrialParams, TrialResult, TrialState

Predict = Callable[[Windows], Any]  # a function that predicts a split with the trial's lane


class Trial:
    """One trial under training: a lane of a packed model, with its progress.

    Args:
        params: the trial's parameters and seed.
        fixed: the study's settings.
        inputs: base and data.
        report: takes intermediate values; returns whether to prune the trial.

    Attributes:
        settings: the study's settings, with the trial's parameter values.
        task: what is learned, with these settings.
        model: the packed model.
        lane: the training state.
        progress: evaluations, reports and checkpoints.
        skip: number of lower layers whose hidden states are cached.

    Raises:
        Exception: if the trial cannot be started; its lane is then removed from the model.
    """

    def __init__(
        self, params: TrialParams, fixed: BindingSettings, inputs: Inputs, report: Report
    ) -> None:
        self._started = time.perf_counter()
        self.params = params
        self._inputs = inputs
        if params.final_test and inputs.splits.test is None:
            rule = "have a test split for the final test"
            raise TrialError(fault("the data", rule, "none", way_out="Add test files"))
        self.settings = settings = fixed.for_trial(params.values)
        self.task = inputs.task(settings)
        self.model = model = inputs.model(Precision.from_settings(settings))
        self._splits = inputs.shifted_splits if settings.label_shift else inputs.splits
        self._resolved = resolve(inputs.skeleton, settings.targets, model.head)
        self._config = AdapterConfig.from_settings(settings, self._resolved.modules)
        self._adapters = model.add_lane(
            self._config,
            params.seed,
            settings.batch_tokens,
            checkpointing=inputs.checkpointing(settings, model, self._config.modules),
        )
        try:
            windows = self._splits.train
            units = None if windows.chains is None else windows.units
            plan = plan_steps(windows.unit_lengths, settings, params.seed, units)
            self.lane = Lane(self._adapters, model, windows, plan, self.task)
            self.progress = self._new_progress(report)
        except BaseException:
            model.remove_lane(self._adapters)
            raise
        self.skip = model.frozen_layers(self._adapters, self._read())

    def _new_progress(self, report: Report) -> TrialProgress:
        known = self._inputs.fingerprints if self.params.folder else {}
        identity = identity_of(self.params, self.settings, self.lane, known)
        checkpoints = Checkpoints(self.params.folder, identity)
        scores = self.task.scores(tuple(self._inputs.data.summary.ligands))
        return TrialProgress(self.params.number, self.lane, scores, checkpoints, report)

    def _read(self) -> list[Windows]:
        """All splits that the trial will read."""
        splits = self._splits
        read = [splits.train, splits.validation, splits.train_sample]
        return [*read, splits.test] if self.params.final_test and splits.test else read

    @property
    def key(self) -> tuple[Any, ...]:
        """Everything that decides the result: trials with equal keys have equal results.

        It has the scaling factor in place of alpha, and nothing of the adapters at rank 0.
        """
        settings = asdict(self.settings)
        for name in ("alpha", "scaling", "rslora", "targets", "rank"):
            del settings[name]
        adapters = self._config.rank, self._config.scale, self._config.modules
        params = self.params
        return (adapters if self._config.modules else (), tuple(settings.items())), (
            params.seed,
            params.final_test,
        )

    @property
    def validation(self) -> Windows:
        """The validation split, whose metric is the trial's value."""
        return self._splits.validation

    def validate(self, predictions: Any) -> None:
        """Process an evaluation: score it, save a checkpoint, report.

        Raises:
            NonFiniteLossError: if the losses or the predictions are not finite.
            InputChangedError: if the data files changed since they were read.
        """
        self._inputs.data.files.check()  # before its checkpoint is written
        self.progress.evaluate(check_finite(predictions))

    def leave(self) -> str:
        """Save a checkpoint before an interruption; return a message with the step reached.

        Raises:
            InputChangedError: if the data files changed since they were read.
        """
        self._inputs.data.files.check()
        return self.progress.leave()

    def finish(self, predict: Predict) -> TrialResult:
        """Score the remaining splits, save the adapter, and return the trial's result.

        Args:
            predict: predicts a split with this trial's lane.

        Raises:
            NonFiniteLossError: if predictions are not finite.
            InputChangedError: if the data files changed since they were read.
        """
        scores, splits, data = self.progress.scores, self._splits, self._inputs.data
        if not self.lane.stopped:
            # A trial resumed after its last step has no predictions yet.
            last = self.progress.predictions or check_finite(predict(splits.validation))
            scores.describe(last, self.task.chains(data.validation, splits.validation))
            if len(splits.train_sample):
                scores.score_train_side(check_finite(predict(splits.train_sample)))
            if self.settings.label_shift:
                aligned = self._inputs.splits.validation
                scores.score_aligned(check_finite(predict(aligned)))
            if self.params.final_test and splits.test is not None and data.test is not None:
                chains = self.task.chains(data.test, splits.test)
                scores.score_test(check_finite(predict(splits.test)), chains)
            data.files.check()
            self.keep(self.params, self.settings)
        stopped = self.lane.stopped
        return TrialResult(
            number=self.params.number,
            state=TrialState.PRUNED if stopped else TrialState.COMPLETE,
            value=None if stopped else self.task.value_of(scores.figures),
            metrics={**scores.figures, **self._costs()},
            details=self.details(),
            seconds=self.seconds,
        )

    def details(self) -> dict[str, Any]:
        """Details for the result: adapter, model, parameter counts."""
        everything = (name for name, _ in self._inputs.skeleton.named_modules())
        return {
            **of_adapters(self._config, self._resolved),
            **of_lora(self._config, self.model.head, everything),
            **of_model(self.model),
            **of_parameters(self.lane.trained),
            "scaling": self.settings.lora_scaling,
            "frozen_layers": self.skip,
            "gradient_checkpointing": self._adapters.checkpointing,
        }

    @property
    def seconds(self) -> float:
        """Wall-clock seconds since this run of the trial started."""
        return time.perf_counter() - self._started

    def dismiss(self) -> None:
        """Remove the trial's lane from the model."""
        self.model.remove_lane(self._adapters)

    def _costs(self) -> dict[str, Any]:
        """Steps, speed, peak memory, parameter count and seconds, for the metrics."""
        lane = self.lane
        return {
            "steps": lane.steps,
            "tokens_per_second": lane.tokens / lane.seconds,
            "peak_memory_bytes": self.progress.peak_memory_bytes,
            "trainable_parameters": of_parameters(lane.trained)["trainable_parameters"],
            "seconds": self.progress.seconds,
        }

    def keep(self, params: TrialParams, settings: BindingSettings) -> None:
        """Save the adapter and a record of the trial, if ``params.keep`` and it was not pruned.

        Args:
            params: of this trial, or of a duplicate with the same key.
            settings: of the same trial as ``params``.
        """
        if self.lane.stopped or not (params.keep and params.folder):
            return
        record = {
            "number": params.number,
            "values": dict(params.values),
            "seed": params.seed,
            **self.task.record(self.progress.scores),
            "settings": asdict(settings),
            "compute_dtype": self.model.precision.dtype_name,
            "fingerprints": self._inputs.fingerprints,
            "load": how_to_load(self.model, self._inputs, settings),
        }
        name = self._inputs.about_base()["name"]
        keep_adapter(
            parse_location(params.folder) / "adapter", self._adapters, self.model.head, name, record
        )
