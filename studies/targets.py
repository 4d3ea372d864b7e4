"""The six target sets that the studies compare, from two matrices per layer to all six."""

from sweep import TargetSets

TARGET_SETS = TargetSets(
    "query+value", "qkv", "attention", "mlp", "attention+mlp.down", "all-linear"
)
