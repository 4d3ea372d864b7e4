"""Whether a command may run the code that its database names, by its options."""

from __future__ import annotations

import argparse

import optuna

from sweep.storage.studies import read_source, read_spec
from sweep.storage.trust import require
from sweep.storage.url import StorageUrl
from sweep.study.source import GRANTS, Source


def trusted_source(
    study: optuna.Study, address: StorageUrl, options: argparse.Namespace
) -> Source | None:
    """The folders of a trusted study's code, which are added to ``sys.path``.

    Args:
        study: made by lorasweep.
        address: its database.
        options: of a verb with ``trust_arguments``.

    Returns:
        The folders as found by this process; None for a study that is not trusted and has one of
        lorasweep's own objectives.

    Raises:
        UsageError: if the study is not trusted.
        StorageError: if the database cannot be read.
    """
    granted = {name: getattr(options, name) for name in GRANTS}
    if not require(study, address, granted, trusted=options.trust_study):
        return None
    return Source.of(read_source(study).study, read_spec(study).objective)
