"""Records of the same sequence are merged into one chain."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from objectives.data.chain import IGNORED, Chain
from objectives.data.splits import Splits, drop_overlap, merge_identical


def test_labels_are_united_and_each_ligand_keeps_its_residues() -> None:
    """A residue that binds in one ligand's file is no negative because of another's."""
    atp = Chain("a", "MKV", (1, 0, 0), {"ATP": (0,)}, "first")
    zinc = Chain("b", "MKV", (0, 0, 1), {"ZN": (2,)}, "second")
    more = Chain("c", "MKV", (1, 0, 1), {"ATP": (0, 2)}, "third")

    assert merge_identical([atp, zinc, more]) == [
        Chain("a", "MKV", (1, 0, 1), {"ATP": (0, 2), "ZN": (2,)}, "first")
    ]


def test_known_labels_override_unknown_and_binding_overrides_not_binding() -> None:
    """Over all records of the sequence."""
    one = Chain("a", "MKVA", (IGNORED, IGNORED, 0, IGNORED))
    two = Chain("b", "MKVA", (0, 1, 1, IGNORED))

    assert merge_identical([one, two])[0].labels == (0, 1, 1, IGNORED)


@given(st.lists(st.tuples(st.sampled_from(["MK", "AC", "GG"]), st.integers(0, 3))))
@settings(deadline=None)
def test_merging_keeps_every_binding_residue_and_unique_sequences(
    cases: list[tuple[str, int]],
) -> None:
    """Merging again changes nothing; positives are those of any record."""
    chains = [Chain(str(i), s, (bits & 1, bits >> 1)) for i, (s, bits) in enumerate(cases)]

    merged = merge_identical(chains)

    assert merge_identical(merged) == merged
    assert {chain.sequence: chain.labels for chain in merged} == {
        sequence: tuple(max(c.labels[i] for c in chains if c.sequence == sequence) for i in (0, 1))
        for sequence, _ in cases
    }


def test_held_out_sequences_are_removed_from_other_splits() -> None:
    """Test takes precedence over validation and train, validation over train; drops are counted."""
    a, b, c, d = (Chain(name, name * 3, (0, 1, 0)) for name in "ACDE")

    splits, dropped = drop_overlap(Splits(train=[a, b, c, d], validation=[b, c], test=[c]))

    assert splits == Splits(train=[a, d], validation=[b], test=[c])
    assert dropped == 3
