"""The best configuration that `studies.binding_sites` found, trained on all chains, tested once.

On your data:  lorasweep run studies.binding_sites_final --data DIR --base MODEL --final-test
Cost:          two trainings on 4 000 chains, half an hour on one core with bfloat16.

One configuration, all training chains but a twentieth for the threshold, one pass, and the test
split scored once. The second training is the final test's own, from the same seed.
"""

from studies.binding_sites import STUDY as BINDING_SITES
from sweep import Budget, Choice, Sampler, Space, StudySpec, TargetSets

STUDY = StudySpec(
    name="binding_sites_final",
    objective=BINDING_SITES.objective,
    space=Space(
        {
            "rank": Choice(16),
            "scaling": Choice(1.0),
            "targets": TargetSets("all-linear"),
            "learning_rate": Choice(0.0016875813341833117),
        }
    ),
    settings={
        **BINDING_SITES.settings,
        "max_residues": None,
        "train_chains": None,
        "validation_chains": None,
        "validation_fraction": 0.05,
    },
    sampler=Sampler("grid"),
    budget=Budget(trials=1),
    inputs=BINDING_SITES.inputs,
)
