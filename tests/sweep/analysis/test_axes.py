"""Numeric axes of parameters."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest

from sweep.analysis.axes import derivation, sampled_axes, with_derived
from sweep.analysis.table import Row, TrialTable
from sweep.study.parameters import Choice, Float, Int, Param, TargetSets
from sweep.study.space import Space
from sweep.study.trial import Scalar


def _table(space: Space, *values: dict[str, Scalar]) -> TrialTable:
    return TrialTable.from_rows([Row(i, v, 0.0) for i, v in enumerate(values)], space=space)


@pytest.mark.parametrize(
    ("param", "values", "places", "low", "high"),
    [
        (Choice(8, 1, 2), [1, 2, 8], [0, 1, 2], -0.5, 2.5),
        (Int(2, 6, step=2), [2, 4, 6], [2, 4, 6], 1.0, 7.0),
        (Int(1, 8, log=True), [1, 2, 8], [0, 1, 3], -1.0, math.log2(8.5)),
        (Float(0.0, 2.0), [0.5, 1.0, 2.0], [0.5, 1.0, 2.0], 0.0, 2.0),
        (Float(0.25, 4.0, log=True), [0.25, 1.0, 4.0], [-2, 0, 2], -2.0, 2.0),
    ],
)
def test_ordered_parameters_are_numeric(
    param: Param, values: list[Scalar], places: list[float], low: float, high: float
) -> None:
    """By rank among choices, by value, or by log2; discrete values have equal cells."""
    [axis] = sampled_axes(_table(Space({"p": param}), *({"p": value} for value in values)))

    assert axis.places.tolist() == places
    assert (axis.low, axis.high) == pytest.approx((low, high))
    assert axis.columns().shape == (3, 1)


def test_unordered_choices_are_one_hot() -> None:
    """Target sets and words have one column per choice."""
    space = Space({"targets": TargetSets("qkv", "mlp"), "schedule": Choice("linear", "cosine")})
    table = _table(
        space,
        {"targets": "mlp.down+mlp.up", "schedule": "linear"},
        {"targets": "key+query+value", "schedule": "linear"},
    )

    targets, schedule = sampled_axes(table)

    assert targets.columns().tolist() == [[0.0, 1.0], [1.0, 0.0]]
    assert schedule.columns().tolist() == [[1.0, 0.0], [1.0, 0.0]]


def test_booleans_are_categorical() -> None:
    """True and False are two choices."""
    [axis] = sampled_axes(_table(Space({"rslora": Choice(True, False)}), {"rslora": False}))

    assert axis.kind == "unordered"


def test_a_range_of_one_value_has_a_width() -> None:
    """So that shares are not divided by 0."""
    [axis] = sampled_axes(_table(Space({"p": Float(1.0, 1.0)}), {"p": 1.0}))

    assert axis.low < 1.0 < axis.high


def test_scaling_is_derived_from_sampled_alpha() -> None:
    """On log2, over its whole possible range, in place of alpha."""
    space = Space({"rank": Choice(1, 2, 4), "alpha": Choice(2, 8), "targets": TargetSets("qkv")})
    table = _table(
        space,
        {"rank": 4, "alpha": 2, "targets": "key+query+value"},
        {"rank": 1, "alpha": 8, "targets": "key+query+value"},
    )
    rule = derivation(table)

    assert rule is not None
    axes = with_derived(sampled_axes(table), table, rule)

    assert [axis.name for axis in axes] == ["rank", "scaling", "targets"]
    assert (axes[1].low, axes[1].high) == (-1.0, 3.0)
    assert axes[1].places.tolist() == [-1.0, 3.0]


def test_alpha_is_derived_from_sampled_scaling() -> None:
    """The reverse, if a study samples scaling."""
    space = Space({"rank": Choice(1, 4), "scaling": Float(0.5, 2.0, log=True)})
    table = _table(space, {"rank": 4, "scaling": 2.0})
    rule = derivation(table)

    assert rule is not None
    assert (rule.name, rule.of) == ("alpha", ("rank", "scaling"))
    [_, alpha] = with_derived(sampled_axes(table), table, rule)
    assert alpha.places.tolist() == [3.0]
    assert (alpha.low, alpha.high) == (-1.0, 3.0)


@pytest.mark.parametrize(
    "space",
    [
        {"rank": Choice(1, 2)},
        {"alpha": Choice(1, 2)},
        {"rank": Choice(0, 2), "alpha": Choice(1, 2)},
        {"rank": Int(0, 4), "alpha": Choice(1, 2)},
        {"rank": Choice("low", "high"), "alpha": Choice(1, 2)},
        {"rank": Choice(1, 2), "alpha": Choice(1, 2), "scaling": Choice(1, 2)},
    ],
)
def test_nothing_is_derived_without_positive_rank_and_alpha(space: dict[str, Param]) -> None:
    """No logarithm of 0, no guess at the meaning of a word, nothing derived twice."""
    assert derivation(_table(Space(space))) is None


@pytest.mark.parametrize(
    ("extra", "fixed", "of", "formula", "reach", "places"),
    [
        ({}, {"rslora": True}, "rank alpha", "alpha / sqrt(rank)", (0.0, 3.0), [0.0, 3.0]),
        ({"rslora": Choice(True)}, {}, "rank alpha", "alpha / sqrt(rank)", (0.0, 3.0), [0.0, 3.0]),
        ({}, {"rslora": False}, "rank alpha", "alpha / rank", (-1.0, 3.0), [-1.0, 3.0]),
        (
            {"rslora": Choice(True, False)},
            {"rslora": True},
            "rank alpha rslora",
            "alpha / rank, or alpha / sqrt(rank) with rslora",
            (-1.0, 3.0),
            [0.0, 3.0],
        ),
    ],
)
def test_scaling_is_rank_stabilised_if_the_trials_are(
    extra: dict[str, Param],
    fixed: dict[str, Scalar],
    of: str,
    formula: str,
    reach: tuple[float, float],
    places: list[float],
) -> None:
    """By a fixed setting, or trial by trial; a constant is not shown in the formula."""
    space = Space({"rank": Choice(1, 2, 4), "alpha": Choice(2, 8), **extra})
    mixed = len(of.split()) == 3
    settings = [{"rslora": True}, {"rslora": not mixed}] if extra else [{}, {}]
    table = _table(
        space, {"rank": 4, "alpha": 2, **settings[0]}, {"rank": 1, "alpha": 8, **settings[1]}
    )
    table = replace(table, fixed=fixed)
    rule = derivation(table)

    assert rule is not None
    assert (rule.of, rule.says) == (tuple(of.split()), formula)
    axis = with_derived(sampled_axes(table), table, rule)[1]
    assert (axis.name, axis.low, axis.high) == ("scaling", *reach)
    assert axis.places.tolist() == places


def test_alpha_is_derived_with_the_root_of_rank_if_trials_are_rank_stabilised() -> None:
    """Back from a factor of 2 at rank 4."""
    space = Space({"rank": Choice(1, 4), "scaling": Float(0.5, 2.0, log=True)})
    table = replace(_table(space, {"rank": 4, "scaling": 2.0}), fixed={"rslora": True})
    rule = derivation(table)

    assert rule is not None
    assert rule.says == "scaling * sqrt(rank)"
    [_, alpha] = with_derived(sampled_axes(table), table, rule)
    assert (alpha.places.tolist(), alpha.low, alpha.high) == ([2.0], -1.0, 2.0)


@pytest.mark.parametrize("value", ["yes", 1, None, ["true"]])
def test_nothing_is_derived_if_rslora_is_not_boolean(value: object) -> None:
    """In another framework's study the name may mean anything."""
    table = _table(Space({"rank": Choice(1, 2), "alpha": Choice(1, 2)}))

    assert derivation(replace(table, fixed={"rslora": value})) is None


def test_rows_can_be_resampled() -> None:
    """A resample repeats rows and keeps the range."""
    [axis] = sampled_axes(_table(Space({"p": Choice(1, 2, 4)}), {"p": 1}, {"p": 4}))

    taken = axis.take(np.array([1, 1, 0]))

    assert taken.places.tolist() == [2.0, 2.0, 0.0]
    assert (taken.low, taken.high) == (axis.low, axis.high)
