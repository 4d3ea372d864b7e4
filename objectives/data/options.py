"""Settings for splitting and subsampling the data."""

from __future__ import annotations

from dataclasses import dataclass, fields

from sweep.errors import fault

CHOICES = {"split_by": ("cluster", "family"), "cluster_method": ("kmers", "mmseqs", "auto")}
"""Allowed values of the settings that are a choice."""


@dataclass(frozen=True)
class DataOptions:
    """Settings for reading, splitting and subsampling a data source.

    Attributes:
        seed: of the validation split and the subsamples; independent of the trials' seeds, so
            that every trial is scored on the same chains.
        validation_fraction: share of the training residues used for validation if the source
            gives no validation split.
        max_residues: chains longer than this are dropped from every split.
        train_chains: most training chains, sampled after splitting; None for all.
        validation_chains: most validation chains; None for all.
        test_chains: most test chains; None for all.
        skip_bad: leave bad records out and list them, instead of raising.
        allow_pickle: read pickled tables, which can run any code, instead of raising.
        split_by: what is never divided between train and validation: ``cluster``, chains of
            similar sequence, or ``family``, also those of one protein family.
        cluster_method: how similar sequences are found: ``kmers``, ``mmseqs``, or ``auto``,
            which is MMseqs2 if it runs here, else k-mers.
        cluster_identity: least sequence identity at which MMseqs2 links two chains.
        cluster_coverage: least share of both chains that this alignment must cover.
    """

    seed: int = 0
    validation_fraction: float = 0.15
    max_residues: int | None = None
    train_chains: int | None = None
    validation_chains: int | None = None
    test_chains: int | None = None
    skip_bad: bool = False
    allow_pickle: bool = False
    split_by: str = "cluster"
    cluster_method: str = "kmers"
    cluster_identity: float = 0.3
    cluster_coverage: float = 0.8

    def faults(self) -> list[str]:
        """The errors of all invalid settings, in the order of the fields."""
        return [text for field in fields(self) if (text := self._fault(field.name))]

    def _fault(self, name: str) -> str:
        """The error of one setting; an empty string if it is valid."""
        value = getattr(self, name)
        whole = isinstance(value, int) and not isinstance(value, bool)
        if name in {"skip_bad", "allow_pickle"}:
            sound, rule = isinstance(value, bool), "be true or false"
        elif name == "seed":
            sound, rule = whole and value >= 0, "be a whole number of at least 0"
        elif name in CHOICES:
            sound, rule = value in CHOICES[name], f"be one of {', '.join(CHOICES[name])}"
        elif name == "validation_fraction":
            number = whole or isinstance(value, float)
            sound, rule = number and 0 < value < 1, "lie between 0 and 1, both excluded"
        elif name in {"cluster_identity", "cluster_coverage"}:
            number = whole or isinstance(value, float)
            sound, rule = number and 0 < value <= 1, "be a number above 0, at most 1"
        else:
            sound = value is None or (whole and value >= 1)
            rule = "be a whole number of at least 1, or none"
        return "" if sound else fault(f"data.{name}", rule, value)
