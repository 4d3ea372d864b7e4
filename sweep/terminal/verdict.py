"""A verdict as text: first the answer, then its parts and the effects."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from rich.console import Console

from sweep.terminal.formatting import line, number, param, table

Tree = Mapping[str, Any]

STYLES = {"CONFIRMED": "bold green", "REFUTED": "bold red", "INCONCLUSIVE": "bold yellow"}


def print_verdict(report: Tree, console: Console, *, registered: bool) -> None:
    """Print one verdict, as from ``Verdict.to_json``; ``labels`` shortens target sets.

    ``registered`` is whether the claim was in the study before its first trial.
    """
    claim = report["claim"]
    if claim is not None:
        said = "" if registered else "  (not pre-registered)"
        bounds = f"delta {claim['delta']:g}, kappa {claim['kappa']:g}"
        line(console, f"claim      {claim['says']}; {bounds}{said}")
    line(console, f"verdict    {report['headline']}", STYLES[report["verdict"]])
    line(console, report["reason"])
    if report["trials_needed"] is not None:
        line(console, f"About {report['trials_needed']} trials would likely give an answer.")
    if report["parts"]:
        line(console)
        _parts(report["parts"], console)
    if report["parameters"]:
        line(console)
        _effects(report, console)
        line(console, _noise(report))
    if report["best"]:
        line(console)
        _best(report, console)
    if report["cross_checks"]:
        line(console)
        _checks(report["cross_checks"], console)
    for excluded in report["excluded"]:
        line(console, f"left out   {excluded['n']} trial(s): {excluded['reason']}")


def _parts(parts: Sequence[Tree], console: Console) -> None:
    rows = []
    for part in parts:
        sure = "-" if part["probability"] is None else f"{part['probability']:.2f}"
        rows.append([part["name"], part["view"], part["state"], sure, part["says"]])
    header = ["part", "nuisances", "state", "P", "says"]
    table(console, header, rows, left=("part", "nuisances", "state", "says"))


def _effects(report: Tree, console: Console) -> None:
    pairs = [each for each in report["interactions"] if each["p_value"] < 0.05]
    rows = [
        [
            each["name"],
            f"{each['share']:.3f} [{each['low']:.3f}, {each['high']:.3f}]",
            f"{each['total_share']:.3f}",
            _interval(each, "sigma"),
            number(each["noise_floor"]),
        ]
        for each in (*report["parameters"], *report["groups"], *pairs)
    ]
    header = ["effect", "share [95%]", "total", "sigma [95%]", "noise floor"]
    table(console, header, rows, left=header[:1])


def _interval(record: Tree, name: str) -> str:
    low, high = number(record[f"{name}_low"]), number(record[f"{name}_high"])
    return f"{number(record[name])} [{low}, {high}]"


def _noise(report: Tree) -> str:
    noise = report["seed_noise"]
    said = f"{report['n_trials']} trials of {report['n_configurations']} configurations"
    if noise["sd"] is not None:
        said += f"; seeds differ by sd {number(noise['sd'])}"
        said += f" [{number(noise['low'])}, {number(noise['high'])}]"
    return f"{said}; sd around the model {number(report['residual_sd'])}"


def _best(report: Tree, console: Console) -> None:
    """Print each dominant choice's value at its best nuisances, and averaged over them."""
    names = list(report["best"][0]["at"])
    labels = report.get("labels", {})
    rows = []
    for each in report["best"]:
        places = [
            f"{each['at'][n]:.3g} [{each['low'][n]:.3g}, {each['high'][n]:.3g}]" for n in names
        ]
        choice, average = param(each["choice"], labels), number(each["average"])
        rows.append([choice, *places, _interval(each, "value"), average])
    dominant = report["claim"]["dominant"]
    header = [str(dominant), *(f"best {n} [95%]" for n in names), "there [95%]", "averaged"]
    table(console, header, rows, left=header[:1])


def _checks(checks: Sequence[Tree], console: Console) -> None:
    words = {True: "agrees", False: "disagrees", None: "-"}
    rows = [[check["name"], words[check["passes"]], check["says"]] for check in checks]
    header = ["cross-check", "with a yes", "says"]
    table(console, header, rows, left=header)
