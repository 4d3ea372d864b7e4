"""The names that the card's author published, as PEFT resolves them."""

from __future__ import annotations

from studies.card_targets import CARD_TARGETS
from studies.evidence.replication import CLASSES, QKV, names


def test_the_published_names_adapt_query_key_and_value_alone() -> None:
    """The same matrices and the same number of parameters, and PEFT says nothing."""
    found = names()

    assert found["published"] == found["qkv"] == {"matrices": 18, "trained": 23682}
    assert found["dense"] == {"matrices": 36, "trained": 69762}


def test_they_are_the_names_that_the_refused_study_has() -> None:
    """But for the head, which PEFT cannot both adapt and train."""
    assert set(CARD_TARGETS.split("+")) == {*QKV, *CLASSES, "classifier"}
