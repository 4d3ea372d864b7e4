"""Whether a command may run what its database names, as its options say."""

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
    """The folders of a study's code, which Python looks in from now on.

    Args:
        study: made by lorasweep.
        address: its database.
        options: of a verb with ``trust_arguments``.

    Returns:
        The folders as they are for this process; None for a study of lorasweep's own objective
        that is not trusted beyond that.

    Raises:
        UsageError: if the study has to be trusted first.
        StorageError: if the database cannot be read.
    """
    granted = {name: getattr(options, name) for name in GRANTS}
    if not require(study, address, granted, trusted=options.trust_study):
        return None
    return Source.of(read_source(study).study, read_spec(study).objective)
