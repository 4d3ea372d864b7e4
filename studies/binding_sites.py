"""Which LoRA hyperparameters matter for binding-site prediction with ESM-2?

On your data:  lorasweep pilot studies.binding_sites --data DIR --base facebook/esm2_t6_8M_UR50D
               lorasweep design studies.binding_sites
               lorasweep run studies.binding_sites --data DIR --base facebook/esm2_t6_8M_UR50D
As a script:   python studies/binding_sites.py --trials 20
Cost:          one fine-tune per trial; ESM-2 8M takes about 40 seconds on one core that has
               bfloat16 instructions, so two cores take an hour for the 162 trials that measure.

162 trials measure: 150 configurations, balanced over rank, scaling (alpha / rank) and target sets,
with learning rates spread over the range, and 12 of them again with a second seed. 8 more search
for the best. The pilot decides the range of the learning rate: one at which no target set
collapses, and that holds each one's best. Ranges and claims are settled before the first trial.

Chains, epochs and batches are what two cores allow in an hour: short chains, one pass, small
batches for many steps. `studies.binding_sites_longer` is the same at three times the training. On
a GPU take all chains: --set max_residues=null --set train_chains=null.

Without --data and --base it runs on the embedded synthetic motifs and mini base.
"""

import sys

from studies.targets import TARGET_SETS
from sweep import Baseline, Budget, Choice, Claim, Design, Float, Sampler, Space, StudySpec

STUDY = StudySpec(
    name="binding_sites",
    objective="objectives.binding.objective:BindingObjective",
    space=Space(
        {
            "rank": Choice(2, 4, 8, 16, 32),
            # Sampled apart from rank, unlike alpha: from the card's alpha = r / 2 to alpha = 2 r.
            "scaling": Choice(0.5, 0.7, 1.0, 1.4, 2.0),
            "targets": TARGET_SETS,
            "learning_rate": Float(3e-4, 2.4e-3, log=True),  # as its pilot said
        }
    ),
    settings={
        "epochs": 1,
        "max_residues": 200,
        "train_chains": 400,
        "validation_chains": 200,
        "batch_tokens": 256,
        "compute_dtype": "bfloat16",  # on CPUs, too: a study is of one kind of numbers
        "class_weight": 6,  # 2 to 3 % of residues bind: "none" predicts none, "balanced" too many
    },
    sampler=Sampler("tpe", seed=0),
    seeds=(0,),
    baselines=(
        # A head alone wants a higher rate; comparing at one rate would flatter the adapters.
        Baseline("head only, rate 3e-3", {"rank": 0, "targets": "none", "learning_rate": 3e-3}),
        Baseline("head only, rate 1e-2", {"rank": 0, "targets": "none", "learning_rate": 1e-2}),
        Baseline("head only, rate 3e-2", {"rank": 0, "targets": "none", "learning_rate": 3e-2}),
    ),
    design=Design(configurations=150, duplicates=12),
    claims=(
        Claim(dominant="targets", over=("rank", "scaling"), negligible=("rank", "scaling")),
        Claim(
            dominant="targets",
            over=("rank", "scaling", "learning_rate"),
            negligible=(),
            name="the target set is the most important",
        ),
    ),
    budget=Budget(trials=170),
    inputs={"data": "builtin:motifs", "base": "builtin:esm2-mini"},
)

if __name__ == "__main__":
    from sweep.cli import main

    raise SystemExit(main(["run", __file__, *sys.argv[1:]]))
