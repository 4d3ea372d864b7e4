"""The number of lanes that fit a GPU's memory, as far as it can be tested without a GPU."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from objectives.lora.base.load import Precision
from objectives.lora.settings import BindingSettings
from objectives.lora.training import capacity
from objectives.lora.training.capacity import MOST, lanes_that_fit, measured_lanes
from objectives.lora.training.inputs import Inputs

GIB = 2**30
FIXED = BindingSettings(device="cpu", compute_dtype="float32", batch_tokens=256)


@pytest.mark.parametrize(
    ("free", "one", "two", "lanes"),
    [
        (100 * GIB, 2 * GIB, 4 * GIB, 40),  # two each, of 80 to use
        (100 * GIB, 12 * GIB, 14 * GIB, 35),  # ten are shared
        (10 * GIB, 20 * GIB, 40 * GIB, 1),  # one lane is tried in any case
        (100 * GIB, 1 * GIB, 1 * GIB, MOST),
    ],
)
def test_lanes_from_the_peaks_of_one_and_two(free: int, one: int, two: int, lanes: int) -> None:
    """Four fifths of the free memory minus what lanes share, divided by what each takes."""
    assert lanes_that_fit(free, one, two) == lanes


@given(st.integers(0, 10**12), st.integers(0, 10**11), st.integers(0, 10**11))
def test_the_lanes_fit_the_memory(free: int, shared: int, each: int) -> None:
    """For any amounts, and at least one lane."""
    lanes = lanes_that_fit(free, shared + each, shared + 2 * each)

    assert 1 <= lanes <= MOST
    if lanes > 1:
        assert shared + lanes * each <= free


@pytest.mark.parametrize("batched", [True, False])
def test_measuring_leaves_no_lane(
    tiny_inputs: Inputs, monkeypatch: pytest.MonkeyPatch, *, batched: bool
) -> None:
    """The batches are real; memory is simulated, as a CPU reports only its lifetime peak."""
    model = tiny_inputs.model(Precision.from_settings(FIXED))
    peaks = iter([5, 105, 155])
    monkeypatch.setattr(model, "batched", batched)
    monkeypatch.setattr(capacity, "free_bytes", lambda _: 10**6)
    monkeypatch.setattr(capacity, "peak_memory_bytes", lambda _: next(peaks))
    monkeypatch.setattr(capacity, "_parameter_bytes", lambda _: 10_000)

    # A lane takes 50, and 50 000 for its update; 50 are shared, of 800 000 to use.
    assert measured_lanes(model, tiny_inputs.splits.train, FIXED) == 15
    assert not any(linear._updates for linear in model.linears.values())
