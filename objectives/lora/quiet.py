"""Suppress progress bars, advice and warnings of libraries, to keep a sweep's output readable."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager

from transformers.utils import logging


def quiet_libraries() -> None:
    """Turn off progress bars and log messages of transformers below ERROR."""
    logging.set_verbosity_error()
    logging.disable_progress_bar()


@contextmanager
def no_warnings() -> Iterator[None]:
    """Ignore Python warnings within the block: library warnings that users cannot act on."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield
