"""Hyperparameter importance by several methods, with intervals."""
