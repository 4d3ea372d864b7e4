"""What the binding-site objective measures, and the tables and curves of it in a report."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from objectives.metrics.confusion import Confusion
from objectives.metrics.curves import rates
from sweep.study.measures import Column, Curve, Measures, Metric, Table, TableRow

SHARE = (0.0, 1.0)

DECISIONS = "chosen"  # name of the table of decision thresholds; its rows are marked on the curves

_COLUMNS = (
    Column("threshold", "threshold", SHARE),
    Column("precision", "precision", SHARE),
    Column("recall", "recall", SHARE),
    Column("mcc", "MCC"),
)
_THRESHOLDS = (
    "all validation residues together, at {n} thresholds. The marks are the two decisions that are "
    "reported; the one chosen on validation is flattered by it. Other trials, seeds and data would "
    "give other curves."
)
_DECIDED = ("mcc", "precision", "recall")

MEASURES = Measures(
    metrics=(
        Metric("mcc", "MCC", "", True, (-1.0, 1.0), "MCC at argmax"),
        Metric(
            "mcc_at_threshold", "MCC at threshold", "", True, (-1.0, 1.0), "MCC at the threshold",
        ),
        Metric("pr_auc", "PR AUC", "", True, SHARE, "PR AUC (average precision)"),
        Metric("roc_auc", "ROC AUC", "", True, SHARE, "ROC AUC"),
        Metric("precision", "precision", "", True, SHARE, "precision at argmax"),
        Metric("recall", "recall", "", True, SHARE, "recall at argmax"),
        Metric(
            "precision_at_threshold", "precision at threshold", "", True, SHARE,
            "precision at the threshold",
        ),
        Metric(
            "recall_at_threshold", "recall at threshold", "", True, SHARE,
            "recall at the threshold",
        ),
        Metric("residues", "residues", description="residues"),
        Metric("positives", "positives", description="residues that bind"),
        Metric("f1", "F1", "", True, SHARE),
        Metric("f1_at_threshold", "F1 at threshold", "", True, SHARE),
        Metric("accuracy", "accuracy", "", True, SHARE),
        Metric("loss", "loss", "", False, (0.0, None)),
        Metric("threshold", "threshold", "", None, SHARE),
        Metric("ece", "calibration error", "", False, SHARE),
    ),
    tables=(
        Table(
            DECISIONS,
            "What it predicts",
            "The best trial's decisions",
            "decision",
            (
                TableRow(
                    "argmax",
                    "at argmax",
                    {"threshold": 0.5, **{name: name for name in _DECIDED}},
                    "argmax",
                ),
                TableRow(
                    "best",
                    "at the chosen threshold",
                    {
                        "threshold": "threshold",
                        **{name: f"{name}_at_threshold" for name in _DECIDED},
                    },
                    "chosen on validation",
                ),
            ),
        ),
        Table(
            "per_ligand",
            "By ligand",
            "The best trial by ligand: its residues against those that bind nothing",
            "ligand",
        ),
    ),
    curves=(
        Curve(
            "precision-recall", "threshold_curve", "Precision against recall", "recall",
            "precision", _COLUMNS, _THRESHOLDS, DECISIONS,
        ),
        Curve(
            "mcc-threshold", "threshold_curve", "MCC by threshold", "threshold", "mcc",
            _COLUMNS, _THRESHOLDS, DECISIONS,
        ),
        Curve(
            "calibration",
            "calibration",
            "Calibration",
            "probability",
            "observed",
            (
                Column("probability", "predicted probability", SHARE),
                Column("observed", "observed share", SHARE),
                Column("residues", "residues"),
            ),
            "its validation residues in {n} bins by predicted probability. On the diagonal "
            "predictions are as sure as they are right; bins of few residues scatter.",
            points=True,
            diagonal="perfect",
            note=Column("ece", "Expected calibration error"),
        ),
    ),
)  # fmt: skip


def completed(metrics: Mapping[str, Any]) -> Mapping[str, Any]:
    """A trial's metrics with the columns of its curves, of which it stores the counts."""
    curve, bins = (metrics.get(name) for name in ("threshold_curve", "calibration"))
    added: dict[str, Any] = {}
    if isinstance(curve, Mapping) and curve.get("threshold"):
        positives, residues = metrics["positives"], metrics["residues"]
        counts = [
            Confusion(tp, fp, positives - tp, residues - positives - fp)
            for tp, fp in zip(curve["tp"], curve["fp"], strict=True)
        ]
        added["threshold_curve"] = {**curve, **rates(counts)}
    if isinstance(bins, Mapping):
        shares = zip(bins["positives"], bins["residues"], strict=True)
        observed = [positives / residues for positives, residues in shares]
        added["calibration"] = {**bins, "observed": observed}
    return {**metrics, **added}
