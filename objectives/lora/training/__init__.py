"""Training of packs of trials: steps, evaluation, checkpoints, saved adapters."""
