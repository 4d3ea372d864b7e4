"""What is measured of predicted sets of labels, and its table in a report."""

from __future__ import annotations

from sweep.study.measures import Measures, Metric, Table

_SHARE = (0.0, 1.0)

SEQUENCE_LABELS = Measures(
    metrics=(
        Metric("fmax", "Fmax", "", True, _SHARE, "Fmax of all labels"),
        Metric("micro_pr_auc", "micro PR AUC", "", True, _SHARE, "PR AUC over all labels together"),
        Metric("loss", "loss", "", False, (0.0, None)),
        Metric("threshold", "threshold", "", None, _SHARE),
        Metric("predictions", "sequences", description="sequences"),
    ),
    tables=(Table("per_class", "By label", "The best trial by label of validation", "label"),),
)
