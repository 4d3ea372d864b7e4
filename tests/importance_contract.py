"""The contract of an importance method: a class of tests, run for each method.

A new method is one more subclass in ``sweep/analysis/importance/test_methods.py``.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from examples import examples
from few_trees import few_trees
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tables import LORA, noise_table, study_table, surface_table

from sweep.analysis.importance.importance import importance
from sweep.analysis.importance.result import ImportanceTable, Method
from sweep.analysis.table import TrialTable
from sweep.errors import SpecError
from sweep.study.parameters import Choice, Float
from sweep.study.space import Space

ONE_FOR_ALL = [HealthCheck.differing_executors]
NAMES = {"x1": "zeta", "x2": "beta", "x3": "alfa"}


def shares(result: ImportanceTable) -> dict[str, float]:
    """Each row's share by name."""
    return {row.name: row.share for row in result.rows}


class ImportanceMethodContract:
    """Tests of one importance method.

    Attributes:
        method: its name.
        sums: the sum of the sampled parameters' shares: ``one``, ``at most one``, or
            ``anything`` where an interaction counts for each of its members in full.
    """

    method: Method
    sums = "one"

    @given(n=st.integers(2, 25), seed=st.integers(0, 1000))
    @settings(deadline=None, max_examples=examples(8), suppress_health_check=ONE_FOR_ALL)
    @few_trees()
    def test_shares_are_shares(self, n: int, seed: int) -> None:
        """In [0, 1], within their interval, with the sum that ``sums`` promises."""
        table = noise_table(n, seed)
        result = importance(table, method=self.method, seed=seed, n_bootstrap=4, n_null=0)

        for row in result.rows:
            assert 0.0 <= row.low <= row.share <= row.high <= 1.0
            assert (row.method, row.n) == (self.method, n)
        total = sum(row.share for row in result.rows if row.role == "sampled")
        if self.sums != "anything":
            assert total <= 1.0 + 1e-9
        if self.sums == "one" and result.rows:
            assert total == pytest.approx(1.0)

    @given(st.randoms(use_true_random=False))
    @settings(deadline=None, max_examples=3, suppress_health_check=ONE_FOR_ALL)
    @few_trees()
    def test_the_order_and_numbering_of_trials_change_nothing(self, random: object) -> None:
        """A resumed or merged study must give the same answer."""
        table = surface_table(16)
        rows = list(table.rows)
        random.shuffle(rows)  # type: ignore[attr-defined]
        renumbered = [replace(row, number=i) for i, row in enumerate(rows)]
        shuffled = TrialTable.from_rows(renumbered, space=LORA)

        first = importance(table, method=self.method, seed=3, n_bootstrap=1, n_null=0)

        assert importance(shuffled, method=self.method, seed=3, n_bootstrap=1, n_null=0) == first

    @few_trees()
    def test_names_do_not_matter(self) -> None:
        """Renaming a parameter changes its share only by the forest's random draws."""
        space = Space({"x1": Float(0.0, 1.0), "x2": Choice(1, 2, 4, 8), "x3": Choice(*"abc")})
        table = study_table(
            space, 40, lambda v: float(v["x1"]) + 0.1 * float(v["x2"]) + 0.3 * (v["x3"] == "a")
        )
        rows = [replace(r, values={NAMES[k]: v for k, v in r.values.items()}) for r in table.rows]
        named = {NAMES[name]: param for name, param in space.params.items()}
        renamed = TrialTable.from_rows(rows, space=Space(named))

        first, other = (
            shares(importance(each, method=self.method, n_bootstrap=0, n_null=0))
            for each in (table, renamed)
        )

        for before, after in NAMES.items():
            assert other[after] == pytest.approx(first[before], abs=0.1)

    @few_trees()
    def test_the_seed_determines_the_result(self) -> None:
        """The same seed gives the same records; another one other intervals."""
        first, again, other = (
            importance(surface_table(24), method=self.method, seed=s, n_bootstrap=8, n_null=0)
            for s in (1, 1, 2)
        )

        assert first == again
        assert [row.low for row in first.rows] != [row.low for row in other.rows]

    @few_trees()
    def test_replicates_make_no_interval_narrower(self) -> None:
        """Duplicated rows add no evidence."""
        table = noise_table(12)
        rows = [
            replace(row, number=100 * r + row.number, replicate=r)
            for row in table.rows
            for r in (0, 1, 2)
        ]
        tripled = TrialTable.from_rows(rows, space=LORA)

        once, thrice = (
            importance(each, method=self.method, n_bootstrap=16, n_null=0)
            for each in (table, tripled)
        )

        def width(result: ImportanceTable) -> float:
            sampled = [row for row in result.rows if row.role == "sampled"]
            return float(np.mean([row.high - row.low for row in sampled]))

        assert thrice.configurations == once.configurations == 12
        assert width(thrice) > 0.7 * width(once)

    def test_minimising_the_negated_objective_is_the_same(self) -> None:
        """Values become higher-is-better first, so PED-ANOVA finds the same best tenth."""
        table = surface_table(30)
        negated = TrialTable.from_rows(
            [replace(row, value=-row.value) for row in table.rows], space=LORA, direction="minimize"
        )

        first, other = (
            shares(importance(each, method=self.method, n_bootstrap=0, n_null=0))
            for each in (table, negated)
        )

        assert other == pytest.approx(first, abs=0.1)

    def test_bad_options_are_refused(self) -> None:
        """Before anything is computed, with the option's name."""
        for name in ("n_bootstrap", "n_null"):
            with pytest.raises(SpecError, match=f"{name} must be 0 or more, got -1"):
                importance(
                    noise_table(4), method=self.method, **{"n_bootstrap": 0, "n_null": 0, name: -1}
                )

    def test_too_few_trials_have_no_shares_and_a_note(self) -> None:
        """One trial has no information about importance."""
        one = TrialTable.from_rows(noise_table(4).rows[:1], space=LORA)

        result = importance(one, method=self.method, n_bootstrap=2, n_null=2)

        assert result.rows == ()
        assert "importance needs at least 2" in result.notes[0]
