"""Each method of importance against the contract that all have."""

from __future__ import annotations

from typing import get_args

from importance_contract import ImportanceMethodContract

from sweep.analysis.importance.result import Method


class TestFanova(ImportanceMethodContract):
    """The shares of single parameters, beside those of pairs."""

    method = "fanova"
    sums = "at most one"


class TestPedAnova(ImportanceMethodContract):
    """What sets the best tenth apart."""

    method = "ped_anova"


class TestMdi(ImportanceMethodContract):
    """What the forest's splits have gained."""

    method = "mdi"


class TestPermutation(ImportanceMethodContract):
    """What held-out trials lose."""

    method = "permutation"
    sums = "anything"


class TestShapley(ImportanceMethodContract):
    """Effects divided among the members of each interaction."""

    method = "shapley"


def test_every_method_has_its_contract() -> None:
    """One that is added without is noticed."""
    tested = {each.method for each in ImportanceMethodContract.__subclasses__()}

    assert tested == set(get_args(Method))
