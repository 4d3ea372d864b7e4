"""Fixtures: a tiny random ESM-2, learnable data, and trials on both."""

from tiny_bases import (  # noqa: F401
    esm2_8m,
    make_inputs,
    make_objective,
    one_thread,
    precision,
    tiny_base,
    tiny_data,
    tiny_folder,
    tiny_inputs,
    train,
    trial_of,
)
