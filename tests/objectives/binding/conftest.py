"""Fixtures: a tiny random ESM-2, learnable data, and trials on both."""

from tiny_bases import *  # noqa: F403
