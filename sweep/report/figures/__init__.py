"""The figures of a report, each a pure function of its tree.

Figures are plain JSON for plotly.js. Nothing is computed here: what is drawn or said stands in the
tree, but for where a mark stands beside others of its level.
"""
