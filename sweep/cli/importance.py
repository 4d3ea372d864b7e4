"""The verb ``importance``: importance of parameters, and verdicts on claims."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sweep.cli.options import StoredStudy, Thoroughness, opened, option
from sweep.errors import UsageError, fault

if TYPE_CHECKING:
    from sweep.results.analysis import AnalysisOptions


@dataclass(kw_only=True)
class ImportanceOptions(StoredStudy, Thoroughness):
    """The options of ``importance``."""

    dominant: str | None = option(
        "claim that this parameter matters most (A+B for a group)", "NAME"
    )
    over: str | None = option("than these, with commas between (rank,scaling)", "NAMES")
    negligible: str | None = option("and that these change next to nothing", "NAMES")
    nuisances: str | None = option(
        "averaged over, and optimised for each choice (learning_rate)", "NAMES"
    )
    delta: float | None = option("smallest effect worth having, end to end (0.01)", "SIZE")
    kappa: float | None = option("times the others' variance that it must explain (2)", "TIMES")
    method: list[str] = option(
        "one more method beside fanova and ped_anova: mdi, permutation, shapley; repeat",
        "METHOD",
        default=list,
    )
    draws: int = option("draws behind each probability", "N", default=2000)
    seed: int = option("of the draws, the forests and the bootstrap", "SEED", default=0)


def importance(options: ImportanceOptions) -> int:
    """Report what mattered, and the verdict on what a study claims."""
    from sweep.cli.streams import show
    from sweep.results.analysis import analyse_study
    from sweep.results.table import to_table
    from sweep.storage.errors import reading_errors
    from sweep.terminal.importance import print_importance

    asked = _inquiry(options)
    with opened(options) as (study, address):
        with reading_errors(address):
            table = to_table(study)
        report = analyse_study(study, address, table, asked)
    show(report, print_importance, as_json=options.json)
    return 0


def _inquiry(options: ImportanceOptions) -> AnalysisOptions:
    from sweep.analysis.importance.result import TITLES
    from sweep.results.analysis import AnalysisOptions

    methods: list[Any] = ["fanova", "ped_anova", *options.method]
    unknown = [name for name in methods if name not in TITLES]
    if unknown:
        raise UsageError(fault("--method", f"be one of {', '.join(TITLES)}", unknown[0]))
    return AnalysisOptions(
        changes=_changes(options),
        methods=tuple(dict.fromkeys(methods)),
        n_draws=options.draws,
        seed=options.seed,
        quick=options.quick,
    )


def _changes(options: ImportanceOptions) -> dict[str, Any]:
    changes: dict[str, Any] = {}
    if options.dominant is not None:
        changes["dominant"] = _part(options.dominant)
    for name in ("over", "negligible", "nuisances"):
        text = getattr(options, name)
        if text is not None:
            changes[name] = tuple(_part(each) for each in text.split(",") if each)
    for name in ("delta", "kappa"):
        if getattr(options, name) is not None:
            changes[name] = getattr(options, name)
    if "dominant" in changes and "over" not in changes:
        way_out = "For example --over rank,scaling"
        raise UsageError(fault("--over", "be given with --dominant", None, way_out=way_out))
    if "over" in changes and "negligible" not in changes:
        changes["negligible"] = ()
    return changes


def _part(text: str) -> str | tuple[str, ...]:
    members = tuple(text.split("+"))
    return members if len(members) > 1 else text
