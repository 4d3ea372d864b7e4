"""Settings for reading, splitting and subsampling the data."""

from __future__ import annotations

from dataclasses import dataclass

from sweep.study.parameters import is_number
from sweep.study.rules import count, field_faults, one_of, or_else, ruled

_CHAINS = "be a whole number of 1 or more, or null for all", or_else(None, count(1))
_SWITCH = "be true or false", one_of(True, False)
_SHARE = "be a fraction above 0, at most 1", lambda value: is_number(value) and 0 < value <= 1


@dataclass(frozen=True)
class DataOptions:
    """The settings of a study that decide its data, by the names that a study gives them.

    Attributes:
        task: what is predicted, one of ``objectives.tasks``.
        label_column: name of the column that holds the labels, if it is none of the usual names.
        validation_fraction: share of the training residues held out for validation, if the
            data has no validation split of its own.
        max_residues: longer chains are dropped; null keeps all.
        train_chains: number of training chains to keep; null for all.
        validation_chains: number of validation chains to keep; null for all.
        test_chains: number of test chains to keep; null for all.
        skip_bad: skip and count malformed records instead of raising an error.
        allow_pickle: read pickled weights and pickled data, which can run any code; by default
            they are refused.
        data_seed: seed of the validation split and of chain subsets.
        split_by: groups that a split-off validation set keeps together: ``cluster``, chains of
            similar sequence, or ``family``, also chains of one protein family, if the data
            names it.
        cluster_method: sequence clustering by ``kmers``, ``mmseqs``, or ``auto``: MMseqs2 if it
            runs on this machine, else k-mers; chosen once when a study begins.
        cluster_identity: minimum sequence identity at which MMseqs2 links two chains.
        cluster_coverage: minimum share of both chains that the alignment must cover.
    """

    task: str = ruled(
        "residue_binary", "be the name of a task", lambda v: isinstance(v, str) and bool(v)
    )
    label_column: str | None = ruled(
        None,
        "be the name of a column, or null",
        or_else(None, lambda v: isinstance(v, str) and bool(v.strip())),
    )
    validation_fraction: float = ruled(
        0.15, "be a fraction above 0 and below 1", lambda v: is_number(v) and 0 < v < 1
    )
    max_residues: int | None = ruled(
        None, "be a whole number of 1 or more, or null for no limit", or_else(None, count(1))
    )
    train_chains: int | None = ruled(None, *_CHAINS)
    validation_chains: int | None = ruled(None, *_CHAINS)
    test_chains: int | None = ruled(None, *_CHAINS)
    skip_bad: bool = ruled(False, *_SWITCH)
    allow_pickle: bool = ruled(False, *_SWITCH)
    data_seed: int = ruled(0, "be a whole number of 0 or more", count(0))
    split_by: str = ruled("cluster", "be 'cluster' or 'family'", one_of("cluster", "family"))
    cluster_method: str = ruled(
        "kmers", "be 'kmers', 'mmseqs' or 'auto'", one_of("kmers", "mmseqs", "auto")
    )
    cluster_identity: float = ruled(0.3, *_SHARE)
    cluster_coverage: float = ruled(0.8, *_SHARE)

    def faults(self) -> list[str]:
        """The errors of all invalid settings, in the order of the fields."""
        return list(field_faults(self, "settings"))
