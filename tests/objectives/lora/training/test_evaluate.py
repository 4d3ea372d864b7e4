from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager

import numpy as np
import pytest
import torch

from objectives.data.chain import IGNORED
from objectives.data.prepare.windows import Windows
from objectives.lora.packed.layout import LaneBatch
from objectives.lora.settings import BindingSettings
from objectives.lora.training.evaluate import predict
from objectives.lora.training.inputs import Inputs
from objectives.lora.training.trial import Trial
from objectives.metrics.loss import NonFiniteLossError
from objectives.metrics.metrics import Predictions

TrialOf = Callable[..., AbstractContextManager[Trial]]
SETTINGS = BindingSettings(device="cpu", rank=4, targets="all-linear", steps=2)


@pytest.fixture
def trial(trial_of: TrialOf) -> Iterator[Trial]:
    """A trial with non-zero adapters."""
    with trial_of(SETTINGS) as begun:
        torch.manual_seed(0)
        with torch.no_grad():
            for parameter in begun.lane.trained.values():
                parameter.normal_(std=0.1)
        yield begun


def predicted(trial: Trial, windows: Windows, budget: int) -> Predictions:
    """A split's predictions by a trial."""
    return predict(trial.task, trial.model, [trial.lane.adapters], windows, budget)[0]


def test_batches_do_not_change_predictions(trial: Trial, tiny_inputs: Inputs) -> None:
    """One window at a time or many together: the margins agree to 1e-5."""
    windows = tiny_inputs.splits.validation
    alone = predicted(trial, windows, budget=1)
    together = predicted(trial, windows, budget=100_000)

    assert len(alone.labels) == sum(n - 2 for n in windows.lengths)
    assert np.std(alone.margin) > 1e-2
    np.testing.assert_allclose(together.margin, alone.margin, atol=1e-5)
    assert np.array_equal(together.labels, alone.labels)


def test_predictions_follow_the_splits_order(trial: Trial, tiny_inputs: Inputs) -> None:
    """Batches are sorted by length, but predictions are returned in the split's order."""
    windows = tiny_inputs.splits.validation
    order = list(reversed(range(len(windows))))
    forward = predicted(trial, windows, budget=256)
    backward = predicted(trial, windows.select(order), budget=256)
    single = predicted(trial, windows.select([0]), budget=256)
    first = windows.lengths[0] - 2

    assert np.array_equal(forward.labels, np.concatenate([r[r != IGNORED] for r in windows.labels]))
    np.testing.assert_allclose(forward.margin[:first], single.margin, atol=1e-5)
    np.testing.assert_allclose(backward.margin[-first:], single.margin, atol=1e-5)
    assert np.array_equal(backward.ligands[-first:], single.ligands)


def test_evaluation_computes_what_training_computes(trial: Trial, tiny_inputs: Inputs) -> None:
    """A training step without dropout has exactly the logits of an evaluation."""
    windows = tiny_inputs.splits.train
    shares = [LaneBatch(trial.lane.adapters, windows, (0, 1), step) for step in (1, 0)]
    training, evaluation = (trial.model.logits([share])[0].detach() for share in shares)

    assert torch.equal(training, evaluation)


def test_logits_that_are_not_finite_raise(trial: Trial, tiny_inputs: Inputs) -> None:
    """A model that diverged in its last step gets no score."""
    with torch.no_grad():
        trial.lane.trained["classifier.weight"].fill_(float("nan"))
    predictions = predicted(trial, tiny_inputs.splits.validation, budget=256)

    with pytest.raises(NonFiniteLossError, match="the logits must be finite"):
        trial.validate(predictions)
    assert trial.progress.points == []
