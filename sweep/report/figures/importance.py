"""Figures of importance per method, of the verdict's effects, and of modules."""

from __future__ import annotations

from sweep.report.figures.figure import ReportFigure, Tree
from sweep.report.figures.intervals import Estimate, estimates_figure
from sweep.report.figures.text import interval, listed, percent, rests_on, slug, trials
from sweep.report.figures.theme import NEUTRAL
from sweep.report.figures.view import ReportData
from sweep.terminal.formatting import number
from sweep.terminal.importance import is_chance, is_shown

SECTION = "What mattered"

SYMBOLS = {
    "sampled": "circle",
    "derived": "diamond",
    "group": "square",
    "interaction": "cross",
    "interactions": "x",
}
"""Marker symbol by a row's role; only circles are sampled parameters."""


def importance(view: ReportData) -> list[ReportFigure]:
    """One figure of importance shares per method."""
    methods = (view.tree["analysis"] or {}).get("methods") or []
    if not methods:
        reason = view.no_values() if not view.valued else _not_analysed(view)
        return [ReportFigure("importance", SECTION, "Importance", empty=reason)]
    return [_method(view, method) for method in methods]


def _not_analysed(view: ReportData) -> str:
    return f"The {trials(len(view.valued))} with a value could not be analysed."


def _method(view: ReportData, method: Tree) -> ReportFigure:
    key = f"importance-{slug(method['title'])}"
    title = f"{method['title']}: {method['question']}"
    if not method["rows"]:
        return ReportFigure(
            key, SECTION, title, empty=" ".join(method["notes"]) or _not_analysed(view)
        )
    shown = [row for row in method["rows"] if is_shown(row)]
    rows = [
        Estimate(
            row_name(row),
            row["share"],
            row["low"],
            row["high"],
            _says(row),
            colour=view.looks[row["name"]].colour if row["name"] in view.looks else NEUTRAL,
            symbol=SYMBOLS.get(row["role"], "circle"),
            band=row["null"],
            hollow=is_chance(row),
        )
        for row in shown
    ]
    figure = estimates_figure(
        rows, "share", "what chance gives", range=[-0.02, 1.04], dtick=0.25, tickformat=".2~f"
    )
    return ReportFigure(
        key, SECTION, title, _caption(method, len(shown)), _summary(method, shown), figure
    )


def row_name(row: Tree) -> str:
    """Display name of a row, marking derived parameters, groups and interactions."""
    of = [str(name) for name in row["of"]]
    match row["role"]:
        case "derived":
            return f"{row['name']} (derived)"
        case "group":
            return f"{' + '.join(of)} together"
        case "interaction":
            return f"{' and '.join(of)} beyond each"
        case "interactions":
            return "interactions and noise"
    return str(row["name"])


def _says(row: Tree) -> str:
    chance = "" if row["null"] is None else f", chance up to {number(row['null'])}"
    share = interval(row["share"], row["low"], row["high"])
    return f"{row_name(row)}: {share}{chance}"


def _caption(method: Tree, drawn: int) -> str:
    left = len(method["rows"]) - drawn
    pairs = f" Interactions within chance, not shown: {left}." if left else ""
    chance = (
        "; grey is what chance gives (99 of 100 permutations of the values), and hollow marks lie "
        "within it"
        if any(row["null"] is not None for row in method["rows"])
        else ""
    )
    return (
        f"{rests_on(method['n'], method['configurations'])}; lines are "
        f"{percent(method['level'])} bootstrap intervals{chance}. Diamonds, squares and crosses "
        "overlap with the circles, which were sampled, and do not add up; a share says how much a "
        f"parameter varied the objective, not which value is good.{pairs}"
    )


def _summary(method: Tree, shown: list[Tree]) -> str:
    rows = [_says(row) + ", within chance" * is_chance(row) for row in shown]
    return f"{method['title']} shares with {percent(method['level'])} intervals: {listed(rows)}."


def effects_of_verdict(view: ReportData) -> list[ReportFigure]:
    """Variance components: standard deviation caused by each parameter, in the objective's unit."""
    key, title = "variance-components", f"Spread of {view.value_name} that each parameter causes"
    claims = (view.tree["analysis"] or {}).get("claims") or []
    if not claims or not claims[0].get("parameters"):
        reason = claims[0].get("reason") if claims else "No claim was analysed."
        return [
            ReportFigure(
                key, SECTION, title, empty=reason or "The claim's effects were not fitted."
            )
        ]
    claim = claims[0]
    rows = [
        Estimate(
            " + ".join(effect["of"]) or str(effect["name"]),
            effect["sigma"],
            effect["sigma_low"],
            effect["sigma_high"],
            _effect_says(effect),
            colour=view.looks[effect["name"]].colour if effect["name"] in view.looks else NEUTRAL,
            symbol="square" if effect["of"] else "circle",
            band=effect["noise_floor"],
            hollow=effect["sigma"] <= effect["noise_floor"],
        )
        for effect in (*claim["parameters"], *claim["groups"])
    ]
    figure = estimates_figure(
        rows,
        "standard deviation caused",
        "noise floor",
        ("negligible below", claim["delta_sigma"]) if claim["delta_sigma"] else None,
        rangemode="tozero",
        nticks=6,
    )
    said = listed(_effect_says(effect) for effect in (*claim["parameters"], *claim["groups"]))
    delta = " left of the broken line is negligible, as claimed;" if claim["delta_sigma"] else ""
    caption = (
        f"Variance components of {rests_on(claim['n_trials'], claim['n_configurations'])}, with "
        f"95 % intervals; grey is what pure noise would show;{delta} squares are groups. Averaged "
        "over the other parameters, and silent on what was held fixed."
    )
    return [
        ReportFigure(key, SECTION, title, caption, f"Standard deviations caused: {said}.", figure)
    ]


def _effect_says(effect: Tree) -> str:
    sigma = interval(effect["sigma"], effect["sigma_low"], effect["sigma_high"])
    name = " + ".join(effect["of"]) or effect["name"]
    return f"{name}: {sigma}, noise floor {number(effect['noise_floor'])}"


def modules(view: ReportData) -> list[ReportFigure]:
    """Gain of adapting each matrix (module), as Shapley values."""
    key, title = "modules", f"What adapting each matrix adds to {view.value_name}"
    report = (view.tree["analysis"] or {}).get("modules")
    if not report or not report["rows"]:
        notes = " ".join((report or {}).get("notes") or ())
        return [ReportFigure(key, SECTION, title, empty=notes or "No target sets were compared.")]
    rows = [
        Estimate(
            str(row["name"]),
            row["gain"],
            row["gain_low"],
            row["gain_high"],
            _module_says(row),
            hollow=row["gain_low"] <= 0 <= row["gain_high"],
        )
        for row in report["rows"]
    ]
    figure = estimates_figure(
        rows, "gain (higher is better)", zeroline=True, rangemode="tozero", nticks=6
    )
    caption = (
        f"Shapley values of the mean gain on {trials(report['n'])} of {report['sets']} sets of "
        f"{report['parameter']}, with {percent(report['level'])} intervals; hollow where they hold "
        "0. " + " ".join(report["notes"])
    )
    said = listed(_module_says(row) for row in report["rows"])
    return [ReportFigure(key, SECTION, title, caption.strip(), f"Gain by matrix: {said}.", figure)]


def _module_says(row: Tree) -> str:
    gain = interval(row["gain"], row["gain_low"], row["gain_high"])
    return f"{row['name']}: {gain}"
