"""Readable labels for keys of the report tree."""

from __future__ import annotations

from collections.abc import Mapping

LABELS: Mapping[str, str] = {
    "mcc": "MCC",
    "f1": "F1",
    "roc_auc": "ROC AUC",
    "pr_auc": "PR AUC",
    "ece": "calibration error",
    "mcc_at_threshold": "MCC at threshold",
    "f1_at_threshold": "F1 at threshold",
    "mcc_gap": "MCC gap",
    "train_mcc": "train MCC",
    "best": "at the chosen threshold",
    "argmax": "at argmax",
}
"""Labels of keys that are not readable by replacing underscores."""

CAPITALS: Mapping[str, str] = {"mcc": "MCC", "f1": "F1", "roc": "ROC", "pr": "PR", "auc": "AUC"}
"""Abbreviations capitalised inside longer keys."""


COLUMNS: Mapping[str, str] = {
    "train_value": "on train",
    "gap": "gap to train",
    "phase": "phase",
    "replicate": "replicate",
    "seed": "seed",
    "size": "parameters",
    "seconds": "time",
}
"""Titles of the optional columns of the trial table."""


def key_label(name: str) -> str:
    """Readable label of a key.

    Example:
        >>> key_label("roc_auc"), key_label("class_weight"), key_label("test_mcc")
        ('ROC AUC', 'class weight', 'test MCC')
    """
    if name in LABELS:
        return LABELS[name]
    return " ".join(CAPITALS.get(word, word) for word in name.split("_"))
