"""What is measured of classes, numbers and sets of labels, and its tables in a report."""

from __future__ import annotations

from sweep.study.measures import Measures, Metric, Table

_SHARE, _CORRELATION = (0.0, 1.0), (-1.0, 1.0)


def _of_classes(each: str) -> Measures:
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


def _of_values(each: str) -> Measures:
    return Measures(
        metrics=(
            Metric("spearman", "Spearman", "", True, _CORRELATION, "Spearman's correlation"),
            Metric("pearson", "Pearson", "", True, _CORRELATION, "Pearson's correlation"),
            Metric("mae", "MAE", "", False, (0.0, None), "mean absolute error"),
            Metric("rmse", "RMSE", "", False, (0.0, None), "root mean square error"),
            Metric("r2", "R2", "", True, (None, 1.0), "share of the variance explained"),
            Metric("loss", "loss", "", False, (0.0, None)),
            Metric("predictions", each, description=each),
        )
    )


RESIDUE_CLASSES, SEQUENCE_CLASSES = _of_classes("residues"), _of_classes("sequences")
RESIDUE_VALUES, SEQUENCE_VALUES = _of_values("residues"), _of_values("sequences")
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
