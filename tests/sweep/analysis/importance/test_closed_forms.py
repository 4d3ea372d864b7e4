"""Pairs, Shapley effects, permutation importance and MDI against closed forms."""

from __future__ import annotations

import itertools

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tables import ishigami_table, study_table

from sweep.analysis.importance import shapley
from sweep.analysis.importance.importance import importance
from sweep.analysis.importance.result import Method
from sweep.analysis.table import TrialTable
from sweep.study.parameters import Choice, Float
from sweep.study.space import Space

SQUARE = Space({"x1": Float(-1.0, 1.0), "x2": Float(-1.0, 1.0)})


def _shares(table: TrialTable, method: Method) -> dict[str, float]:
    result = importance(table, method=method, n_bootstrap=0, n_null=0)
    return {row.name: row.share for row in result.rows}


def test_the_pair_of_ishigami_is_found_among_three() -> None:
    """The pair x1, x3 explains 0.2437 beyond its members alone, the other pairs nothing."""
    shares = _shares(ishigami_table(2048), "fanova")

    assert shares["x1:x3"] == pytest.approx(0.2437, abs=0.03)
    assert shares["x1:x2"] < 0.03
    assert shares["x2:x3"] < 0.03


def test_a_product_is_one_pair() -> None:
    """x1 x2 on [-1, 1] has no main effects: the pair's share is everything."""
    shares = _shares(study_table(SQUARE, 800, lambda v: float(v["x1"]) * float(v["x2"])), "fanova")

    assert shares["x1:x2"] == pytest.approx(1.0, abs=0.05)


def test_a_sum_has_no_pair() -> None:
    """x1 + x2 + x3 over choices, every combination twice: no pair has a share."""
    space = Space({f"x{i}": Choice(0, 1, 2) for i in (1, 2, 3)})
    grid = np.array(2 * list(itertools.product(range(3), repeat=3)))
    columns = {f"x{i + 1}": grid[:, i] for i in range(3)}
    table = TrialTable.from_arrays(columns, grid.sum(axis=1), space=space)

    shares = _shares(table, "fanova")

    pairs = [share for name, share in shares.items() if ":" in name]
    assert len(pairs) == 3
    assert max(pairs) < 0.01


def test_beyond_eight_parameters_there_are_no_pairs() -> None:
    """Of nine parameters there would be 36."""
    space = Space({f"x{i}": Float(0.0, 1.0) for i in range(9)})

    shares = _shares(study_table(space, 40, lambda v: float(v["x0"])), "fanova")

    assert not [name for name in shares if ":" in name]


@pytest.mark.parametrize("exact", [8, 0], ids=["every subset", "sampled orders"])
def test_shapley_halves_the_interaction_of_ishigami(
    exact: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """x1 has 0.3139 + 0.2437 / 2, x2 0.4424, x3 0.2437 / 2, with all subsets and sampled orders."""
    monkeypatch.setattr(shapley, "EXACT", exact)

    shares = _shares(ishigami_table(2048), "shapley")

    expected = {"x1": 0.3139 + 0.2437 / 2, "x2": 0.4424, "x3": 0.2437 / 2}
    assert shares == pytest.approx(expected, abs=0.03)
    assert sum(shares.values()) == pytest.approx(1.0)


@pytest.mark.integration
def test_shapley_of_many_parameters_finds_the_two_that_matter() -> None:
    """Ten parameters, 2 x0 + x1: sampled orders give 0.8 and 0.2."""
    space = Space({f"x{i}": Float(0.0, 1.0) for i in range(10)})
    table = study_table(space, 600, lambda v: 2.0 * float(v["x0"]) + float(v["x1"]))

    shares = _shares(table, "shapley")

    assert shares["x0"] == pytest.approx(0.8, abs=0.05)
    assert shares["x1"] == pytest.approx(0.2, abs=0.05)


def test_shapley_of_a_product_is_a_half_each() -> None:
    """Neither has an effect alone; together they explain everything."""
    shares = _shares(study_table(SQUARE, 800, lambda v: float(v["x1"]) * float(v["x2"])), "shapley")

    assert shares == pytest.approx({"x1": 0.5, "x2": 0.5}, abs=0.05)


@given(st.lists(st.floats(-1.0, 1.0), min_size=8, max_size=8))
def test_shapley_values_of_a_game(worths: list[float]) -> None:
    """They sum to the value of all players, and are the mean over the six orders of three."""
    subsets = [frozenset(c) for k in range(4) for c in itertools.combinations(range(3), k)]
    game = dict(zip(subsets, worths, strict=True))

    values = shapley.shapley(3, game.__getitem__)

    expected = np.zeros(3)
    for order in itertools.permutations(range(3)):
        for at, player in enumerate(order):
            before = frozenset(order[:at])
            expected[player] += (game[before | {player}] - game[before]) / 6
    assert values == pytest.approx(expected, abs=1e-12)


def test_permutation_gives_total_shares() -> None:
    """For Ishigami 0.5576, 0.4424 and 0.2437: an interaction counts for both of its members."""
    shares = _shares(ishigami_table(2048), "permutation")

    assert shares == pytest.approx({"x1": 0.5576, "x2": 0.4424, "x3": 0.2437}, abs=0.08)


@pytest.mark.parametrize("method", ["mdi", "permutation", "shapley"])
def test_linear_shares_are_four_fifths_and_one_fifth(method: Method) -> None:
    """2 x1 + x2 on equal ranges has no interaction, so all methods agree."""
    table = study_table(SQUARE, 800, lambda v: 2.0 * float(v["x1"]) + float(v["x2"]))

    assert _shares(table, method) == pytest.approx({"x1": 0.8, "x2": 0.2}, abs=0.04)


def test_held_out_trials_give_noise_no_share() -> None:
    """MDI distributes noise in full, since it uses the trials on which the forest was grown."""
    rng = np.random.default_rng(0)
    table = study_table(SQUARE, 200, lambda _: float(rng.normal()))

    assert sum(_shares(table, "mdi").values()) == pytest.approx(1.0)
    assert sum(_shares(table, "permutation").values()) < 0.25


def test_seeds_of_a_configuration_are_held_out_together() -> None:
    """Otherwise a forest would know a held-out run from its replicate.

    For two copies of 60 rows of noise, each copy would predict the other.
    """
    rng = np.random.default_rng(1)
    x, y = rng.uniform(size=60), rng.normal(size=60)
    columns: dict[str, npt.ArrayLike] = {"x": np.tile(x, 2)}
    replicated = TrialTable.from_arrays(columns, np.tile(y, 2), seeds=np.repeat([0, 1], 60))

    assert _shares(replicated, "permutation")["x"] < 0.3
