"""Synthetic objectives with closed forms, run through the objective protocol."""

from __future__ import annotations

import math
import statistics
from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from objectives.synthetic import Synthetic
from sweep.errors import SpecError
from sweep.study.loading import load_objective
from sweep.study.parameters import Choice, Float, TargetSets
from sweep.study.space import Space
from sweep.study.trial import Scalar, TrialParams, TrialResult, TrialState, ignore_reports

QKV = "key+query+value"


def _run(
    objective_settings: Mapping[str, Any], *, seed: int = 0, number: int = 0, **values: Scalar
) -> TrialResult:
    objective = Synthetic(objective_settings, {})
    [result] = objective.run([TrialParams(number, values, seed)], ignore_reports)
    return result


def test_linear_is_two_x1_plus_x2() -> None:
    """The coefficients of shares 0.8 and 0.2."""
    assert _run({"function": "linear"}, x1=3.0, x2=1.0).value == 7.0


def test_product_is_x1_times_x2() -> None:
    """Pure interaction."""
    assert _run({"function": "product"}, x1=-0.5, x2=0.5).value == -0.25


def test_ishigami_equals_its_formula() -> None:
    """Sin x1 + 7 sin^2 x2 + 0.1 x3^4 sin x1, with a = 7 and b = 0.1 as usual."""
    value = _run({"function": "ishigami"}, x1=math.pi / 2, x2=math.pi / 2, x3=2.0).value

    assert value == pytest.approx(1.0 + 7.0 + 1.6)


@pytest.mark.parametrize("given", [{"alpha": 32}, {"scaling": 8.0}], ids=str)
def test_surface_scales_by_the_root_of_rank_with_rslora(given: Mapping[str, Scalar]) -> None:
    """Alpha 32 at rank 16 is scaling 8 with rsLoRA, and 2 (the surface's best) without."""
    plain = _run({"function": "surface"}, rank=16, targets=QKV, scaling=2.0).value
    rank_stabilised = _run({"function": "surface"}, rank=16, targets=QKV, rslora=True, **given)

    assert plain == _run({"function": "surface"}, rank=16, targets=QKV, alpha=32).value
    assert rank_stabilised.value == pytest.approx(plain - 0.0005 * (3 - 1) ** 2)


def test_surface_ranks_wider_target_sets_higher() -> None:
    """In the synthetic MCC the target set dominates."""
    sets = ["none", "query", QKV, "mlp.down+mlp.up"]

    values = [
        _run({"function": "surface"}, rank=8, alpha=16, targets=targets).value for targets in sets
    ]

    assert values == sorted(values)
    assert values[0] == 0.15


def test_surface_takes_scaling_instead_of_alpha() -> None:
    """A study may sample either; scaling 2 at rank 8 is alpha 16."""
    by_alpha = _run({"function": "surface"}, rank=8, alpha=16, targets=QKV)
    by_scaling = _run({"function": "surface"}, rank=8, scaling=2.0, targets=QKV)

    assert by_alpha.value == by_scaling.value


@given(seed=st.integers(0, 2**31), x1=st.floats(-1, 1))
@settings(deadline=None)
def test_a_trial_depends_on_parameters_and_seed_only(seed: int, x1: float) -> None:
    """Neither its number nor earlier trials matter."""
    noisy = {"function": "linear", "noise": 0.1}

    first = _run(noisy, seed=seed, number=0, x1=x1, x2=0.0)
    _run(noisy, seed=seed + 1, x1=x1, x2=0.0)
    again = _run(noisy, seed=seed, number=7, x1=x1, x2=0.0)

    assert first.value == again.value


def test_noise_has_the_requested_standard_deviation() -> None:
    """Over seeds, around the value without noise."""
    noisy = {"function": "linear", "noise": 0.5}

    values = [_run(noisy, seed=seed, x1=1.0, x2=1.0).value for seed in range(400)]

    # 400 normal draws: the mean is within 4 standard errors, the sd within 15 %.
    assert statistics.mean(values) == pytest.approx(3.0, abs=0.1)
    assert statistics.stdev(values) == pytest.approx(0.5, rel=0.15)


def test_a_trial_that_matches_a_condition_fails_with_its_reason() -> None:
    """The exception becomes a result; other trials of the pack are unaffected."""
    objective = Synthetic({"function": "linear", "fail_on": [{"x1": 1.0, "x2": 2.0}]}, {})
    pack = [TrialParams(i, {"x1": 1.0, "x2": x2}) for i, x2 in enumerate((1.0, 2.0, 3.0))]

    results = objective.run(pack, ignore_reports)

    assert [result.state for result in results] == ["COMPLETE", "FAIL", "COMPLETE"]
    assert results[1].value is None
    assert str(results[1].failure) == "exception: SyntheticError: trial 1 was asked to fail"
    assert "Traceback" in results[1].failure.traceback


