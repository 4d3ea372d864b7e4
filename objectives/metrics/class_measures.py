"""What is measured of several classes, and its tables in a report."""

from __future__ import annotations

from sweep.study.measures import Measures, Metric, Table

_SHARE = (0.0, 1.0)


def _measures(each: str) -> Measures:
    return Measures(
        metrics=(
            Metric("mcc", "MCC", "", True, (-1.0, 1.0), "MCC of all classes"),
            Metric("macro_f1", "macro F1", "", True, _SHARE, "F1, mean over the classes"),
            Metric("pr_auc", "PR AUC", "", True, _SHARE, "PR AUC (average precision)"),
            Metric("roc_auc", "ROC AUC", "", True, _SHARE, "ROC AUC"),
            Metric("accuracy", "accuracy", "", True, _SHARE, "accuracy"),
            Metric("loss", "loss", "", False, (0.0, None)),
            Metric("predictions", each, description=each),
        ),
        tables=(Table("per_class", "By class", "The best trial by class of validation", "class"),),
    )


RESIDUE_CLASSES = _measures("residues")
SEQUENCE_CLASSES = _measures("sequences")
