"""Two training lengths, compared run by run."""

from __future__ import annotations

import pytest

from studies.evidence.contrasts import lengths
from sweep.analysis.table import Row, TrialTable
from sweep.study.parameters import Float, TargetSets
from sweep.study.space import Space

SPACE = Space({"targets": TargetSets("qkv", "mlp"), "learning_rate": Float(1e-4, 1e-2, log=True)})
QKV, MLP = "key+query+value", "mlp.down+mlp.up"


def table(*runs: tuple[str, float, int, float], phase: str = "measure") -> TrialTable:
    """Trials of ``(targets, rate, seed, value)``."""
    rows = [
        Row(i, {"targets": targets, "learning_rate": rate}, value, seed=seed, phase=phase)
        for i, (targets, rate, seed, value) in enumerate(runs)
    ]
    return TrialTable.from_rows(rows, space=SPACE)


def test_runs_are_paired_by_configuration_and_seed() -> None:
    """In any order; a run of only one study is ignored."""
    short = table((QKV, 1e-3, 1, 0.1), (QKV, 1e-3, 2, 0.2), (MLP, 1e-3, 1, 0.3))
    longer = table(
        (MLP, 1e-3, 1, 0.32), (QKV, 1e-3, 2, 0.28), (QKV, 1e-3, 1, 0.2), (MLP, 5e-3, 1, 0.9)
    )
    found = lengths(short, longer)

    assert found["gain"]["pairs"] == 3
    assert found["gain"]["mean"] == pytest.approx((0.1 + 0.08 + 0.02) / 3)
    assert found["gains"] == {"qkv": pytest.approx(0.09), "mlp": pytest.approx(0.02)}
    assert found["rank"] == pytest.approx(1.0)


def test_the_rank_correlation_has_the_sign_of_the_order() -> None:
    """-1 for a reversed order."""
    short = table((QKV, 1e-3, 1, 0.1), (QKV, 2e-3, 1, 0.2), (MLP, 1e-3, 1, 0.3))
    longer = table((QKV, 1e-3, 1, 0.5), (QKV, 2e-3, 1, 0.4), (MLP, 1e-3, 1, 0.3))

    assert lengths(short, longer)["rank"] == pytest.approx(-1.0)


def test_only_designed_runs_are_compared() -> None:
    """Configurations of a search differ between the studies."""
    runs = ((QKV, 1e-3, 1, 0.1), (MLP, 1e-3, 1, 0.3))

    with pytest.raises(ValueError, match="share a seed"):
        lengths(table(*runs), table(*runs, phase="search"))
