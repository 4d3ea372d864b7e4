"""The published ``target_modules`` of the model card, as PEFT resolves them."""

from __future__ import annotations

from studies.card_targets import CARD_TARGETS
from studies.evidence.replication import CLASSES, QKV, names


def test_the_published_names_adapt_query_key_and_value_only() -> None:
    """The same matrices and number of parameters, without a warning of PEFT."""
    found = names()

    assert found["published"] == found["qkv"] == {"matrices": 18, "trained": 23682}
    assert found["dense"] == {"matrices": 36, "trained": 69762}


def test_the_refused_study_has_these_names() -> None:
    """Except the head, which PEFT cannot both adapt and train."""
    assert set(CARD_TARGETS.split("+")) == {*QKV, *CLASSES, "classifier"}
