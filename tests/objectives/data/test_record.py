"""Validation of a single record."""

from __future__ import annotations

import re
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from objectives.data.chain import IGNORED, Chain
from objectives.data.formats.record import Record, build_chain
from objectives.data.protein import is_missing, other_kind
from sweep.errors import DataError

SEQUENCES = st.text("ACDEFGHIKLMNPQRSTVWYXBUZOJ", min_size=1, max_size=60).filter(
    lambda text: not is_missing(text) and not other_kind(text)
)


def chain_of(sequence: object, **given: Any) -> Chain:
    """The chain of one record."""
    return build_chain(Record(sequence, "a.csv, line 2", **given))


@st.composite
def labelled(draw: st.DrawFn) -> tuple[str, list[int]]:
    """A sequence and one label per residue."""
    sequence = draw(SEQUENCES)
    size = len(sequence)
    return sequence, draw(st.lists(st.sampled_from([0, 1]), min_size=size, max_size=size))


@given(labelled())
@settings(deadline=None)
def test_labels_and_positions_in_any_notation_are_equal(case: tuple[str, list[int]]) -> None:
    """A string, lists, listed text, positions and residues give the same labels."""
    sequence, labels = case
    at = [index + 1 for index, label in enumerate(labels) if label]
    residues = " ".join(f"{sequence[index - 1]}{index}" for index in at)

    chains = [
        chain_of(sequence, labels="".join(map(str, labels))),
        chain_of(sequence, labels=labels),
        chain_of(sequence.lower(), labels=[bool(label) for label in labels]),
        chain_of(f" {sequence}\t", labels=str(labels)),
        chain_of(sequence, positions=at),
        chain_of(sequence, positions=" ".join(map(str, at)) or "[]"),
        chain_of(sequence, positions=str(at)),
        chain_of(sequence, positions=residues.lower() or "()"),
    ]

    assert {chain.labels for chain in chains} == {tuple(labels)}
    assert {chain.sequence for chain in chains} == {sequence}
    assert len({chain.id for chain in chains}) == 1


def test_ligand_keeps_zero_based_positions() -> None:
    """Positions are counted from 1 in files and from 0 in chains."""
    chain = chain_of("MKV", positions="3 1", ligand=" ATP ", name=17)

    assert chain.ligands == {"ATP": (0, 2)}
    assert chain.id == "17"


def test_unknown_labels_are_kept_as_ignored() -> None:
    """A residue without data is neither positive nor negative."""
    chain = chain_of("MKV", labels=[0, -100, 1], ligand="ZN")

    assert chain.labels == (0, IGNORED, 1)
    assert chain.ligands == {"ZN": (2,)}


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"sequence": ""}, "sequence must hold at least one residue, got '' (a.csv, line 2)."),
        ({"sequence": None}, "sequence must hold at least one residue, got None (a.csv, line 2)."),
        (
            {"sequence": "MK1*V"},
            (
                "sequence must hold letters A to Z only (first break at residue 3), got '*1' "
                "(a.csv, line 2)."
            ),
        ),
        (
            {"sequence": "MKÉ"},
            (
                "sequence must hold letters A to Z only (first break at residue 3), got 'É' "
                "(a.csv, line 2)."
            ),
        ),
        (
            {"sequence": "MKV", "labels": "01"},
            "labels must be one per residue (3), got 2 (a.csv, line 2).",
        ),
        (
            {"sequence": "MKV", "labels": "012"},
            "labels must be 0, 1 or -100 (unknown), got '2' (a.csv, line 2).",
        ),
        (
            {"sequence": "MKV", "labels": 1},
            "labels must be a string of 0 and 1 or a list, got 1 (a.csv, line 2).",
        ),
        (
            {"sequence": "MKV", "positions": [7, 4, 2]},
            "positions must lie in 1 to 3, the sequence's length, got '7, 4' (a.csv, line 2).",
        ),
        (
            {"sequence": "MKV", "positions": "2 x -1"},
            "positions must be whole numbers counted from 1, got 'x, -1' (a.csv, line 2).",
        ),
        (
            {"sequence": "MKV", "positions": 2},
            "positions must be a list of 1-based positions, got 2 (a.csv, line 2).",
        ),
        (
            {"sequence": "MKV", "positions": "M1 D2 V3"},
            (
                "positions must carry the letter that the sequence has there, "
                "got 'D2 (the sequence has K)' (a.csv, line 2)."
            ),
        ),
        (
            {"sequence": "MKV", "positions": "1", "letters": True},
            "binding_residues must be written as 'D21', got '1' (a.csv, line 2).",
        ),
        (
            {"sequence": "MKV", "positions": "", "letters": True},
            (
                "binding_residues must name at least one residue, such as 'D21', got '' "
                "(a.csv, line 2)."
            ),
        ),
    ],
)
def test_fault_names_value_rule_and_line(given: dict[str, Any], message: str) -> None:
    """Each violated rule has one message with the line."""
    with pytest.raises(DataError, match=f"^{re.escape(message)}$"):
        chain_of(**given)


def test_every_fault_of_a_record_is_reported() -> None:
    """Three kinds of wrong residues give three messages, and valid ones none."""
    with pytest.raises(DataError, match="length") as caught:
        chain_of("MKV", positions="M1 D2 V9 ?")

    assert len(caught.value.faults) == 3


def test_a_shifted_record_is_reported_in_one_line() -> None:
    """A numbering off by one makes every residue wrong; five are shown."""
    with pytest.raises(DataError, match=r"got 'A2 \(the sequence has C\), .* and 3 more'"):
        chain_of("ACDEFGHIK", positions="A2 C3 D4 E5 F6 G7 H8 I9")
