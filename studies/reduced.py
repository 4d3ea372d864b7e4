"""The claim on other bases, by a smaller design: what depends on pre-training?

On your data:  lorasweep run studies.reduced --data DIR --base builtin:esm2-mini --name reduced_mini
               python -m studies.evidence.random_base facebook/esm2_t6_8M_UR50D random_esm2_8m
               lorasweep run studies.reduced --data DIR --base random_esm2_8m --name reduced_random
Cost:          45 fine-tunes each: 15 minutes on two cores with the random ESM-2 8M.

Space, claims, chains and settings are those of `studies.binding_sites`; 40 configurations and 5 of
them again. That is enough to see where an effect went, and not for a verdict on small ones.
"""

from dataclasses import replace

from studies.binding_sites import STUDY as BINDING_SITES
from sweep import Budget, Design

STUDY = replace(
    BINDING_SITES,
    name="reduced",
    design=Design(configurations=40, duplicates=5),
    budget=Budget(trials=45),
)
