"""One trial from parameters to figures: attach, train, score, keep, detach."""

from __future__ import annotations

import time
from dataclasses import asdict
from functools import lru_cache
from pathlib import Path
from typing import Any

import torch

from objectives.binding.adapter import AdapterConfig, attached
from objectives.binding.base import Base, Precision
from objectives.binding.checkpoint import Checkpoints
from objectives.binding.course import Course
from objectives.binding.finetune import Training
from objectives.binding.inputs import Inputs
from objectives.binding.kept import keep_adapter
from objectives.binding.learner import Learner
from objectives.binding.memory import reset_peak
from objectives.binding.plan import plan_steps
from objectives.binding.scores import Scores
from objectives.binding.settings import BindingSettings
from objectives.binding.snapshot import shapes
from objectives.binding.targets import ResolvedTargets, resolve
from sweep.errors import TrialError, fault
from sweep.trial import Leave, Report, TrialParams, TrialResult, TrialState, stay


def run_trial(
    params: TrialParams,
    fixed: BindingSettings,
    inputs: Inputs,
    report: Report,
    leave: Leave = stay,
) -> TrialResult:
    """Train one configuration and score it on validation.

    Args:
        params: the configuration and its seed.
        fixed: the study's settings.
        inputs: base and data.
        report: takes intermediate values; may stop the trial.
        leave: asked between steps; may interrupt the trial.

    Raises:
        LeftError: if asked to leave.
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
    reset_peak(base.precision.device)  # loading and quantising the base is not the trial's
    with attached(base.model, adapter, base.head, params.seed) as model:
        learner = Learner(model, base.precision, int(inputs.tokenizer.pad_token_id))
        course = _course(params, settings, inputs, learner, report, leave)
        course.run()
        training, scores = course.training, course.scores
        if not training.stopped:
            scores.score_train_side()
            if params.final_test and inputs.splits.test is not None:
                scores.score_test(inputs.splits.test)
            if params.keep and params.folder:
                _keep(params, settings, inputs, base, course)
    details = _details(settings, adapter, resolved, base)
    details["trainable_parameters"] = sum(p.numel() for p in training.trained.values())
    # Without the head, which is the same in every trial: what the target set and rank decide.
    details["adapter_parameters"] = sum(
        p.numel() for name, p in training.trained.items() if ".lora_" in name
    )
    return TrialResult(
        number=params.number,
        state=TrialState.PRUNED if training.stopped else TrialState.COMPLETE,
        value=None if training.stopped else scores.figures["mcc"],
        metrics={**scores.figures, **_costs(course, details["trainable_parameters"])},
        details=details,
        seconds=time.perf_counter() - started,
    )


def _course(
    params: TrialParams,
    settings: BindingSettings,
    inputs: Inputs,
    learner: Learner,
    report: Report,
    leave: Leave,
) -> Course:
    """The trial's training, before its first step."""
    windows = inputs.splits.train
    plan = plan_steps(windows.lengths, settings, params.seed)
    training = Training(learner, windows, plan, settings)
    scores = Scores(learner, settings, inputs)
    checkpoints = Checkpoints(params.folder, _identity(params, settings, inputs, training))
    return Course(params.number, training, scores, checkpoints, report, leave)


def _costs(course: Course, trainable_parameters: int) -> dict[str, Any]:
    """What the trial took."""
    training = course.training
    return {
        "steps": training.steps,
        "tokens_per_second": training.tokens / training.seconds,
        "peak_memory_bytes": course.peak_memory_bytes,
        "trainable_parameters": trainable_parameters,
        "seconds": course.seconds,
    }


def _identity(
    params: TrialParams, settings: BindingSettings, inputs: Inputs, training: Training
) -> dict[str, Any]:
    """All that must agree for a checkpoint to be this trial's: what decides its figures."""
    if not params.folder:
        return {}
    precision = training.learner.precision
    return {
        "values": dict(params.values),
        "seed": params.seed,
        "settings": {**asdict(settings), "device": precision.device.type},
        "compute_dtype": str(precision.compute_dtype),
        "inputs": _fingerprints(inputs),
        "steps": len(training.plan.batches),
        "shapes": shapes(training),
    }


@lru_cache(maxsize=1)
def _fingerprints(inputs: Inputs) -> dict[str, str]:
    """Digests of the inputs, which are read once per process and do not change."""
    return inputs.fingerprints()


def _keep(
    params: TrialParams, settings: BindingSettings, inputs: Inputs, base: Base, course: Course
) -> None:
    """Leave the adapter and what is needed to use it."""
    figures = course.scores.figures
    record = {
        "number": params.number,
        "values": dict(params.values),
        "seed": params.seed,
        "mcc": figures["mcc"],
        "threshold": figures["threshold"],
        "mcc_at_threshold": figures["mcc_at_threshold"],
        "settings": asdict(settings),
        "compute_dtype": str(base.precision.compute_dtype).removeprefix("torch."),
        "fingerprints": _fingerprints(inputs),
    }
    name = inputs.about_base()["name"]
    folder = Path(params.folder) / "adapter"
    keep_adapter(folder, course.training.learner.model, base.head, name, record)


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
