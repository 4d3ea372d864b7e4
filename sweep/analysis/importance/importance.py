"""Compute hyperparameter importance from a table of trials."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from sweep.analysis.importance import cautions
from sweep.analysis.importance.methods import ESTIMATORS, N_TREES, lines, resample_trees
from sweep.analysis.importance.resampling import intervals, null_shares
from sweep.analysis.importance.result import (
    Importance,
    ImportanceReport,
    ImportanceTable,
    Method,
    Role,
)
from sweep.analysis.importance.target_modules import module_report
from sweep.analysis.importance.trials import TrialArrays, by_content, drawn
from sweep.analysis.table import TrialTable
from sweep.errors import SpecError, fault
from sweep.study.parameters import TargetSets


@dataclass(frozen=True)
class ImportanceOptions:
    """Settings of an importance computation, as described at ``importance``."""

    seed: int
    n_bootstrap: int
    n_null: int
    level: float

    def check(self, method: str) -> None:
        """Raise ``SpecError`` with every fault of the settings and the method's name."""
        rules = (
            ("seed", "be a whole number from 0 to 4294967295", self.seed, 0 <= self.seed < 2**32),
            ("method", f"be one of {list(ESTIMATORS)}", method, method in ESTIMATORS),
            ("n_bootstrap", "be 0 or more", self.n_bootstrap, self.n_bootstrap >= 0),
            ("n_null", "be 0 or more", self.n_null, self.n_null >= 0),
            ("level", "lie between 0 and 1", self.level, 0.0 < self.level < 1.0),
        )
        faults = [fault(name, rule, got) for name, rule, got, holds in rules if not holds]
        if faults:
            raise SpecError(faults)


METHODS: tuple[Method, ...] = ("fanova", "ped_anova")
"""Default methods of a report, in order."""


def importance(
    table: TrialTable,
    *,
    method: Method = "fanova",
    seed: int = 0,
    n_bootstrap: int = 100,
    n_null: int = 100,
    level: float = 0.9,
) -> ImportanceTable:
    """Importance of each parameter by one method.

    ``fanova``: share of the variance of a random forest over the whole search space, each
    parameter uniform over its values. Main effects do not sum to 1: the rest is the
    ``interactions`` row, which also contains the noise of a small study.
    ``ped_anova``: divergence of the best tenth of the trials from all trials, scaled to sum to
    1. A parameter seems unimportant if the sampler had converged to its best values.
    ``mdi``: mean decrease in impurity (squared error on the training trials) of a random forest,
    scaled to sum to 1.
    ``permutation``: increase of the prediction error on held-out configurations when a parameter
    is shuffled, as a share of the variance; see ``held_out_shares``.
    ``shapley``: the forest's variance over the whole space, each interaction divided evenly
    among its members, summing to 1.

    If rank and alpha are sampled, the scaling alpha/rank gets a ``derived`` row from a second fit
    on (rank, scaling), and with ``fanova`` the pair gets a ``group`` row. With ``fanova`` and up
    to 8 parameters, each pair gets an ``interaction`` row, a:b: the share of the two together
    less their main effects.

    A row's ``null`` is the 99th percentile of its share when the values are permuted over the
    configurations. Shares at or below it are not evidence, since shares of pure noise are not 0
    either. It is conservative: permuting turns the whole signal into noise.

    With more than ``trials.MOST_TRIALS`` trials, a random subset is used, as ``notes`` states.

    The intervals are percentile bootstraps over configurations. They show the variability between
    samples of trials; their coverage of the true share can be below ``level``. In simulations of
    fANOVA (nominal 90 %, random sampling, seed noise of sd 0.010, signal of sd 0.021, 16 studies
    per case, 50 resamples, so accurate to about 10 points) the coverage for six target sets was 69
    to 94 % at 40 trials and 62 to 100 % at 80, for rank 94 to 100 % and 88 to 94 %. The mean bias
    of the targets' share was -0.16 to +0.07 at 40 trials and -0.07 to -0.02 at 80. A true share of
    0 is never covered, since a forest on noisy data gives no share of exactly 0.

    Args:
        table: the trials.
        method: the importance method.
        seed: the only source of randomness; the order of the rows does not matter.
        n_bootstrap: bootstrap resamples for the intervals; 0 gives intervals of zero width.
        n_null: permutations for each row's ``null``; 0 for none.
        level: nominal level of the intervals, in (0, 1).

    Returns:
        The importance table; without rows, and with the reason in ``notes``, if importance is not
        defined: for example fewer than two trials, or a constant objective.

    Raises:
        SpecError: if an argument breaks a rule.
    """
    asked = ImportanceOptions(seed, n_bootstrap, n_null, level)
    asked.check(method)
    whole, table = len(table), drawn(by_content(table))
    rows: tuple[Importance, ...] = ()
    reason = cautions.nothing_to_share(table)
    if not reason:
        rows = _rows(table, method, asked)
        reason = "" if rows else cautions.no_answer(method, len(table))
    return ImportanceTable(
        method=method,
        rows=rows,
        n=len(table),
        configurations=len(set(table.configurations.tolist())),
        level=level,
        n_bootstrap=n_bootstrap,
        seed=seed,
        notes=(
            *cautions.of_draw(len(table), whole),
            *([reason] if reason else cautions.cautions(table, method, rows)),
        ),
        n_null=n_null,
    )


