"""A trial's evaluations: their reports, and pruning."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager

import numpy as np
import pytest

from objectives.binding.objective import BindingObjective
from objectives.lora.settings import BindingSettings
from objectives.lora.training.evaluate import predict
from objectives.lora.training.trial import Trial
from sweep.study.trial import TrialParams, TrialState

TrialOf = Callable[..., AbstractContextManager[Trial]]
Train = Callable[..., tuple[float, ...]]
Make = Callable[..., BindingObjective]
HEAD = TrialParams(0, {"rank": 0, "targets": "none"})


@pytest.mark.parametrize(
    ("answers", "steps", "state"),
    [
        ([True], 2, TrialState.PRUNED),
        ([False, True], 4, TrialState.PRUNED),
        ([False] * 3, 6, TrialState.COMPLETE),
    ],
)
def test_a_report_may_prune_the_training(
    make_objective: Make, answers: list[bool], steps: int, state: TrialState
) -> None:
    """A pruned trial makes no further step."""
    seen: list[int] = []

    def watch(number: int, step: int, value: float, metrics: Mapping[str, float]) -> bool:
        assert number == 0
        assert np.isfinite(metrics["step_loss"])
        assert value == metrics["mcc"]
        seen.append(step)
        return answers[len(seen) - 1]

    (result,) = make_objective(steps=6, evaluate_every=1 / 3).run([HEAD], watch)

    assert result.metrics["steps"] == steps == seen[-1]
    assert len(seen) == len(answers)
    assert result.state is state


def test_pruning_after_the_last_step_is_too_late(make_objective: Make) -> None:
    """A trial whose training is done counts as complete."""
    (result,) = make_objective(steps=6, evaluate_every=1.0).run([HEAD], lambda *_: True)

    assert result.state is TrialState.COMPLETE
    assert result.value == result.metrics["mcc"]


def test_the_step_loss_is_the_mean_since_the_last_evaluation(
    trial_of: TrialOf, train: Train
) -> None:
    """Each step counts in one evaluation."""
    settings = BindingSettings(device="cpu", steps=5, batch_tokens=256, learning_rate=1e-2)
    with trial_of(settings) as trial:
        for _ in range(2):
            losses = train(trial, 2)
            (predictions,) = predict(
                trial.task,
                trial.model,
                [trial.lane.adapters],
                trial.validation,
                settings.batch_tokens,
            )
            trial.validate(predictions)
        first, second = trial.progress.points

    assert first.figures["step_loss"] == pytest.approx(np.mean(losses[:2]))
    assert second.figures["step_loss"] == pytest.approx(np.mean(losses[2:]))
    assert (first.step, second.step) == (2, 4)
