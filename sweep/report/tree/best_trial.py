"""The best trial of a study, with its metrics by decision threshold and its calibration."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

Tree = Mapping[str, Any]


def best_entry(found: Tree | None, trials: Sequence[Tree]) -> dict[str, Any] | None:
    """The best trial as JSON-serialisable data.

    Args:
        found: ``best`` of ``sweep.results.status.snapshot``; None before the first complete trial.
        trials: all trials as report entries.

    Returns:
        Its parameters and metrics and, from stored counts, precision, recall and MCC by threshold
        and the calibration of predicted probabilities; None if ``found`` is None.
    """
    if found is None:
        return None
    metrics: Tree = found.get("metrics") or {}
    shown: Tree = next((t["shown"] for t in trials if t["number"] == found["number"]), {})
    return {
        "number": found["number"],
        "value": found["value"],
        "params": dict(found["params"]),
        "shown": shown,
        "metrics": {k: v for k, v in metrics.items() if v is None or _is_plain(v)},
        "per_ligand": metrics.get("per_ligand"),
        "lora_config": found.get("lora_config"),
        "adapter": found.get("adapter"),
        "threshold_curve": threshold_curve(metrics),
        "chosen": _chosen(metrics),
        "calibration": calibration(metrics),
    }


def threshold_curve(metrics: Tree) -> dict[str, list[float | None]] | None:
    """Precision, recall and MCC at each threshold with stored counts.

    Precision is None where nothing is predicted positive. Returns None without counts.
    """
    counts = metrics.get("threshold_curve")
    if not isinstance(counts, Mapping) or not counts.get("threshold"):
        return None
    positives, residues = metrics["positives"], metrics["residues"]
    pairs = list(zip(counts["tp"], counts["fp"], strict=True))
    return {
        "threshold": list(counts["threshold"]),
        "precision": [tp / (tp + fp) if tp + fp else None for tp, fp in pairs],
        "recall": [tp / positives if positives else None for tp, _ in pairs],
        "mcc": [mcc(tp, fp, positives, residues) for tp, fp in pairs],
    }


def mcc(tp: int, fp: int, positives: int, residues: int) -> float:
    """Matthews correlation coefficient from counts; 0 if a row or column sum is 0.

    Source: Matthews 1975, doi:10.1016/0005-2795(75)90109-9.
    """
    fn, tn = positives - tp, residues - positives - fp
    sums = (tp + fp) * (tp + fn) * (tn + fp) * (tn + fn)
    return (tp * tn - fp * fn) / math.sqrt(sums) if sums else 0.0


def calibration(metrics: Tree) -> dict[str, Any] | None:
    """Calibration curve: mean predicted probability and observed positive share per bin."""
    bins = metrics.get("calibration")
    if not isinstance(bins, Mapping) or not bins.get("residues"):
        return None
    shares = zip(bins["positives"], bins["residues"], strict=True)
    return {
        "probability": list(bins["probability"]),
        "observed": [positives / residues for positives, residues in shares],
        "residues": list(bins["residues"]),
        "ece": bins.get("ece"),
    }


def _chosen(metrics: Tree) -> dict[str, Any]:
    """Metrics at the two reported thresholds: argmax (0.5), and the one chosen on validation."""
    names = ("mcc", "precision", "recall")
    found: dict[str, Any] = {}
    if "mcc" in metrics:
        found["argmax"] = {"threshold": 0.5, **{name: metrics.get(name) for name in names}}
    if "threshold" in metrics:
        at = {name: metrics.get(f"{name}_at_threshold") for name in names}
        found["best"] = {"threshold": metrics["threshold"], **at}
    return found


def _is_plain(value: object) -> bool:
    return isinstance(value, (bool, int, float, str))
