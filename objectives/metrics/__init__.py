"""Metrics of binary predictions, with confidence intervals."""