def test_a_condition_may_name_the_trial() -> None:
    """Number, seed and replicate can be conditions like any parameter."""
    result = _run({"fail_on": [{"number": 4}]}, number=4, x1=0.0, x2=0.0)

    assert result.state is TrialState.FAIL


def test_a_missing_parameter_fails_only_that_trial() -> None:
    """Any exception within a trial is that trial's failure."""
    result = _run({"function": "linear"}, x1=1.0)

    assert result.state is TrialState.FAIL
    assert result.failure.kind == "KeyError"


def test_nan_is_returned_as_a_value() -> None:
    """As by an objective without checks; the framework must handle it."""
    result = _run({"nan_on": [{"x1": 1.0}]}, x1=1.0, x2=0.0)

    assert result.state is TrialState.COMPLETE
    assert math.isnan(result.value)


def test_a_collapsed_trial_has_the_value_0_and_is_marked() -> None:
    """By a condition, or at random by seed."""
    lost = _run({"collapse_on": [{"x1": 1.0}]}, x1=1.0, x2=2.0)
    chances = [
        _run({"collapse_rate": 0.2, "noise": 0.1}, seed=seed, x1=1.0, x2=2.0) for seed in range(300)
    ]
    collapsed = [result for result in chances if result.metrics.get("collapsed")]

    assert (lost.value, lost.metrics["collapsed"]) == (0.0, True)
    assert 40 <= len(collapsed) <= 80
    assert {result.value for result in collapsed} == {0.0}
    assert "collapsed" not in _run({}, x1=1.0, x2=2.0).metrics


def test_each_step_is_reported_closer_to_the_value() -> None:
    """The last report is the value itself."""
    seen: list[tuple[int, float]] = []

    def report(number: int, step: int, value: float, metrics: Mapping[str, float]) -> bool:
        del number, metrics
        seen.append((step, value))
        return False

    Synthetic({"steps": 3}, {}).run([TrialParams(0, {"x1": 2.0, "x2": 4.0})], report)

    assert seen == [(1, 4.0), (2, 6.0), (3, 8.0)]


def test_a_pruned_trial_stops_without_a_value() -> None:
    """It stops at the report that asks for it."""
    steps: list[int] = []

    def stop(number: int, step: int, value: float, metrics: Mapping[str, float]) -> bool:
        del number, value, metrics
        steps.append(step)
        return step == 2

    params = TrialParams(0, {"x1": 1.0, "x2": 1.0})
    [result] = Synthetic({"steps": 5}, {}).run([params], stop)

    assert (result.state, result.value, steps) == (TrialState.PRUNED, None, [1, 2])


def test_a_sleeping_trial_takes_that_long() -> None:
    """So that a test can kill a sweep during one."""
    result = _run({"sleep_seconds": 0.05, "steps": 5}, x1=0.0, x2=0.0)

    assert 0.05 <= result.seconds < 2.0


def test_all_faults_of_the_settings_are_reported_at_once() -> None:
    """Unknown names and broken rules, one message each."""
    bad = {
        "function": "cubic",
        "noise": -1,
        "steps": 0,
        "sleep_seconds": "long",
        "fail_on": {"x1": 1},
        "nan_on": [{}],
        "nois": 1,
    }

    with pytest.raises(SpecError, match=r"settings\.nois must be one of") as caught:
        Synthetic(bad, {})

    named = [text.split(" must ")[0] for text in caught.value.faults]
    assert named == [
        "settings.nois",
        "settings.function",
        "settings.noise",
        "settings.sleep_seconds",
        "settings.steps",
        "settings.fail_on",
        "settings.nan_on",
    ]


def test_check_names_every_missing_parameter() -> None:
    """Of the space, before anything runs."""
    space = Space({"rank": Choice(1, 2), "depth": Choice(1, 2)})

    with pytest.raises(SpecError, match="have alpha or scaling for surface") as caught:
        Synthetic({"function": "surface"}, {}).check(space, [])

    assert len(caught.value.faults) == 2


def test_check_accepts_a_baseline_that_adapts_nothing() -> None:
    """Rank 0 has no alpha; a baseline without targets is refused."""
    space = Space({"rank": Choice(1, 2), "alpha": Choice(1, 2), "targets": TargetSets("qkv")})
    objective = Synthetic({"function": "surface"}, {})

    report = objective.check(space, [{"rank": 0, "targets": "none"}])

    assert report == {"function": "surface", "parameters": ["rank", "alpha", "targets"]}
    with pytest.raises(SpecError, match=r"baseline .*have targets for surface"):
        objective.check(space, [{"rank": 0}])


def test_the_objective_is_found_by_its_dotted_name() -> None:
    """As a study spec names it."""
    objective = load_objective("objectives.synthetic:Synthetic", {"function": "product"}, {})

    assert objective.check(Space({"x1": Float(0, 1), "x2": Float(0, 1)}), [])
    assert objective.facts().fingerprints == {}
    assert set(objective.facts().versions) == {"numpy"}
