"""Silence of the libraries below: a sweep's output is its own."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager

from transformers.utils import logging


def quiet_libraries() -> None:
    """Turn off the loading bars and advice of transformers; keep errors."""
    logging.set_verbosity_error()
    logging.disable_progress_bar()


@contextmanager
def no_warnings() -> Iterator[None]:
    """Drop Python warnings raised inside library calls that the user cannot act on."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield
