"""Training of packs: steps, evaluation, checkpoints, and what is saved of each trial."""
