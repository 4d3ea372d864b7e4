"""Records of an adapter for model-card tests, and helpers to read a card."""

from __future__ import annotations

import copy
import re
from typing import Any

from markdown_it import MarkdownIt

from objectives.metrics.binary_measures import MEASURES

FACTS: dict[str, Any] = {
    "study": "rank or targets",
    "storage": "sqlite:///runs/rank/study.db",
    "objective": "objectives.binding.objective:BindingObjective",
    "spec_digest": "3f9a12",
    "trial": 17,
    "study_value": 0.43217,
    "value": 0.43217,
    "retrained": False,
    "is_best": True,
    "complete": 61,
    "params": {"rank": 8, "scaling": 2.5, "targets": "key+mlp.down+query", "learning_rate": 0.0031},
    "labels": {"key+mlp.down+query": "wide"},
    "replicate": 0,
    "metrics": {
        "mcc": 0.43217,
        "mcc_low": 0.38127,
        "mcc_high": 0.47718,
        "mcc_at_threshold": 0.46619,
        "mcc_at_threshold_low": 0.42213,
        "mcc_at_threshold_high": 0.50112,
        "precision": 0.52331,
        "recall": 0.36127,
        "precision_at_threshold": 0.47291,
        "recall_at_threshold": 0.48835,
        "pr_auc": 0.41773,
        "roc_auc": 0.89917,
        "residues": 161212,
        "positives": 4332,
        "train_mcc": 0.55721,
        "per_ligand": {
            "ATP": {"mcc": 0.39321, "recall": 0.31117, "roc_auc": 0.87773, "positives": 911},
            "ZN": {"mcc": 0.57113, "recall": 0.62221, "roc_auc": None, "positives": 713},
        },
    },
    "test": {},
    "details": {
        "modules": [f"esm.encoder.layer.{i}.output.dense" for i in range(6)],
        "trainable_parameters": 77442,
        "adapter_parameters": 76800,
        "device": "cpu",
        "lora_config": {
            "r": 8, "lora_alpha": 20, "target_modules": r".*\.\d+\.output\.dense",
            "lora_dropout": 0.05, "use_rslora": False, "modules_to_save": ["classifier"],
            "task_type": "TOKEN_CLS",
        },
    },
    "record": {
        "number": 17,
        "seed": 3,
        "threshold": 0.3172840918,
        "base": "facebook/esm2_t6_8M_UR50D",
        "settings": {"epochs": 2, "warmup": 0.1, "class_weight": 6},
        "fingerprints": {"data": "9fa9396c637d", "base": "bf2f033987612c8f"},
        "load": {
            "labels": 2,
            "dtype": "float32",
            "compute_dtype": "float32",
            "four_bit": {
                "load_in_4bit": True, "bnb_4bit_quant_type": "nf4",
                "bnb_4bit_use_double_quant": True, "llm_int8_skip_modules": ["classifier"],
            },
            "trust_remote_code": False,
            "embedded": None,
            "max_residues": 1022,
        },
    },
    "baselines": [{"name": "head only", "value": 0.21113}, {"name": "head only", "value": 0.20071}],
    "measures": MEASURES.to_json(),
    "value_name": "validation MCC",
    "inputs": {"data": "someone/binding", "base": "facebook/esm2_t6_8M_UR50D"},
    "data": {
        "splits": {
            "train": {"chains": 3348, "residues": 913536, "positives": 22845, "windows": 3351},
            "validation": {"chains": 595, "residues": 161212, "positives": 4332, "windows": 596},
        },
        "ligands": {"ATP": 3436, "ZN": 5161},
        "split_method": "15% carved out by whole clusters, seed 0",
        "merged": 450,
        "dropped_overlap": 0,
    },
    "base": {"name": "facebook/esm2_t6_8M_UR50D", "parameters": 7408960},
    "versions": {"lorasweep": "0.1.0", "torch": "2.13.0+cpu", "peft": "0.21.2"},
}  # fmt: skip
HOSTILE = (
    "a: b\n---\nlicense: mit\n# big `code` <script>x</script> |\n"
    "```\n[go](http://x) *b* $m$ \u2028 ~"
)


def facts(**changes: Any) -> dict[str, Any]:
    """The records above, with replacements; ``a__b`` means ``b`` in ``a``."""
    tree = copy.deepcopy(FACTS)
    for name, value in changes.items():
        *above, last = name.split("__")
        branch = tree
        for part in above:
            branch = branch[part]
        branch[last] = value
    return tree


def snippet(card: str) -> str:
    """The first Python code block of a card."""
    found = re.search(r"^(`{3,})python\n(.*?)^\1$", card, flags=re.DOTALL | re.MULTILINE)
    assert found is not None
    return found[2]


def rendered(card: str) -> str:
    """The text of a card rendered as HTML."""
    text = card.split("\n---\n", 1)[1]
    return str(MarkdownIt("commonmark", {"html": True}).enable("table").render(text))
