"""The recorded choice of compute dtype."""

from __future__ import annotations

from typing import Any

import pytest

from objectives.lora.settings import BindingSettings
from objectives.lora.training import compute_choice as module
from objectives.lora.training.compute_choice import bfloat16_speed, compute_choice
from objectives.lora.training.inputs import Inputs
from objectives.tasks.residue_binary import ResidueBinary


def chosen(monkeypatch: pytest.MonkeyPatch, speed: float, **settings: Any) -> dict[str, Any]:
    """The choice for the embedded base on a CPU with this relative speed of bfloat16."""
    monkeypatch.setattr(module, "bfloat16_speed", lambda *_: speed)
    own = BindingSettings(device="cpu", **settings)
    return compute_choice(
        own, Inputs({}, own, ResidueBinary).skeleton, module.Precision.from_settings(own)
    )


@pytest.mark.parametrize(
    ("speed", "asked", "taken"),
    [
        (2.31, "auto", "bfloat16"),
        (1.4, "auto", "float32"),
        (0.2, "auto", "float32"),
        (2.31, "float32", "float32"),
        (0.2, "bfloat16", "bfloat16"),
    ],
)
def test_bfloat16_is_chosen_if_it_is_fast_and_the_dtype_is_auto(
    monkeypatch: pytest.MonkeyPatch, speed: float, asked: str, taken: str
) -> None:
    """The measured speed is recorded; a dequantised base takes half the memory in bfloat16."""
    found = chosen(monkeypatch, speed, compute_dtype=asked)
    wider = chosen(monkeypatch, speed, compute_dtype="float32")

    assert (found["compute_dtype"], found["bfloat16_speed"]) == (taken, round(speed, 1))
    half = taken == "bfloat16"
    assert found["dequantised_bytes"] * (2 if half else 1) == wider["dequantised_bytes"]


def test_the_speed_is_measured() -> None:
    """Any plausible value for this machine."""
    assert 0.01 < bfloat16_speed(256, 128) < 100
