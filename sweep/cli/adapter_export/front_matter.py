"""The metadata of a model card that the Hugging Face Hub reads."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from sweep.study.parameters import is_number
from sweep.terminal.printable import printable

Tree = Mapping[str, Any]

_METRICS = {
    "mcc": ("matthews_correlation", "MCC at argmax"),
    "mcc_at_threshold": ("matthews_correlation", "MCC at the threshold"),
    "pr_auc": ("average_precision", "PR AUC"),
    "roc_auc": ("roc_auc", "ROC AUC"),
    "precision": ("precision", "precision at argmax"),
    "recall": ("recall", "recall at argmax"),
    "precision_at_threshold": ("precision", "precision at the threshold"),
    "recall_at_threshold": ("recall", "recall at the threshold"),
}
"""Metrics by lorasweep's name: the Hub's name and a title."""

_TAGS = ["lora", "peft", "biology", "protein", "esm", "binding-sites", "lorasweep"]


def front_matter(facts: Tree, licence: str) -> str:
    """YAML metadata between dashes; base models and data sets are named if on the Hub.

    Args:
        facts: see ``facts_of`` of ``sweep.cli.adapter_export.export``.
        licence: an identifier of the Hub.
    """
    from huggingface_hub import ModelCardData

    base, data = str(facts["record"]["base"]), str(facts["inputs"].get("data", ""))
    quantised = ["qlora"] if facts["record"]["load"]["four_bit"] else []
    card = ModelCardData(
        base_model=base if is_hub_name(base) else None,
        library_name="peft",
        pipeline_tag="token-classification",
        license=licence,
        tags=[*_TAGS, *quantised],
        datasets=[data] if is_hub_name(data) else None,
        metrics=list(dict.fromkeys(kind for kind, _ in _METRICS.values())),
        model_name=printable(f"{facts['study']} trial {facts['trial']}"),
        eval_results=_results(facts, data),
    )
    return f"---\n{card.to_yaml()}\n---"


def is_hub_name(name: str) -> bool:
    """Whether a base model or data set may be on the Hub: neither a path nor built-in."""
    from huggingface_hub.errors import HFValidationError
    from huggingface_hub.utils import validate_repo_id  # type: ignore[attr-defined]

    try:
        validate_repo_id(name)
        return bool(name) and not Path(name).exists()
    except (HFValidationError, OSError, ValueError):
        return False


def data_name(facts: Tree) -> str:
    """The data set's name: on the Hub, built-in, or the last part of a path."""
    data = str(facts["inputs"].get("data", "")) or "not named"
    return data if is_hub_name(data) or data.startswith("builtin:") else Path(data).name


def base_name(facts: Tree) -> str:
    """The base model's name: on the Hub, built-in, or the last part of a path."""
    base = str(facts["record"]["base"])
    return base if is_hub_name(base) or base.startswith("builtin:") else Path(base).name


def _results(facts: Tree, data: str) -> list[Any]:
    from huggingface_hub import EvalResult

    name = printable(data_name(facts))
    kind = data if is_hub_name(data) else re.sub(r"[^\w.-]+", "-", name, flags=re.ASCII).strip("-.")
    found = []
    for split, figures in (("validation", facts["metrics"]), ("test", facts["test"])):
        for key, (metric, shown) in _METRICS.items():
            if is_number(figures.get(key)):
                found.append(
                    EvalResult(
                        task_type="token-classification",
                        dataset_type=kind or "unnamed",
                        dataset_name=name,
                        dataset_split=split,
                        metric_type=metric,
                        metric_name=f"{shown} ({split})",
                        metric_value=figures[key],
                    )
                )
    return found
