from __future__ import annotations

import numpy as np
import pytest
import torch

from objectives.binding.adapter import AdapterConfig, attached
from objectives.binding.base import Base
from objectives.binding.inputs import Inputs
from objectives.binding.learner import Learner
from objectives.binding.loss import NonFiniteLossError
from objectives.binding.predict import predict
from objectives.data.chain import IGNORED

HEAD_ONLY = AdapterConfig(rank=0, alpha=0, targets="none", modules=())


def test_batches_do_not_change_predictions(tiny_base: Base, tiny_inputs: Inputs) -> None:
    """One window at a time or many padded together: the margins agree to 1e-5."""
    windows = tiny_inputs.splits.validation
    with attached(tiny_base.model, HEAD_ONLY, tiny_base.head, 0) as model:
        learner = Learner(model, tiny_base.precision, 1)
        alone = predict(learner, windows, budget=1)
        together = predict(learner, windows, budget=100_000)

    assert len(alone.labels) == sum(n - 2 for n in windows.lengths)
    np.testing.assert_allclose(together.margin, alone.margin, atol=1e-5)
    assert np.array_equal(together.labels, alone.labels)


def test_predictions_follow_the_splits_order(tiny_base: Base, tiny_inputs: Inputs) -> None:
    """Batches are cut by length, but residues come back where they belong."""
    windows = tiny_inputs.splits.validation
    order = list(reversed(range(len(windows))))
    with attached(tiny_base.model, HEAD_ONLY, tiny_base.head, 0) as model:
        learner = Learner(model, tiny_base.precision, 1)
        forward = predict(learner, windows, budget=256)
        backward = predict(learner, windows.select(order), budget=256)
        single = predict(learner, windows.select([0]), budget=256)
    first = windows.lengths[0] - 2

    assert np.array_equal(forward.labels, np.concatenate([r[r != IGNORED] for r in windows.labels]))
    np.testing.assert_allclose(forward.margin[:first], single.margin, atol=1e-5)
    np.testing.assert_allclose(backward.margin[-first:], single.margin, atol=1e-5)
    assert np.array_equal(backward.ligands[-first:], single.ligands)


def test_logits_that_are_not_finite_raise(tiny_base: Base, tiny_inputs: Inputs) -> None:
    """A model broken by its last step does not get a score."""
    with attached(tiny_base.model, HEAD_ONLY, tiny_base.head, 0) as model:
        with torch.no_grad():
            model.classifier.weight.fill_(float("nan"))  # type: ignore[union-attr, operator]
        learner = Learner(model, tiny_base.precision, 1)
        with pytest.raises(NonFiniteLossError, match="the logits must be finite"):
            predict(learner, tiny_inputs.splits.validation, budget=256)
