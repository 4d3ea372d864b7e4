"""LoRA's scaling factor is the same here and in PEFT."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st
from peft import LoraConfig, get_peft_model
from tiers import first
from torch import nn

from objectives.lora.adapter_config import AdapterConfig
from objectives.lora.settings import BindingSettings
from sweep import Choice, Design, Space
from sweep.analysis.axes import derivation
from sweep.analysis.experiment_design.balanced import balanced_points
from sweep.analysis.table import Row, TrialTable
from sweep.study.lora_scaling import LoraScaling
from sweep.study.trial import Scalar

RANKS = (1, 2, 8, 16, 64)


@given(rank=st.integers(1, 512), number=st.floats(1e-4, 1e4), rslora=st.booleans())
def test_scaling_and_alpha_round_trip(rank: int, number: float, *, rslora: bool) -> None:
    """Whichever is given."""
    back = LoraScaling(rank, number, rslora=rslora).factor
    there = LoraScaling.of_factor(rank, number, rslora=rslora)

    assert there.factor == pytest.approx(number)
    assert LoraScaling.of_factor(rank, back, rslora=rslora).alpha == pytest.approx(number)
    assert there.alpha / number == pytest.approx(math.sqrt(rank) if rslora else rank)


@pytest.mark.parametrize("rslora", [False, True])
@pytest.mark.parametrize("sampled", [{"alpha": (4, 16)}, {"scaling": (0.5, 4.0)}], ids=str)
@pytest.mark.parametrize("where", first(1, ["both ways", "setting", "parameter"]))
def test_the_analysed_scaling_is_the_trained_one(
    *, rslora: bool, sampled: dict[str, tuple[float, ...]], where: str
) -> None:
    """For a design's points: the derived scaling is the factor of PEFT's module."""
    (name, choices), fixed = next(iter(sampled.items())), {"rslora": rslora}
    space = {"rank": Choice(*RANKS), name: Choice(*choices)}
    if where == "parameter":
        space["rslora"], fixed = Choice(rslora), {}
    elif where == "both ways":
        space["rslora"] = Choice(True, False)
    points = balanced_points(Space(space), Design(configurations=8, duplicates=0))
    rows = [Row(point.index, point.values, 0.0) for point in points]
    table = TrialTable.from_rows(rows, space=Space(space), fixed=fixed)
    rule = derivation(table)

    assert rule is not None
    for row in table.rows:
        values = {**row.values, rule.name: rule.compute(row.values)}
        trained = scaling_in_peft(fixed, row.values)
        assert values["scaling"] == pytest.approx(trained["scaling"])
        assert values["alpha"] == pytest.approx(trained["alpha"])


def scaling_in_peft(fixed: dict[str, bool], values: dict[str, Scalar]) -> dict[str, float]:
    """The scaling factor in PEFT of a trial with these values."""
    settings = BindingSettings.from_mapping(fixed).for_trial(values)
    config = AdapterConfig.from_settings(settings, ["0"])
    theirs = LoraConfig(
        r=config.rank,
        lora_alpha=config.alpha,  # type: ignore[arg-type]  # typed int, used as a factor
        use_rslora=config.rslora,
        target_modules=["0"],
    )
    model = get_peft_model(nn.Sequential(nn.Linear(2, 2)), theirs)  # type: ignore[arg-type]
    found = model.base_model.model[0].scaling["default"]
    assert config.scale == pytest.approx(found)
    assert settings.lora_scaling == pytest.approx(found)
    return {"scaling": found, "alpha": config.alpha}
