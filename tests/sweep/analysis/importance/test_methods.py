"""Each importance method against their common contract."""

from __future__ import annotations

from typing import get_args

from importance_contract import ImportanceMethodContract

from sweep.analysis.importance.result import Method


class TestFanova(ImportanceMethodContract):
    """fANOVA: main effects and pairs."""

    method = "fanova"
    sums = "at most one"


class TestPedAnova(ImportanceMethodContract):
    """PED-ANOVA: what distinguishes the best tenth."""

    method = "ped_anova"


class TestMdi(ImportanceMethodContract):
    """MDI: impurity decrease of the forest's splits."""

    method = "mdi"


class TestPermutation(ImportanceMethodContract):
    """Permutation importance on held-out trials."""

    method = "permutation"
    sums = "anything"


class TestShapley(ImportanceMethodContract):
    """Shapley effects: interactions divided among their members."""

    method = "shapley"


def test_every_method_has_its_contract() -> None:
    """A method added without a contract fails this."""
    tested = {each.method for each in ImportanceMethodContract.__subclasses__()}

    assert tested == set(get_args(Method))
