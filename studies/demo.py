"""A small real sweep that runs anywhere: CPU, offline, a few minutes.

Run it:  lorasweep run studies.demo   (make demo does, and shows the importance after)

Every trial is a QLoRA fine-tune (NF4 base, PEFT adapters) of the embedded mini base on
the embedded synthetic motifs. Fourteen trials show how the tool works; they prove nothing.
"""

from dataclasses import replace

from studies.binding_sites import STUDY as BINDING_SITES
from studies.targets import SIX_TARGET_SETS
from sweep import Baseline, Budget, Choice, Space

STUDY = replace(
    BINDING_SITES,
    name="demo",
    space=Space(
        {
            "rank": Choice(1, 2, 4, 8, 16, 32),
            "alpha": Choice(1, 2, 4, 8, 16, 32, 64),
            "targets": SIX_TARGET_SETS,
        }
    ),
    settings={
        "compute_dtype": "float32",  # README shows its figures: alike on any CPU, up to rounding
        "learning_rate": 5e-3,
        "epochs": 3,
        "batch_tokens": 512,  # 34 000 residues in all: small batches make enough steps
        "class_weight": 3,
        "schedule": "cosine",
    },
    baselines=(
        Baseline("head only", {"rank": 0, "targets": "none"}),
        Baseline("head only, rate 1e-2", {"rank": 0, "targets": "none", "learning_rate": 1e-2}),
    ),
    design=None,
    claims=(),
    budget=Budget(trials=14),
)
