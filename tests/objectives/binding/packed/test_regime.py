"""What is said of how trials will be computed."""

from __future__ import annotations

from typing import Any

import pytest

from objectives.binding.inputs import Inputs
from objectives.binding.packed import regime as module
from objectives.binding.packed.regime import bfloat16_speed, regime
from objectives.binding.settings import BindingSettings


def said(monkeypatch: pytest.MonkeyPatch, speed: float, **settings: Any) -> dict[str, Any]:
    """Of the embedded base on a CPU whose bfloat16 is so fast."""
    monkeypatch.setattr(module, "bfloat16_speed", lambda *_: speed)
    own = BindingSettings(device="cpu", **settings)
    return regime(own, Inputs({}, own).skeleton, module.Precision.from_settings(own))


def test_a_speed_left_unused_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """Only where nobody chose, and where there is something to gain."""
    left = said(monkeypatch, 2.31)

    assert (left["compute_dtype"], left["bfloat16_speed"]) == ("float32", 2.3)
    assert "--set compute_dtype=bfloat16" in left["advice"]
    assert "advice" not in said(monkeypatch, 0.2)
    assert "advice" not in said(monkeypatch, 2.31, compute_dtype="float32")
    assert "advice" not in said(monkeypatch, 2.31, compute_dtype="bfloat16")


def test_the_speed_is_measured() -> None:
    """Whatever it is on this machine."""
    assert 0.01 < bfloat16_speed(256, 128) < 100
