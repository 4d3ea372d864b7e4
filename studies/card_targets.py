"""The target list of the model card behind this project: refused, and why.

Check it:  lorasweep check studies.card_targets   (exits with 2)

The card says that adapting "every possible weight matrix" is what matters most. The list
its author published names *classes* of the source code, where PEFT matches *paths* of
modules: beyond query, key and value nothing matches, and PEFT says nothing. So "all" and
"query, key, value only" trained the same weights. Here such a name is an error that lists
what it could have matched.
"""

from dataclasses import replace

from studies.binding_sites import STUDY as BINDING_SITES
from sweep import Space, TargetSets

CARD_TARGETS = (
    "query+key+value+EsmSelfOutput.dense+EsmIntermediate.dense+EsmOutput.dense"
    "+EsmContactPredictionHead.regression+classifier"
)

STUDY = replace(
    BINDING_SITES,
    name="card_targets",
    space=Space({**BINDING_SITES.space.params, "targets": TargetSets("qkv", card=CARD_TARGETS)}),
)
