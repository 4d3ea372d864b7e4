"""The two arms of the model card: the parameters they train, and their scores by paired seeds."""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable, Mapping
from typing import Any

from studies.evidence.contrasts import chance_of_as_much, contrast, pairs_needed
from sweep.analysis.rows import Row
from sweep.analysis.table import TrialTable

CARD = 0.0103  # how far the card's two runs are apart: MCC 0.2639 against 0.2536 on its test split
Figure = Callable[[Row], float]


def replication(table: TrialTable) -> dict[str, Any]:
    """Every arm's mean, and the differences of arms over paired seeds, as a JSON tree.

    Args:
        table: of ``studies.card_replication``.
    """
    few, many = table.space["targets"].grid() or ()
    arms = {
        (str(targets), shift): {
            row.seed: row
            for row in table.rows
            if row.values["targets"] == targets and row.values["label_shift"] == shift
        }
        for targets in (few, many)
        for shift in (0, 1)
    }
    in_place = arms[str(few), 0], arms[str(many), 0]
    shifted = arms[str(few), 1], arms[str(many), 1]
    gap = contrast(*(_by_seed(arm, _mcc) for arm in in_place))
    return {
        "card": CARD,
        "runs": len(table.rows),
        "collapsed": sum(row.collapsed for row in table.rows),
        "arms": [
            {"targets": table.space.labels()[targets], "label_shift": shift, **_means(arm)}
            for (targets, shift), arm in arms.items()
        ],
        "all_minus_qkv": {
            "in_place": {
                name: contrast(*(_by_seed(arm, figure) for arm in in_place)).to_json()
                for name, figure in FIGURES.items()
            },
            "shifted": contrast(*(_by_seed(arm, _mcc) for arm in shifted)).to_json(),
        },
        "shifted_minus_in_place": {
            label: {
                name: contrast(
                    _by_seed(arms[key, 0], _mcc), _by_seed(arms[key, 1], figure)
                ).to_json()
                for name, figure in (("own labels", _mcc), ("true labels", _on_true_labels))
            }
            for label, key in (("qkv", str(few)), ("all-linear", str(many)))
        },
        "pairs_needed": pairs_needed(gap.sd or 0.0, CARD),
        "seeds_alone": chance_of_as_much([_mcc(row) for row in in_place[0].values()], CARD),
    }


def _mcc(row: Row) -> float:
    return row.value


def _on_true_labels(row: Row) -> float:
    """MCC with labels in place, of a run that was trained on shifted ones."""
    return float(row.metrics["aligned_mcc"])


def hard_auc(row: Row) -> float:
    """The area under the ROC curve of the decisions in place of the probabilities.

    Such a curve has one corner, so the area is the mean of recall and specificity.
    """
    metrics = row.metrics
    found = metrics["recall"] * metrics["positives"]
    free = metrics["residues"] - metrics["positives"]
    specificity = 1 - (metrics["predicted_positives"] - found) / free
    return float(metrics["recall"] + specificity) / 2


FIGURES: Mapping[str, Figure] = {
    "mcc": _mcc,
    "roc_auc": lambda row: float(row.metrics["roc_auc"]),
    "hard_auc": hard_auc,
    "mcc_gap": lambda row: float(row.metrics["mcc_gap"]),
}
"""What is compared between the arms."""


def _by_seed(arm: Mapping[int, Row], figure: Figure) -> dict[int, float]:
    return {seed: figure(row) for seed, row in arm.items()}


def _means(arm: Mapping[int, Row]) -> dict[str, Any]:
    means = {
        name: math.fsum(figure(row) for row in arm.values()) / len(arm)
        for name, figure in FIGURES.items()
    }
    values = [row.value for row in arm.values()]
    spread = math.sqrt(math.fsum((v - means["mcc"]) ** 2 for v in values) / (len(values) - 1))
    return {"n": len(arm), **means, "sd": spread}


QKV = ("query", "key", "value")
CLASSES = (
    "EsmSelfOutput.dense",
    "EsmIntermediate.dense",
    "EsmOutput.dense",
    "EsmContactPredictionHead.regression",
)
"""Names of classes in the source of ESM, where PEFT looks for names of modules."""


def names() -> dict[str, Any]:
    """Trained parameters at rank 2 by list of names, without any weights.

    The lists are those of adapters of the same author and weeks: query, key and value, the same
    with the names of classes, and with a plain ``dense``, which does match.
    """
    lists = {"qkv": QKV, "published": (*QKV, *CLASSES), "dense": (*QKV, "dense")}
    return {name: _trained(modules) for name, modules in lists.items()}


def _trained(modules: tuple[str, ...]) -> dict[str, int]:
    import torch
    from peft import LoraConfig, get_peft_model
    from peft.tuners.lora import LoraLayer
    from transformers import EsmConfig, EsmForTokenClassification

    config = EsmConfig(
        vocab_size=33,
        pad_token_id=1,
        mask_token_id=32,
        hidden_size=320,
        num_hidden_layers=6,
        num_attention_heads=20,
        intermediate_size=1280,
        position_embedding_type="rotary",
    )
    with torch.device("meta"), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model = get_peft_model(
            EsmForTokenClassification(config),
            LoraConfig(task_type="TOKEN_CLS", r=2, lora_alpha=1, target_modules=list(modules)),
        )
    return {
        "matrices": sum(isinstance(module, LoraLayer) for module in model.modules()),
        "trained": sum(p.numel() for p in model.parameters() if p.requires_grad),
    }
