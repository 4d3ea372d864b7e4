"""Effects of parameters as variance components with intervals, computed from arrays."""
