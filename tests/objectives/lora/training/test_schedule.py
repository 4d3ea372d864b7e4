from __future__ import annotations

from collections import Counter
from itertools import chain

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from objectives.lora.settings import BindingSettings
from objectives.lora.training.lane import plan_steps

LENGTHS = [10 + 7 * i % 40 for i in range(50)]


@given(epochs=st.integers(1, 4), budget=st.integers(20, 400), seed=st.integers(0, 9))
@settings(deadline=None)
def test_whole_epochs_show_every_window_equally_often(epochs: int, budget: int, seed: int) -> None:
    """No window is lost at the end of an epoch, and no batch exceeds its budget."""
    plan = plan_steps(LENGTHS, BindingSettings(epochs=epochs, batch_tokens=budget), seed)

    counts = Counter(chain.from_iterable(plan.batches))
    assert counts == dict.fromkeys(range(50), epochs)
    costs = [sum(LENGTHS[i] for i in batch) for batch in plan.batches if len(batch) > 1]
    assert max(costs, default=0) <= budget


def test_half_an_epoch_is_half_the_batches() -> None:
    """Fractions of an epoch count in batches, rounded up."""
    whole = plan_steps(LENGTHS, BindingSettings(epochs=1, batch_tokens=100), 0)
    half = plan_steps(LENGTHS, BindingSettings(epochs=0.5, batch_tokens=100), 0)
    more = plan_steps(LENGTHS, BindingSettings(epochs=1.5, batch_tokens=100), 0)

    assert len(half.batches) == -(-len(whole.batches) // 2)
    assert half.batches == whole.batches[: len(half.batches)]
    assert more.batches[: len(whole.batches)] == whole.batches
    assert len(whole.batches) < len(more.batches) < 2 * len(whole.batches)


@pytest.mark.parametrize("steps", [1, 7, 100])
def test_steps_override_epochs(steps: int) -> None:
    """The number of steps is exact, over as many epochs as needed."""
    plan = plan_steps(LENGTHS, BindingSettings(epochs=1, steps=steps, batch_tokens=100), 0)

    assert len(plan.batches) == steps


def test_the_order_depends_only_on_the_seed() -> None:
    """With one seed every configuration sees the same order; other seeds give another."""
    first = plan_steps(LENGTHS, BindingSettings(rank=1, targets="query"), 5)
    second = plan_steps(LENGTHS, BindingSettings(rank=32, targets="mlp", dropout=0.1), 5)

    assert first == second
    assert first.batches != plan_steps(LENGTHS, BindingSettings(), 6).batches


@pytest.mark.parametrize(
    ("every", "expected"),
    [(0.25, {10, 20, 30, 40}), (0.3, {12, 24, 36, 40}), (1, {40}), (0.5, {20, 40})],
)
def test_evaluation_points_are_fractions_of_training(every: float, expected: set[int]) -> None:
    """The last step is always one of them."""
    plan = plan_steps(LENGTHS, BindingSettings(steps=40, evaluate_every=every), 0)

    assert plan.evaluate_at == expected


def test_tenths_of_training_are_not_rounded_up() -> None:
    """Three times the float 0.1 is more than 0.3; rounding it up would be a step late."""
    plan = plan_steps(LENGTHS, BindingSettings(steps=10, evaluate_every=0.1), 0)
    one = plan_steps(LENGTHS, BindingSettings(epochs=1, batch_tokens=100), 0).batches
    more = plan_steps(LENGTHS, BindingSettings(epochs=1.1, batch_tokens=100), 0).batches

    assert plan.evaluate_at == set(range(1, 11))
    assert len(more) - len(one) == -(-len(one) // 10)


def test_evaluation_points_are_ends_of_epochs() -> None:
    """By default each epoch is evaluated."""
    one = len(plan_steps(LENGTHS, BindingSettings(batch_tokens=100), 0).batches)
    plan = plan_steps(LENGTHS, BindingSettings(epochs=3, batch_tokens=100), 0)

    assert len(plan.evaluate_at) == 3
    assert {one, len(plan.batches)} <= plan.evaluate_at


@pytest.mark.parametrize("steps", [None, 5])
def test_a_plan_without_windows_is_refused(steps: int | None) -> None:
    """Sampling from nothing would not end."""
    with pytest.raises(ValueError, match="at least one training window"):
        plan_steps([], BindingSettings(steps=steps), 0)
