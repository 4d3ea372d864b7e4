"""Clusters of similar sequences."""

from __future__ import annotations

import numpy as np
import pytest

from objectives.data.similarity import kmers
from objectives.data.similarity.kmers import cluster_numbers

LETTERS = np.array(list("ACDEFGHIKLMNPQRSTVWY"))


def random_sequence(random: np.random.Generator, length: int) -> str:
    """Uniformly drawn residues."""
    return "".join(random.choice(LETTERS, length))


def mutated(random: np.random.Generator, sequence: str, identity: float) -> str:
    """A copy with a random share of its residues changed."""
    letters = np.array(list(sequence))
    changed = random.random(len(letters)) >= identity
    letters[changed] = random.choice(LETTERS, int(changed.sum()))
    return "".join(letters)


def test_homologs_cluster_and_unrelated_chains_do_not() -> None:
    """Families at 75 % identity are found completely among unrelated chains, and kept apart."""
    random = np.random.default_rng(0)
    parents = [random_sequence(random, 250) for _ in range(40)]
    family = [mutated(random, parent, 0.75) for parent in parents for _ in range(2)]
    strangers = [random_sequence(random, length) for length in random.integers(20, 800, 200)]

    numbers = cluster_numbers([*parents, *family, *strangers])

    assert len(set(numbers.tolist())) == 40 + 200
    for index in range(40):
        assert len({numbers[index], numbers[40 + 2 * index], numbers[41 + 2 * index]}) == 1


def test_fragment_joins_the_chain_that_contains_it() -> None:
    """Coverage is of the shorter chain, so that a domain in a longer chain is found."""
    random = np.random.default_rng(1)
    whole = random_sequence(random, 600)

    numbers = cluster_numbers([random_sequence(random, 600), whole, whole[200:260]])

    assert numbers[1] == numbers[2] != numbers[0]


def test_clusters_join_through_a_chain_between() -> None:
    """Two fragments without overlap are one cluster through the chain that contains both."""
    whole = random_sequence(np.random.default_rng(2), 200)

    assert len(set(cluster_numbers([whole[:80], whole[120:], whole]).tolist())) == 1
    assert len(set(cluster_numbers([whole[:80], whole[120:]]).tolist())) == 2


def test_chains_too_short_for_a_kmer_are_clusters_of_one() -> None:
    """They share no k-mer with others."""
    assert len(set(cluster_numbers(["MK", "MKV", "A"]).tolist())) == 3
    assert cluster_numbers([]).tolist() == []


def test_several_blocks_give_the_same_clusters() -> None:
    """Links across blocks of the matrix product are found."""
    random = np.random.default_rng(3)
    chains = [random_sequence(random, 60) for _ in range(700)]

    numbers = cluster_numbers([*chains, *chains[::-1]])

    assert (numbers[:700] == numbers[700:][::-1]).all()
    assert len(set(numbers.tolist())) == 700


def test_skipping_earlier_chains_loses_no_pair(monkeypatch: pytest.MonkeyPatch) -> None:
    """For any number of blocks and any numbering of k-mers."""
    random = np.random.default_rng(4)
    parents = [random_sequence(random, 120) for _ in range(12)]
    chains = [mutated(random, parent, 0.8) for _ in range(3) for parent in parents]
    whole = cluster_numbers(chains).tolist()

    monkeypatch.setattr(kmers, "_BLOCK", 4)
    monkeypatch.setattr(kmers, "_LATER", 8)
    monkeypatch.setattr(kmers, "_TABLE", 0)

    assert cluster_numbers(chains).tolist() == whole == [*range(12)] * 3
