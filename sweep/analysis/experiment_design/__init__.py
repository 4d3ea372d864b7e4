"""Measurements laid out before the first trial: which points, in which order, with which seeds.

Nothing is imported here: SciPy's statistics take a second, and only laying out needs them.
"""
