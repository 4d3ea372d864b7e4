"""One trial from parameters to figures: attach, train, score, detach."""

from __future__ import annotations

import sys
import time
from typing import Any

import psutil
import torch

from objectives.binding.adapter import AdapterConfig, attached
from objectives.binding.base import Base, Precision
from objectives.binding.collate import Windows
from objectives.binding.finetune import Training, finetune
from objectives.binding.inputs import Inputs
from objectives.binding.learner import Learner
from objectives.binding.metrics import (
    ARGMAX,
    Predictions,
    at_threshold,
    best_threshold,
    evaluate,
    prefixed,
)
from objectives.binding.plan import plan_steps
from objectives.binding.predict import predict
from objectives.binding.settings import BindingSettings
from objectives.binding.targets import ResolvedTargets, resolve
from sweep.errors import TrialError, fault
from sweep.trial import Report, TrialParams, TrialResult, TrialState


def run_trial(
    params: TrialParams, fixed: BindingSettings, inputs: Inputs, report: Report
) -> TrialResult:
    """Train one configuration and score it on validation.

    Args:
        params: the configuration and its seed.
        fixed: the study's settings.
        inputs: base and data.
        report: takes intermediate values; may stop the trial.

    Raises:
        Exception: whatever goes wrong; the caller turns it into a failed result.
    """
    started = time.perf_counter()
    if params.final_test and inputs.splits.test is None:
        rule = "have a test split for the final test"
        raise TrialError(fault("the data", rule, "none", way_out="Add test files"))
    settings = fixed.for_trial(params.values)
    base = inputs.base(Precision.from_settings(settings))
    resolved = resolve(base.model, settings.targets, base.head)
    adapter = AdapterConfig.from_settings(settings, resolved.modules)
    if base.precision.device.type == "cuda":
        torch.cuda.reset_peak_memory_stats(base.precision.device)
    with attached(base.model, adapter, base.head, params.seed) as model:
        learner = Learner(model, base.precision, int(inputs.tokenizer.pad_token_id))
        trial = _Trial(learner, settings, inputs)
        training = trial.train(params, report)
        if not training.stopped:
            trial.score_train_side()
            if params.final_test and inputs.splits.test is not None:
                trial.score_test(inputs.splits.test)
        trained = sum(p.numel() for p in model.parameters() if p.requires_grad)
    seconds = time.perf_counter() - started
    costs = {
        "steps": len(training.losses),
        "tokens_per_second": training.tokens / training.seconds,
        "peak_memory_bytes": peak_memory_bytes(base.precision.device),
        "trainable_parameters": trained,
        "seconds": seconds,
    }
    return TrialResult(
        number=params.number,
        state=TrialState.PRUNED if training.stopped else TrialState.COMPLETE,
        value=None if training.stopped else trial.figures["mcc"],
        metrics={**trial.figures, **costs},
        details=_details(settings, adapter, resolved, base) | {"trainable_parameters": trained},
        seconds=seconds,
    )


class _Trial:
    """A trial under way.

    Args:
        learner: the model, adapters attached.
        settings: the trial's.
        inputs: base and data.

    Attributes:
        figures: all that is measured, with the latest evaluation's values.
    """

    def __init__(self, learner: Learner, settings: BindingSettings, inputs: Inputs) -> None:
        self._learner = learner
        self._settings = settings
        self._splits = inputs.splits
        self._ligands = tuple(inputs.data.summary.ligands)
        self._threshold = ARGMAX
        self.figures: dict[str, Any] = {}

    def train(self, params: TrialParams, report: Report) -> Training:
        """Run all steps, evaluating on validation where the plan says."""
        windows = self._splits.train

        def watch(step: int, step_loss: float) -> bool:
            self.score_validation()
            self.figures["step_loss"] = step_loss
            curve = {k: v for k, v in self.figures.items() if isinstance(v, float)}
            return report(params.number, step, self.figures["mcc"], curve)

        plan = plan_steps(windows.lengths, self._settings, params.seed)
        return finetune(self._learner, windows, plan, self._settings, watch)

    def score_validation(self) -> None:
        """The figures that decide the trial, and the threshold."""
        predictions = self._predict(self._splits.validation)
        self._threshold = best_threshold(predictions)
        self.figures.update(evaluate(predictions, self._ligands))
        self.figures.update(at_threshold(predictions, self._threshold))

    def score_train_side(self) -> None:
        """The same on some of the training windows, for the overfitting gap."""
        if len(self._splits.train_sample):
            figures = evaluate(self._predict(self._splits.train_sample))
            self.figures.update(prefixed("train", figures))
            self.figures["mcc_gap"] = figures["mcc"] - self.figures["mcc"]

    def score_test(self, windows: Windows) -> None:
        """The test split, with the threshold that validation chose."""
        predictions = self._predict(windows)
        figures = evaluate(predictions, self._ligands)
        figures.update(at_threshold(predictions, self._threshold))
        self.figures.update(prefixed("test", figures))

    def _predict(self, windows: Windows) -> Predictions:
        return predict(self._learner, windows, self._settings.batch_tokens)


def peak_memory_bytes(device: torch.device) -> int:
    """The most memory in use: on a GPU of this trial's tensors, on a CPU of the whole process."""
    if device.type == "cuda":
        return int(torch.cuda.max_memory_allocated(device))
    if sys.platform == "win32":
        return int(psutil.Process().memory_info().peak_wset)
    import resource

    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024


def _details(
    settings: BindingSettings,
    adapter: AdapterConfig,
    resolved: ResolvedTargets,
    base: Base,
) -> dict[str, Any]:
    """What was trained, and on what."""
    return {
        "targets": resolved.targets,
        "modules": list(adapter.modules),
        "module_count": len(adapter.modules),
        "kinds": dict(resolved.kinds) if adapter.modules else {},
        "head": list(base.head),
        "rank": adapter.rank,
        "alpha": adapter.alpha,
        "scaling": settings.lora_scaling,
        "device": str(base.precision.device),
        "compute_dtype": str(base.precision.compute_dtype).removeprefix("torch."),
        "quantization": base.precision.quantization,
        "threads": torch.get_num_threads(),
    }
