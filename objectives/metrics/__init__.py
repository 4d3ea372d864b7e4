"""Metrics of binary predictions, with intervals."""
