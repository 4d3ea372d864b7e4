import math

import pytest
from hypothesis import given
from strategies import SPACES, configurations

from sweep import Choice, Float, Int, Space, TargetSets


@given(configurations())
def test_decode_inverts_encode(case: tuple[Space, dict[str, object]]) -> None:
    """Exactly for integers and choices; up to rounding for floats on a log axis."""
    space, values = case
    again = space.decode(space.encode(values))

    for name, value in values.items():
        if isinstance(space[name], Float):
            assert math.isclose(again[name], value, rel_tol=1e-9, abs_tol=1e-12)
        else:
            assert again[name] == value
            assert type(again[name]) is type(value)


@given(configurations())
def test_every_drawn_configuration_is_contained(case: tuple[Space, dict[str, object]]) -> None:
    """A configuration is in its space, but not with a missing or additional parameter."""
    space, values = case

    assert space.contains(values)
    assert not space.contains({**values, "stranger": 1})
    assert not space.contains(dict(list(values.items())[1:]))


@given(SPACES)
def test_json_round_trip_keeps_a_space(space: Space) -> None:
    """Including the order of choices, on which Optuna's categorical distributions depend."""
    again = Space.from_json(space.to_json())

    assert again == space
    assert [p.to_json() for p in again.params.values()] == [
        p.to_json() for p in space.params.values()
    ]


@pytest.mark.parametrize(
    ("param", "value"),
    [
        (Int(1, 9, step=2), 2),
        (Int(1, 9), 10),
        (Int(0, 1), True),
        (Int(1, 9), 2.0),
        (Float(0.1, 0.2), 0.3),
        (Float(0.0, 1.0), math.nan),
        (Choice(1, 2), True),
        (Choice("a"), "b"),
        (TargetSets("qkv"), "qkv"),  # stored canonically
    ],
)
def test_values_outside_are_refused(param: object, value: object) -> None:
    """Off the step, out of range, of another type, or not in canonical form."""
    assert not param.contains(value)


@pytest.mark.parametrize(
    ("param", "sentence"),
    [
        (Int(5, 1), "space.x must have low <= high, got (5, 1)."),
        (Int(1, 8, step=2), "space.x.step must divide 8 - 1, got 2."),
        (Int(1.5, 2), "space.x.low must be a whole number, got 1.5."),
        (Float(0, 1, log=True), "space.x.low must be above 0 on a log axis, got 0. Raise low."),
        (Float(0, math.inf), "space.x.high must be a finite number, got inf."),
        (Choice(), "space.x must offer at least one value, got ()."),
        (Choice(1, 1.0), "space.x must offer each value once, got (1, 1.0)."),
        (Choice(1, True), "space.x must offer each value once, got (1, True)."),
        (TargetSets(), "space.x must offer at least one target set, got ()."),
    ],
)
def test_a_wrong_parameter_has_one_message(param: object, sentence: str) -> None:
    """With name, rule and value."""
    assert param.faults("x") == [sentence]


def test_a_tuple_as_choice_is_refused_with_the_reason() -> None:
    """Optuna accepts tuples, but cannot resume them from SQLite."""
    (sentence,) = Choice(("query", "value"), "a").faults("targets")

    assert "does not survive a resume" in sentence


def test_two_names_for_the_same_matrices_are_a_fault() -> None:
    """Otherwise that set would be sampled twice as often as the others."""
    (sentence,) = TargetSets("qkv", same="value+key+query").faults("targets")

    assert sentence.startswith("space.targets must name each set of matrices once, got 'same'")


def test_size_counts_configurations() -> None:
    """The demo's space has 252."""
    from studies.demo import STUDY

    assert STUDY.space.size() == 6 * 7 * 6
    assert Space({"x": Float(0, 1)}).size() is None


def test_labels_name_canonical_sets() -> None:
    """Canonical names are stored, the given names are shown."""
    targets = TargetSets("qkv", wide="all-linear")

    assert targets.values == ("key+query+value", "attention.output+key+mlp.down+mlp.up+query+value")
    assert [targets.label(value) for value in targets.values] == ["qkv", "wide"]
    assert targets.label("query") == "query"
