"""The report of ``lorasweep design`` on power, with and without a pilot."""

from __future__ import annotations

import io
from typing import Any

import pytest

from sweep import Choice, Claim, Design, Float, Space, StudySpec, TargetSets
from sweep.analysis.experiment_design.balanced import design_points
from sweep.analysis.experiment_design.power import forecast
from sweep.analysis.experiment_design.report import design_report
from sweep.terminal.console import make_console
from sweep.terminal.design import print_design

SPACE = Space(
    {
        "rank": Choice(2, 4, 8, 16),
        "scaling": Choice(1.0, 2.0),
        "targets": TargetSets("qkv", "mlp", wide="all-linear"),
        "learning_rate": Float(1e-3, 1e-2, log=True),
    }
)
SPEC = StudySpec("s", "a.b:C", SPACE, design=Design(24, 4, tries=5), claims=(Claim(),))
SIZES = dict(zip(SPACE["targets"].values, (300.0, 500.0, 900.0), strict=True))


def report(noise: float | None, sizes: dict[str, float] | None) -> dict[str, Any]:
    """The report of a design at a noise level, with sizes of target sets per unit of rank."""
    found = None if noise is None else {"sd": noise, "source": "a test"}
    points = design_points(SPEC.space, SPEC.design)
    return design_report(SPEC, points, noise=found, seconds=None, sizes=sizes)


def printed(tree: dict[str, Any]) -> str:
    """The report as printed."""
    stream = io.StringIO()
    print_design({**tree, "study": "s", "labels": {}}, make_console(stream))
    return stream.getvalue()


def test_with_the_pilots_sizes_beyond_size_has_a_power(monkeypatch: pytest.MonkeyPatch) -> None:
    """A share under every truth, in a separate column."""
    monkeypatch.setitem(forecast.__kwdefaults__, "studies", 10)
    found = report(0.002, SIZES)
    [made] = found["power"]
    shares = {each["truth"]: each["beyond_size"] for each in made["power"]}
    text = printed(found)

    assert made["untested"] == ""
    assert shares["targets alone matters, 5 delta"] == 1.0
    assert shares["nothing matters"] <= 0.1
    assert "beyond size" in text
    assert "no forecast" not in text
    assert "needed     about 20 trials to tell dominance" in text


@pytest.mark.parametrize(
    ("sizes", "expected"),
    [(None, "run the pilot"), ({}, "were not recorded")],
    ids=["none", "mute"],
)
def test_without_sizes_the_missing_input_is_named(
    sizes: dict[str, float] | None, expected: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No pilot, or one of an objective that reports no sizes."""
    monkeypatch.setitem(forecast.__kwdefaults__, "studies", 3)
    found = report(0.002, sizes)
    [made] = found["power"]
    text = printed(found)

    assert expected in made["untested"]
    assert {each["beyond_size"] for each in made["power"]} == {None}
    [line] = [line for line in text.splitlines() if "beyond size has no forecast: " in line]
    assert expected in line


@pytest.mark.parametrize(("noise", "notes"), [(None, 0), (0.0, 1)])
def test_without_noise_there_is_no_forecast(noise: float | None, notes: int) -> None:
    """Unknown or zero: seeds of a simulator may make no difference."""
    found = report(noise, SIZES)

    assert found["power"] == []
    assert sum("without noise" in note for note in found["notes"]) == notes
