"""The synthetic data set: repeatable, labelled by motifs, not solvable from single letters."""

from __future__ import annotations

from collections import Counter
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import matthews_corrcoef

from objectives.data import motifs
from objectives.data.chain import Chain
from objectives.data.motifs import MOTIFS, Motif
from sweep.errors import SpecError

Split = tuple[list[Chain], list[Chain]]


@pytest.fixture(scope="module")
def split() -> Split:
    """Return the default data set."""
    return motifs.generate()


def test_the_same_seed_gives_the_same_chains(split: Split) -> None:
    """Generating twice gives equal records; another seed gives others."""
    assert motifs.generate() == split
    other, _ = motifs.generate(seed=1, train_chains=20, test_chains=1)
    assert not {c.sequence for c in other} & {c.sequence for c in split[0]}


def test_the_counts_and_lengths_are_as_requested(split: Split) -> None:
    """The default has 400 and 120 chains, all within the stated lengths."""
    train, test = split
    assert (len(train), len(test)) == (400, 120)
    low, high = motifs.LENGTHS
    assert all(low <= len(c.sequence) <= high for c in (*train, *test))


def test_sequences_are_unique(split: Split) -> None:
    """Training and test chains are disjoint, and distinct among themselves."""
    sequences = [c.sequence for part in split for c in part]
    assert len(set(sequences)) == len(sequences)


def test_labels_and_ligands_agree_and_are_inside_the_chain(split: Split) -> None:
    """The labelled residues are the union of the ligands' positions, all within the sequence."""
    for chain in (*split[0], *split[1]):
        assert len(chain.labels) == len(chain.sequence)
        positions = {i for found in chain.ligands.values() for i in found}
        assert positions == {i for i, label in enumerate(chain.labels) if label == 1}
        assert set(chain.labels) <= {0, 1}
        assert all(0 <= i < len(chain.sequence) for i in positions)


def test_a_residue_binds_exactly_if_a_motif_matches_there(split: Split) -> None:
    """Every match in every chain is labelled with its ligand, and nothing else is."""
    for chain in (*split[0], *split[1]):
        expected: dict[str, set[int]] = {}
        for motif in MOTIFS:
            for positions in motif.occurrences(chain.sequence):
                expected.setdefault(motif.ligand, set()).update(positions)
        assert {k: set(v) for k, v in chain.ligands.items()} == expected


def test_a_few_percent_of_residues_bind_and_every_ligand_occurs(split: Split) -> None:
    """Positives are 3 to 6 %, as scarce as in real chains, with all ligands in both splits."""
    for part in split:
        labels = [label for chain in part for label in chain.labels]
        assert 0.03 <= sum(labels) / len(labels) <= 0.06
        assert {name for c in part for name in c.ligands} == {m.ligand for m in MOTIFS}


def test_residue_identity_alone_cannot_solve_it(split: Split) -> None:
    """The best rule that sees one letter stays under an MCC of 0.3 on its own training data."""
    letters = [s for c in split[0] for s in c.sequence]
    labels = [label for c in split[0] for label in c.labels]
    total, binding = Counter(letters), Counter(s for s, b in zip(letters, labels, strict=True) if b)
    by_share = sorted(total, key=lambda s: -binding[s] / total[s])
    scores = []
    for count in range(1, len(by_share)):
        chosen = set(by_share[:count])
        scores.append(matthews_corrcoef(labels, [int(s in chosen) for s in letters]))
    assert max(scores) < 0.3


@settings(deadline=None)
@given(motif=st.sampled_from(MOTIFS), seed=st.integers(0, 2**32))
def test_a_decoy_does_not_match_but_is_made_of_the_motif(motif: Motif, seed: int) -> None:
    """A decoy matches its motif nowhere, and differs from an instance by one letter or by order."""
    text = motifs.decoy(motif, Random(seed))
    assert not motif.occurrences(text)
    lengths = [
        sum(limits) for limits in zip(*((e.low, e.high) for e in motif.elements), strict=True)
    ]
    assert lengths[0] <= len(text) <= lengths[1]


def test_there_are_many_decoys(split: Split) -> None:
    """At least as many chains hold a one-letter break of a P-loop's tail as hold a P-loop."""
    near = sum(c.sequence.count("GK") for c in split[0])
    true = sum(len(MOTIFS[0].occurrences(c.sequence)) for c in split[0])
    assert near > 2 * true > 0


def test_counts_below_one_are_refused_together() -> None:
    """Both faults are reported at once."""
    with pytest.raises(
        SpecError, match=r"train_chains must be at least 1, got 0(.|\n)*test_chains"
    ):
        motifs.generate(train_chains=0, test_chains=-1)
