"""A design and a pilot's results, as text."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from rich.console import Console

from sweep.terminal.console import duration
from sweep.terminal.formatting import line, number, param, table

Tree = Mapping[str, Any]


def print_design(report: Tree, console: Console) -> None:
    """Print a ``design_report`` with ``study``, ``labels`` and optionally ``points``."""
    line(console, f"study      {report['study']}", "bold")
    runs = f"{report['configurations']} configurations + {report['duplicates']} duplicates"
    line(console, f"design     {runs} = {report['trials']} trials")
    for note in report["notes"]:
        line(console, f"           {note}")
    line(console, f"noise      {_noise(report['noise'])}")
    line(console, f"cost       {_cost(report['cost'])}")
    for number_, claim in enumerate(report["claims"]):
        sizes = f"(delta {claim['delta']}, kappa {claim['kappa']})"
        line(console, f"{'claims' if not number_ else '':11}{claim['says']} {sizes}")
    if not report["claims"]:
        line(console, "claims     none: nothing is tested")
    _factors(report, console)
    _balance(report, console)
    for forecast in report["power"]:
        _power(forecast, console)
    if "points" in report:
        _points(report, console)


def _noise(noise: Tree | None) -> str:
    if noise is None:
        return "unknown: run the pilot"
    inside = f" [{noise['low']:.4f}, {noise['high']:.4f}]" if "low" in noise else ""
    return f"sd {noise['sd']:.4f}{inside} of one run over seeds ({noise['source']})"


def _cost(cost: Tree) -> str:
    trials = f"{cost['trials']} trials"
    if cost["hours"] is None:
        return f"{trials}; hours unknown: run the pilot"
    each = duration(cost["seconds_per_trial"])
    return f"{trials} of {each}: {cost['hours']:.1f} hours on one worker"


def _factors(report: Tree, console: Console) -> None:
    line(console)
    rows = []
    for factor in report["factors"]:
        if factor["kind"] == "range":
            what = f"{factor['values']} values, {factor['low']:.3g} to {factor['high']:.3g}"
        else:
            what = ", ".join(
                f"{param(level['value'], report['labels'])}: {level['count']}"
                for level in factor["levels"]
            )
        rows.append([factor["name"], factor["kind"], what])
    header = ["factor", "kind", "configurations per level"]
    table(console, header, rows, left=header)


def _balance(report: Tree, console: Console) -> None:
    line(console)
    rows = [
        [" x ".join(pair["names"]), str(pair["cells"]), f"{pair['least']} to {pair['most']}"]
        for pair in report["pairs"]
    ]
    table(console, ["pair", "cells", "configurations in a cell"], rows, left=("pair",))
    line(console)
    precision = report["precision"]
    inflation = precision["inflation"]
    spread = "not estimable" if inflation is None else f"{inflation:.3f} times the least possible"
    line(console, f"precision  {spread}, the variance of {precision['columns']} coefficients")
    line(console, f"           D-efficiency {precision['efficiency']:.3f}")
    line(console, f"           largest correlation of two columns {precision['correlation']:.2f}")


def _power(forecast: Tree, console: Console) -> None:
    """Print the share of simulated studies of this design that reach each answer."""
    line(console)
    line(console, f"power      {forecast['claim']['says']}")
    if not forecast["power"]:
        line(console, f"           no forecast: {forecast['untested']}")
        return
    studies = forecast["power"][0]["studies"]
    line(console, f"           share of {studies} simulated studies, noise {forecast['noise']:.4f}")
    names = ("dominance", "negligible", "beyond_size", "confirmed", "refuted")
    rows = [
        [each["truth"], *("-" if each[name] is None else f"{each[name]:.2f}" for name in names)]
        for each in forecast["power"]
    ]
    header = ["if in truth", *(name.replace("_", " ") for name in names)]
    table(console, header, rows, left=header[:1])
    if forecast["untested"]:
        line(console, f"           beyond size has no forecast: {forecast['untested']}")
        line(console, "           a confirmation would not rule adapter size out")
    for place, needed in enumerate(_needed(forecast)):
        line(console, f"{'' if place else 'needed':<11}about {needed}")


def _needed(forecast: Tree) -> Iterator[str]:
    """The numbers of trials needed, each with the answer that they would likely give."""
    for each in forecast["power"]:
        if each["for_dominance"] is not None:
            what = f"tell dominance, yes or no, if {each['truth']}"
            yield f"{each['for_dominance']} trials to {what}"
    if forecast["for_negligible"] is not None:
        yield f"{forecast['for_negligible']} trials to show that effects of 0 are negligible"


def _points(report: Tree, console: Console) -> None:
    line(console)
    names = [factor["name"] for factor in report["factors"]]
    rows = [
        [
            str(order),
            str(point["index"]),
            str(point["replicate"]),
            *(param(point["values"][name], report["labels"]) for name in names),
            str(point["seed"]),
        ]
        for order, point in enumerate(report["points"])
    ]
    table(console, ["run", "design", "replicate", *names, "seed"], rows, left=tuple(names))


def print_pilot(report: Tree, console: Console) -> None:
    """Print a ``pilot_report`` with ``study``, ``storage`` and ``failed``."""
    line(console, f"study      {report['study']}", "bold")
    line(console, f"storage    {report['storage']}")
    runs = f"{report['runs']} runs, {report['collapsed']} collapsed, {report['failed']} failed"
    line(console, f"trials     {runs}")
    line(console, f"noise      {_pilot_noise(report['noise'])}")
    seconds = report["seconds_per_trial"]
    line(console, f"time       {'unknown' if seconds is None else duration(seconds)} per trial")
    if report["nuisance"]:
        _nuisance(report["nuisance"], console)
    if report["collapse_rate"] is not None:
        line(console, f"collapses  {_collapse_rate(report)}")
    for note in report["notes"]:
        line(console, f"note       {note}")
    line(console, "next       lorasweep design: what a measurement is likely to tell at this noise")


def _collapse_rate(report: Tree) -> str:
    """An upper confidence bound of the collapse rate, as text."""
    rate = report["collapse_rate"]
    where = " in this range" if report["nuisance"] else ""
    counted = f"{rate['collapsed']} of {rate['runs']} runs{where}"
    return f"{counted}: a rate of at most {rate['at_most']:.1%} ({rate['level']:.0%} confidence)"


def _pilot_noise(noise: Tree | None) -> str:
    if noise is None:
        return "unknown: no configuration has two runs"
    inside = f"[{noise['low']:.4f}, {noise['high']:.4f}]"
    return f"sd {noise['sd']:.4f} {inside} of one run over seeds, {noise['degrees']} df"


def _nuisance(nuisance: Tree, console: Console) -> None:
    """Print the mean value per choice and nuisance value, with the number of collapsed runs."""
    found, name = nuisance["range"], nuisance["name"]
    said = "none" if found is None else f"{found['low']:.3g} to {found['high']:.3g}"
    line(console, f"range      {name}: {said}", "bold")
    line(console)
    tried = sorted({cell["at"] for cell in nuisance["curve"]})
    cells = {(cell["choice"], cell["at"]): cell for cell in nuisance["curve"]}
    rows = [
        [choice, *(_cell(cells.get((choice, at))) for at in tried), number(best)]
        for choice, best in nuisance["best"].items()
    ]
    header = [nuisance["dominant"], *(f"{at:.3g}" for at in tried), "best"]
    table(console, header, rows, left=header[:1])
    line(console)


def _cell(cell: Tree | None) -> str:
    if cell is None:
        return "-"
    lost = f" ({cell['collapsed']}/{cell['runs']} collapsed)" if cell["collapsed"] else ""
    return f"{number(cell['mean'])}{lost}"
