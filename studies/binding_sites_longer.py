"""The claim again at three times the training: early speed is not the end state.

On your data:  lorasweep run studies.binding_sites_longer --data DIR --base MODEL
Cost:          about 90 seconds a trial on one core that has bfloat16 instructions.

Space, claims, chains and design are those of `studies.binding_sites`: the same configurations,
trial by trial, so that the two can be compared in pairs.
"""

from dataclasses import replace

from studies.binding_sites import STUDY as BINDING_SITES

STUDY = replace(
    BINDING_SITES,
    name="binding_sites_longer",
    settings={**BINDING_SITES.settings, "epochs": 3},
)
