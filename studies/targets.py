"""The target sets that the studies compare, from two matrices per layer to all six."""

from sweep import TargetSets

TARGET_SETS = TargetSets("query+value", "qkv", "attention", "mlp", "all-linear")
"""Those of a measurement: five, so that it is balanced over five ranks and five scalings, too."""

SIX_TARGET_SETS = TargetSets(
    "query+value", "qkv", "attention", "mlp", "attention+mlp.down", "all-linear"
)
"""Those of the demo."""
