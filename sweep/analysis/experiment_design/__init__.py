"""Experimental designs: the configurations, order and seeds of trials planned in advance.

Nothing is imported here, since SciPy's statistics take a second to import.
"""
