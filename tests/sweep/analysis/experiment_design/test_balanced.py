import itertools
import math
from collections import Counter
from functools import cache

import numpy as np
import pytest
from examples import examples
from hypothesis import given, settings
from hypothesis import strategies as st
from strategies import SPACES
from tiers import first

from sweep import Choice, Design, Float, Int, Space, TargetSets
from sweep.analysis.experiment_design.balanced import balanced_points, information
from sweep.analysis.experiment_design.factors import is_discrete, model, observed
from sweep.errors import SpecError
from sweep.study.design import Point
from sweep.study.spec import StudySpec

SPACE = Space(
    {
        "rank": Choice(2, 4, 8, 16, 32),
        "scaling": Choice(0.5, 1.0, 2.0, 4.0, 8.0),
        "targets": TargetSets("query+value", "qkv", "attention", "mlp", "all-linear"),
        "learning_rate": Float(5e-4, 1e-2, log=True),
    }
)


@cache
def usual() -> tuple[Point, ...]:
    """The default design, which takes a second."""
    return balanced_points(SPACE, Design())


def configurations(points: tuple[Point, ...]) -> list[Point]:
    """The first run of each configuration."""
    return [point for point in points if point.replicate == 0]


def key(point: Point) -> tuple[tuple[str, str], ...]:
    """A configuration's identity."""
    return tuple((name, repr(value)) for name, value in point.values.items())


def test_every_level_is_run_equally_often() -> None:
    """150 configurations over five levels are 30 of each."""
    for name in ("rank", "scaling", "targets"):
        counts = Counter(point.values[name] for point in configurations(usual()))
        assert counts == dict.fromkeys(SPACE[name].grid(), 30)


def test_pairs_of_levels_are_balanced() -> None:
    """Far more than at random, where a cell of 6 on average has from 1 to 12."""
    for a, b in itertools.combinations(("rank", "scaling", "targets"), 2):
        cells = Counter((p.values[a], p.values[b]) for p in configurations(usual()))
        assert len(cells) == 25
        assert 3 <= min(cells.values()) <= max(cells.values()) <= 9


def test_a_range_is_a_latin_hypercube() -> None:
    """One value per stratum of its logarithmic axis."""
    rates = [math.log(p.values["learning_rate"]) for p in configurations(usual())]
    unit = (np.array(rates) - math.log(5e-4)) / (math.log(1e-2) - math.log(5e-4))

    assert sorted((unit * 150).astype(int).tolist()) == list(range(150))


def test_coefficients_are_as_precise_as_with_orthogonal_columns() -> None:
    """Within 2 % in the mean, and better than a design with shuffled levels."""
    factors, levels = observed(SPACE, [p.values for p in configurations(usual())])
    x = model(factors, levels, products=True)
    inflation = np.trace(np.linalg.inv(x.T @ x / len(x))) / x.shape[1]
    rng = np.random.default_rng(0)
    shuffled = np.column_stack([rng.permutation(column) for column in levels.T])

    assert 1.0 <= inflation < 1.02
    assert information(x) > information(model(factors, shuffled, products=True))


def test_the_same_seed_gives_the_same_design() -> None:
    """Another seed gives another."""
    small = Design(20, 3, tries=5)

    assert balanced_points(SPACE, small) == balanced_points(SPACE, small)
    assert balanced_points(SPACE, small) != balanced_points(SPACE, Design(20, 3, 1, 5))


def test_duplicates_have_another_seed_and_are_spread_over_the_choices() -> None:
    """Twelve over five target sets: two or three of each; no two runs share a seed."""
    again = [point for point in usual() if point.replicate]
    first = {point.index: point for point in configurations(usual())}

    assert len(usual()) == 162
    assert len({point.seed for point in usual()}) == 162
    assert all(key(point) == key(first[point.index]) for point in again)
    assert sorted(Counter(p.values["targets"] for p in again).values()) == [2, 2, 2, 3, 3]


@pytest.mark.parametrize("runs", [5, 23, 80, 161])
def test_every_prefix_of_the_runs_is_balanced(runs: int) -> None:
    """Over unordered choices within one run, over ordered levels nearly so."""
    for name, slack in (("targets", 1), ("rank", 5), ("scaling", 5)):
        counts = Counter(point.values[name] for point in usual()[:runs])
        turns = [counts[level] for level in SPACE[name].grid()]
        assert max(turns) - min(turns) <= slack


def test_configurations_are_numbered_in_run_order() -> None:
    """The index is the run order, which is not the order of the levels."""
    firsts = [point.index for point in configurations(usual())]

    assert firsts == list(range(150))
    assert [p.values["rank"] for p in usual()] != sorted(p.values["rank"] for p in usual())


@pytest.mark.parametrize("n", first(3, [2, 63, 125, 40, 62, 100, 124, 150]))
def test_a_finite_space_has_no_repeated_configuration(n: int) -> None:
    """Up to the full factorial; level counts differ by at most one."""
    space = Space({name: SPACE[name] for name in ("rank", "scaling", "targets")})
    points = configurations(balanced_points(space, Design(n, 0, tries=3)))

    assert len({key(point) for point in points}) == len(points) == min(n, 125)
    for name in space:
        counts = Counter(point.values[name] for point in points)
        turns = [counts[level] for level in space[name].grid()]
        assert max(turns) - min(turns) <= 1


@given(SPACES, st.integers(2, 40), st.integers(0, 3))
@settings(max_examples=examples(25), deadline=None)
def test_any_space_has_a_design(space: Space, n: int, duplicates: int) -> None:
    """Distinct configurations of the space, as many as requested or as exist."""
    try:
        spec = StudySpec("s", "a.b:C", space, design=Design(n, duplicates, tries=2))
    except SpecError:
        return
    points = balanced_points(space, spec.design)
    firsts = configurations(points)
    size = space.size()

    assert len({key(point) for point in firsts}) == len(firsts)
    assert len(firsts) == (n if size is None else min(n, size))
    assert len(points) == len(firsts) + min(duplicates, len(firsts))
    assert all(space.contains(point.values) for point in points)
    for name in (name for name in space if is_discrete(space[name])):
        counts = Counter(repr(point.values[name]) for point in firsts)
        turns = [counts[repr(level)] for level in space[name].grid()]
        if size is None:
            assert max(turns) - min(turns) <= 1


def test_wide_integer_ranges_are_spread_like_a_range() -> None:
    """Each tenth of the range has the same number of values, none repeated."""
    points = balanced_points(Space({"epochs": Int(1, 100)}), Design(50, 0, tries=2))
    values = [point.values["epochs"] for point in points]

    assert len(set(values)) == 50
    assert set(np.bincount([(v - 1) // 10 for v in values]).tolist()) <= {3, 4, 5, 6, 7}
