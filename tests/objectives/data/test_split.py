"""Splitting chains into train, validation and test."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from objectives.data.chain import Chain
from objectives.data.options import DataOptions
from objectives.data.splits import Splits, cap, carve, drop_long
from sweep.errors import DataError


def chain(index: int, length: int = 10) -> Chain:
    """A chain identified by its name."""
    return Chain(str(index), "A" * length, (0,) * length)


@given(
    st.lists(st.tuples(st.integers(0, 12), st.integers(1, 500)), min_size=2, max_size=60),
    st.floats(0.01, 0.99),
    st.integers(0, 5),
)
@settings(deadline=None)
def test_no_cluster_straddles_and_no_chain_is_lost(
    cases: list[tuple[int, int]], fraction: float, seed: int
) -> None:
    """Every chain is on one side, with its whole cluster, and neither side is empty."""
    chains = [chain(index, length) for index, (_, length) in enumerate(cases)]
    clusters = np.array([number for number, _ in cases])
    if len(set(clusters.tolist())) == 1:
        clusters[0] = 99

    train, validation = carve(chains, clusters, fraction=fraction, seed=seed)

    assert train
    assert validation
    assert sorted([*train, *validation], key=lambda c: int(c.id)) == chains
    sides = [{clusters[int(c.id)] for c in side} for side in (train, validation)]
    assert not sides[0] & sides[1]


def test_the_share_is_close_and_depends_on_the_seed() -> None:
    """With many clusters the share of residues is within half a per cent."""
    random = np.random.default_rng(0)
    chains = [
        chain(index, int(length)) for index, length in enumerate(random.integers(50, 900, 500))
    ]
    clusters = random.integers(0, 300, 500)
    total = sum(len(c.sequence) for c in chains)

    sides = [carve(chains, clusters, fraction=0.2, seed=seed)[1] for seed in (0, 0, 1)]

    for side in sides:
        assert sum(len(c.sequence) for c in side) / total == pytest.approx(0.2, abs=0.005)
    assert sides[0] == sides[1] != sides[2]


@pytest.mark.parametrize(
    ("lengths", "members"),
    [
        ([5000, *[50] * 12], range(13)),
        ([*[500] * 10, *[50] * 12], [*[0] * 10, *range(1, 13)]),
        ([5000, 5000, *[50] * 12], range(14)),
        ([900, 50, 50], range(3)),
    ],
    ids=["one chain", "ten relatives", "two chains", "three chains"],
)
def test_clusters_with_nearly_all_residues_do_not_train_alone(
    lengths: list[int], members: list[int]
) -> None:
    """Most of the other clusters train with them, and none of the large ones is in validation."""
    chains = [chain(index, length) for index, length in enumerate(lengths)]
    clusters = np.array(list(members))

    for seed in range(5):
        train, validation = carve(chains, clusters, fraction=0.15, seed=seed)

        held = {clusters[int(c.id)] for c in validation}
        assert 1 <= len(held) <= max(1, round(0.15 * len(set(clusters.tolist()))))
        assert all(len(c.sequence) == 50 for c in validation)
        assert len(train) + len(validation) == len(chains)


def test_one_cluster_cannot_be_divided() -> None:
    """Near-duplicates on both sides would make validation worthless."""
    with pytest.raises(DataError, match=r"at least two clusters of unlike sequences.*, got 1\."):
        carve([chain(0), chain(1)], np.array([3, 3]), fraction=0.5, seed=0)


def test_long_chains_are_dropped_from_every_split_and_counted() -> None:
    """A chain at the limit is kept."""
    splits = Splits(train=[chain(0, 5), chain(1, 6)], test=[chain(2, 7), chain(3, 5)])

    assert drop_long(splits, 5) == (Splits(train=[chain(0, 5)], test=[chain(3, 5)]), 2)
    assert drop_long(splits, None) == (splits, 0)


def test_caps_draw_a_seeded_subsample_of_each_split() -> None:
    """Each cap applies to its split only, keeps the order, and depends on the seed."""
    chains = [chain(index) for index in range(50)]
    splits = Splits(train=chains, validation=chains, test=chains)
    options = DataOptions(train_chains=20, validation_chains=5)

    capped = cap(splits, options)

    assert [len(side) for side in capped.given().values()] == [20, 5, 50]
    assert [int(c.id) for c in capped.train] == sorted(int(c.id) for c in capped.train)
    assert cap(splits, options) == capped
    assert cap(splits, DataOptions(data_seed=1, train_chains=20)).train != capped.train
    assert len(cap(splits, DataOptions(test_chains=7)).test or ()) == 7
    assert cap(splits, DataOptions(train_chains=99)) == splits
