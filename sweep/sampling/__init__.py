"""Optuna samplers and pruners of a study, and which configurations are distinct."""
