"""PROSITE patterns: parsing, generating instances and finding matches."""

from __future__ import annotations

import re
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from objectives.data.motifs import MOTIFS, STANDARD, Element, Motif, parse
from sweep.errors import SpecError


def test_every_form_of_element_is_read() -> None:
    """Letters, any, allowed, forbidden, and both kinds of repeat mean what PROSITE says."""
    assert parse("C-x(2,4)-[AG]-{W}(3)-x") == (
        Element("C"),
        Element(STANDARD, 2, 4),
        Element("AG"),
        Element(STANDARD.replace("W", ""), 3, 3),
        Element(STANDARD),
    )


@pytest.mark.parametrize("pattern", ["", "C-", "[AG", "x(a)", "c", "C--C"])
def test_a_malformed_pattern_is_refused(pattern: str) -> None:
    """A pattern that is not PROSITE's is named with its faulty element."""
    with pytest.raises(SpecError, match=r"pattern must hold PROSITE elements joined by '-', got"):
        parse(pattern)


def test_the_known_p_loop_of_ras_is_found_with_its_contacts() -> None:
    """H-Ras binds GTP with G15, K16 and S17 of its P-loop GAGGVGKS (residues 10 to 17)."""
    ras = "MTEYKLVVVGAGGVGKSALTIQLIQNHFVDEYDPTIEDSYRKQVV"
    p_loop = next(m for m in MOTIFS if m.accession == "PS00017")
    assert p_loop.occurrences(ras) == {(14, 15, 16)}


def test_the_known_ef_hand_of_calmodulin_is_found_with_its_contacts() -> None:
    """The first loop of calmodulin binds Ca with D20, D22, D24, T28 and E31 (mature numbering)."""
    calmodulin = "MADQLTEEQIAEFKEAFSLFDKDGDGTITTKELGTVMRSLGQNPTEAELQ"
    ef_hand = next(m for m in MOTIFS if m.accession == "PS00018")
    (found,) = ef_hand.occurrences(calmodulin)
    assert [calmodulin[i] + str(i) for i in found] == ["D20", "D22", "D24", "T28", "E31"]


@settings(deadline=None)
@given(motif=st.sampled_from(MOTIFS), seed=st.integers(0, 2**32))
def test_every_instance_matches_its_pattern(motif: Motif, seed: int) -> None:
    """A drawn instance matches by an expression written independently of the matcher's own."""
    text = "".join(motif.instance(Random(seed)))
    expression = re.sub(r"\{([A-Z]+)\}", r"[^\1]", motif.pattern).replace("-", "")
    expression = re.sub(r"\((\d+(?:,\d+)?)\)", r"{\1}", expression).replace("x", ".")
    assert re.fullmatch(expression, text)
    assert motif.occurrences(text)


def test_overlapping_matches_are_all_found() -> None:
    """Two motifs that share residues count twice, as do two readings of one variable gap."""
    motif = Motif("pair", "none", "X", "C-x(1,2)-C", (0, 2))
    assert motif.occurrences("CACC") == {(0, 2), (0, 3)}
