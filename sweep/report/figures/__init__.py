"""The figures of a report, each a pure function of its tree.

Figures are plain JSON for plotly.js. All values that are drawn or described are in the tree; only
the offsets of overlapping marks are computed here.

Why not ``plotly.graph_objects``: it makes the same JSON, after a slow import and checks.
"""
