"""Small report trees made by hand, and Hypothesis's many of them."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from hypothesis import strategies as st

from objectives.binding.measures import MEASURES

Tree = dict[str, Any]

TARGETS = ("query+value", "qkv", "attention+mlp.down")
NAMES = ("targets", "rank", "learning_rate")
KINDS = (
    "complete",
    "complete",
    "complete",
    "pruned",
    "failed",
    "interrupted",
    "running",
    "waiting",
)
STATES = {
    "complete": "COMPLETE",
    "pruned": "PRUNED",
    "running": "RUNNING",
    "waiting": "WAITING",
}


def trial(number: int, kind: str = "complete", **changes: Any) -> Tree:
    """One trial; its figures follow from its number."""
    wave = math.sin(1.0 + 2.0 * number)
    value = 0.4 + 0.15 * wave if kind == "complete" else None
    params = {
        "targets": TARGETS[number % 3],
        "rank": 2 ** (1 + number % 4),
        "learning_rate": 1e-4 * 1.37**number,
    }
    began = kind != "waiting"
    curve = [
        {"step": step, "value": 0.1 * step / 50 + 0.1 * wave, "loss": 1.01 / step + 0.001 * number}
        for step in (50, 100, 150)
    ]
    made = {
        "number": number,
        "state": STATES.get(kind, "FAIL"),
        "kind": kind,
        "value": value,
        "params": params,
        "phase": "measure" if number < 8 else "search",
        "seed": 7000 + number,
        "replicate": 0,
        "configuration": number if kind == "complete" else None,
        "started": f"2026-03-01T10:{number % 60:02d}:00.125+00:00" if began else None,
        "ended": None
        if kind in ("running", "waiting")
        else f"2026-03-01T10:{number % 60:02d}:41.625+00:00",
        "seconds": 41.5 if kind == "complete" else None,
        "size": 3330 * (1 + number % 4) if kind == "complete" else None,
        "trained": None,
        "train_value": None,
        "gap": 0.05 + 0.021 * wave if kind == "complete" else None,
        "collapsed": False,
        "used": kind == "complete" and number < 8,
        "reason": "exception: ValueError: loss is nan" if kind == "failed" else None,
        "curve": curve if began else [],
    }
    made |= changes
    made["shown"] = {name: label(value) for name, value in made["params"].items()}
    return made


def label(value: object) -> str:
    """As the terminal shows it."""
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def level(of: Sequence[Tree], figure: str, **changes: Any) -> Tree:
    """A level with the mean of a figure over some trials."""
    known = [t[figure] for t in of if t[figure] is not None]
    mean = math.fsum(known) / len(known) if known else None
    half = 0.0137 * len(known)
    ends = {"low": None, "high": None}
    if mean is not None and len(known) > 1:
        ends = {"low": mean - half, "high": mean + half}
    found = {"value": None, "label": "", "from": None, "to": None, "n": len(known)}
    return {**found, "configurations": len(known), "mean": mean, **ends, **changes}


def factor(name: str, kind: str, trials: Sequence[Tree], *, log: bool = False, **more: Any) -> Tree:
    """A factor whose levels are what the trials have."""
    given = [t["params"][name] for t in trials if t["params"].get(name) is not None]
    usable = [t for t in trials if t["value"] is not None and t["params"].get(name) is not None]
    made = {"name": name, "kind": kind, "log": log, "derived": False, "of": [], "says": "", **more}
    values = list(dict.fromkeys(given)) if kind == "choice" else sorted(set(given))
    if kind != "range":
        levels = [
            level([t for t in usable if t["params"][name] == value], "value")
            | {"value": value, "label": label(value)}
            for value in values
        ]
        return {**made, "levels": levels}
    numbers = sorted({t["params"][name] for t in usable})
    cuts = [*numbers[:: max(1, len(numbers) // 3)], *numbers[-1:]] if numbers else []
    ends = list(zip(dict.fromkeys(cuts), list(dict.fromkeys(cuts))[1:], strict=False))
    bins = [
        level(
            [t for t in usable if low <= t["params"][name] < high or t["params"][name] == high],
            "value",
        )
        | {"from": low, "to": high, "label": f"{low:.3g} to {high:.3g}"}
        for low, high in ends
    ]
    return {**made, "levels": bins}


def cells(rows: Tree, columns: Tree, trials: Sequence[Tree]) -> Tree:
    """Two factors crossed."""

    def one(row: Tree, column: Tree) -> list[float]:
        return [
            t["value"]
            for t in trials
            if t["value"] is not None
            and t["params"].get(rows["name"]) == row["value"]
            and t["params"].get(columns["name"]) == column["value"]
        ]

    grid = [[one(row, column) for column in columns["levels"]] for row in rows["levels"]]
    return {
        "rows": rows["name"],
        "columns": columns["name"],
        "row_labels": [each["label"] for each in rows["levels"]],
        "column_labels": [each["label"] for each in columns["levels"]],
        "mean": [[math.fsum(v) / len(v) if v else None for v in line] for line in grid],
        "n": [[len(v) for v in line] for line in grid],
    }


def share(name: str, value: float, role: str = "sampled", of: Sequence[str] = ()) -> Tree:
    """A row of an importance table."""
    ends = {"low": value * 0.71, "high": min(1.0, value * 1.31)}
    return {"name": name, "share": value, **ends, "n": 8, "role": role, "of": of, "null": 0.2113}


def effect(name: str, sigma: float, of: Sequence[str] = ()) -> Tree:
    """An effect of a verdict."""
    ends = {"sigma_low": sigma * 0.61, "sigma_high": sigma * 1.43}
    return {"name": name, "sigma": sigma, **ends, "noise_floor": 0.0213, "of": list(of)}


def analysis() -> Tree:
    """Two methods that disagree, one claim, three matrices."""
    common = {"n": 8, "configurations": 7, "level": 0.9, "notes": []}
    fanova = [
        share("targets", 0.6171),
        share("learning_rate", 0.1234),
        share("rank", 0.0312),
        share("scaling", 0.0517, "derived", ["rank", "alpha"]),
        share("rank+alpha", 0.2917, "group", ["rank", "alpha"]),
        share("rank:targets", 0.3151, "interaction", ["rank", "targets"]),
        share("learning_rate:rank", 0.0113, "interaction", ["learning_rate", "rank"]),
        share("interactions", 0.2283, "interactions"),
    ]
    anova = [share("rank", 0.7019), share("targets", 0.2981), share("learning_rate", 0.0)]
    gains = [("query", 0.0713), ("mlp.down", 0.0117), ("key", -0.0021)]
    return {
        "methods": [
            {"method": "fanova", "title": "fANOVA", "question": "how much varied", **common}
            | {"rows": fanova},
            {"method": "ped_anova", "title": "PED-ANOVA", "question": "what separates", **common}
            | {"rows": anova},
        ],
        "claims": [
            {
                "reason": "rank beats nothing",
                "n_trials": 8,
                "n_configurations": 7,
                "delta_sigma": 0.00353,
                "parameters": [effect("targets", 0.1317), effect("rank", 0.0111)],
                "groups": [effect("rank+alpha", 0.0171, ["rank", "alpha"])],
            }
        ],
        "modules": {
            "parameter": "targets",
            "n": 8,
            "sets": 3,
            "level": 0.9,
            "notes": [],
            "rows": [
                {"name": n, "gain": g, "gain_low": g - 0.0119, "gain_high": g + 0.0133}
                for n, g in gains
            ],
        },
    }


def best(of: Tree) -> Tree:
    """The best trial with what its predictions look like."""
    return {
        "number": of["number"],
        "value": of["value"],
        "params": of["params"],
        "shown": of["shown"],
        "metrics": {"mcc": of["value"]},
        "threshold_curve": {
            "threshold": [0.05, 0.25, 0.5, 0.75, 0.95],
            "precision": [0.11, 0.32, 0.53, 0.81, None],
            "recall": [0.97, 0.83, 0.61, 0.22, 0.0],
            "mcc": [0.21, 0.37, 0.46, 0.33, 0.0],
        },
        "chosen": {
            "argmax": {"threshold": 0.5, "mcc": 0.46, "precision": 0.53, "recall": 0.61},
            "best": {"threshold": 0.41, "mcc": 0.475, "precision": 0.47, "recall": 0.68},
        },
        "calibration": {
            "probability": [0.03, 0.21, 0.58, 0.91],
            "observed": [0.02, 0.15, 0.44, 0.79],
            "residues": [4123, 911, 207, 63],
            "ece": 0.0319,
        },
    }


def made_of(trials: Sequence[Tree], kinds: Mapping[str, str] | None = None, **changes: Any) -> Tree:
    """A whole tree of some trials.

    Args:
        trials: what the study has.
        kinds: factor name to kind, the first one dominant; the three usual ones when None.
        changes: parts to put in place of what follows from the trials.
    """
    usual = {"targets": "choice", "rank": "ordered", "learning_rate": "range"}
    asked = usual if kinds is None else kinds
    factors = [
        factor(name, kind, trials, log=name == "learning_rate") for name, kind in asked.items()
    ]
    minimize = changes.get("study", {}).get("direction") == "minimize"
    valued = [t for t in trials if t["value"] is not None]
    ranked = sorted(valued, key=lambda t: t["value"] if minimize else -t["value"])
    so_far = [
        {
            "number": t["number"],
            "best": (min if minimize else max)(u["value"] for u in valued[: i + 1]),
        }
        for i, t in enumerate(valued)
    ]
    found = [t["kind"] for t in trials]
    sized = sorted((t for t in valued if t["size"] is not None), key=lambda t: t["size"])
    front: list[Tree] = []
    for each in sized:
        if not front or each["value"] > front[-1]["value"]:
            front.append(each)
    discrete = [f for f in factors if f["kind"] != "range"]
    tree = {
        "format": 1,
        "made": "2026-03-01T12:00:00+00:00",
        "study": {
            "name": "small",
            "value_name": "validation MCC",
            "direction": "maximize",
            **changes.pop("study", {}),
        },
        "measures": MEASURES.to_json(),
        "counts": {kind: found.count(kind) for kind in sorted(set(KINDS))} | {"all": len(found)},
        "dominant": next(iter(asked), None),
        "factors": factors,
        "interval": "95 % t intervals of means over configurations",
        "trials": list(trials),
        "gaps": _gaps(factors, valued),
        "cells": [cells(discrete[0], other, trials) for other in discrete[1:]] if valued else [],
        "front": [t["number"] for t in front],
        "sizes": "adapter parameters" if sized else None,
        "best_so_far": so_far,
        "analysis": None,
        "cannot": [],
        "best": None,
        "ranking": [t["number"] for t in ranked],
        "baselines": [],
        "baseline_means": [],
        "failures": [],
    }
    return {**tree, **changes}


def _gaps(factors: Sequence[Tree], valued: Sequence[Tree]) -> list[Tree]:
    if not factors or factors[0]["kind"] == "range":
        return []
    first = factors[0]
    keys = ("value", "label", "from", "to")
    return [
        level([t for t in valued if t["params"].get(first["name"]) == each["value"]], "gap")
        | {key: each[key] for key in keys}
        for each in first["levels"]
    ]


def complete() -> Tree:
    """A tree in which there is something for every figure to draw."""
    kinds = {5: "pruned", 9: "failed", 10: "running", 11: "waiting"}
    trials = [trial(n, kinds.get(n, "complete")) for n in range(12)]
    trials[7] |= {"configuration": 4, "replicate": 1, "params": trials[4]["params"]}
    trials[7]["shown"] = dict(trials[4]["shown"])
    return made_of(
        trials,
        analysis=analysis(),
        best=best(trials[6]),
        baseline_means=[
            {"name": "head only", "mean": 0.1907, "n": 2, "ahead": 0.21},
            {"name": "head only, rate 1e-2", "mean": 0.1633, "n": 1, "ahead": 0.24},
        ],
    )


def renamed(tree: Any, change: Callable[[str], str], keep: Sequence[str] = ()) -> Any:
    """The tree with all strings changed but for those that are no free text.

    Args:
        tree: any part of a tree.
        change: the new string.
        keep: keys whose values stay, beside those that are known words or times.
    """
    fixed = {"kind", "state", "direction", "started", "ended", "made", "role", "method", *keep}
    if isinstance(tree, str):
        return change(tree)
    if isinstance(tree, list):
        return [renamed(each, change, keep) for each in tree]
    if isinstance(tree, dict):
        free = {"params", "shown"}
        return {
            key: value
            if key in fixed
            else {change(k): renamed(v, change, keep) for k, v in value.items()}
            if key in free and isinstance(value, dict)
            else renamed(value, change, keep)
            for key, value in tree.items()
        }
    return tree


NUMBERS = st.floats(-1e6, 1e6, allow_nan=False).map(lambda v: float(f"{v:.12g}"))
VALUES = st.one_of(NUMBERS, st.sampled_from([0.25, 0.5]))


@st.composite
def trees(draw: st.DrawFn) -> Tree:
    """Trees of few trials of any kind, with parameters of any kind, some of them missing."""
    kinds = draw(
        st.dictionaries(
            st.sampled_from(NAMES), st.sampled_from(["choice", "ordered", "range"]), max_size=3
        )
    )
    pool = {
        name: draw(st.lists(_values(kind), min_size=1, max_size=4)) for name, kind in kinds.items()
    }
    trials = []
    for number in range(draw(st.integers(0, 8))):
        kind = draw(st.sampled_from(KINDS))
        params = {
            name: draw(st.sampled_from(values)) for name, values in pool.items() if draw(_MOSTLY)
        }
        value = draw(VALUES) if kind == "complete" else None
        configuration = draw(st.none() | st.integers(0, 3)) if kind == "complete" else None
        odd = {"phase": draw(st.sampled_from([None, "measure", "search"]))}
        if draw(st.booleans()):
            odd |= {"curve": [], "seed": None, "size": None, "gap": None, "started": None}
        trials.append(
            trial(number, kind, value=value, params=params, configuration=configuration, **odd)
        )
    direction = draw(st.sampled_from(["maximize", "minimize"]))
    return made_of(trials, kinds, study={"direction": direction})


_MOSTLY = st.sampled_from([True, True, True, False])


def _values(kind: str) -> st.SearchStrategy[Any]:
    if kind == "choice":
        return st.text(max_size=6) | st.booleans() | st.integers(-3, 3).map(lambda n: f"n{n}")
    if kind == "ordered":
        return st.sampled_from([1, 2, 4, 8, 64]) | NUMBERS
    return NUMBERS