def importance_report(
    table: TrialTable,
    *,
    methods: Sequence[Method] = METHODS,
    seed: int = 0,
    n_bootstrap: int = 100,
    n_null: int = 100,
    level: float = 0.9,
) -> ImportanceReport:
    """Importance by several methods, with a warning if they disagree.

    Args:
        table: the trials.
        methods: the importance methods.
        seed: see ``importance``.
        n_bootstrap: see ``importance``.
        n_null: see ``importance``.
        level: see ``importance``.

    Returns:
        One table per method, and the importance of each matrix (module) for the first parameter
        of target sets.

    Raises:
        SpecError: if an argument breaks a rule.
    """
    tables = tuple(
        importance(
            table, method=method, seed=seed, n_bootstrap=n_bootstrap, n_null=n_null, level=level
        )
        for method in methods
    )
    targets = [name for name in table.space if isinstance(table.space[name], TargetSets)]
    modules = None
    if targets:
        how = {"seed": seed, "n_bootstrap": n_bootstrap}
        modules = module_report(table, targets[0], level=level, **how)
    return ImportanceReport(
        methods=tables,
        n=len(table),
        counts=dict(table.counts),
        dropped=table.dropped,
        notes=table.notes,
        alarms=cautions.disagreement(tables),
        modules=modules,
    )


def _rows(table: TrialTable, method: Method, asked: ImportanceOptions) -> tuple[Importance, ...]:
    """Rows of the table in display order; none if the method gives no shares for these trials."""
    view = TrialArrays.of(table)
    measure, trees = ESTIMATORS[method], resample_trees(len(table))
    point = measure(view, N_TREES, asked.seed)
    if np.isnan(point).any():
        return ()
    low, high = intervals(
        lambda rows, seed: measure(view.take(rows), trees, seed),
        point,
        view.configurations,
        n_bootstrap=asked.n_bootstrap,
        level=asked.level,
        seed=asked.seed,
    )
    null = null_shares(
        lambda y, seed: measure(view.with_y(y), trees, seed),
        view.y,
        view.configurations,
        n_null=asked.n_null,
        seed=asked.seed,
    )
    nulls = [None] * len(point) if null is None else null.tolist()
    ends = zip(point.tolist(), low.tolist(), high.tolist(), nulls, strict=True)
    records = [
        Importance(name, share, lowest, highest, method, len(table), role, of, chance)
        for (name, role, of), (share, lowest, highest, chance) in zip(
            lines(view, method), ends, strict=True
        )
    ]
    roles: tuple[Role, ...] = ("sampled", "derived", "group", "interaction", "interactions")
    return tuple(sorted(records, key=lambda r: (roles.index(r.role), -r.share, r.name)))
