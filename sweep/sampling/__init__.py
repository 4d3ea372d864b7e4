"""From our space and method names to Optuna's, and what makes two configurations the same."""

from sweep.sampling.forms import distribution, distributions
from sweep.sampling.keys import Key, configuration_key, untried
from sweep.sampling.methods import make_pruner, make_sampler

__all__ = [
    "Key",
    "configuration_key",
    "distribution",
    "distributions",
    "make_pruner",
    "make_sampler",
    "untried",
]
