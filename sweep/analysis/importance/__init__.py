"""Importance of each hyperparameter, by several methods, each with an interval."""
