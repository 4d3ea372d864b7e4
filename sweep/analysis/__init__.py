"""Statistics of a table of trials: effects, importance, verdict and design. No database here."""
