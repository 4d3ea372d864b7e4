"""From a source to disjoint splits: read, unite, drop, carve and thin, each step counted."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from objectives.data.chain import Chain
from objectives.data.errors import RecordErrors
from objectives.data.formats.source import Source
from objectives.data.letters import judge_letters
from objectives.data.notes import carving_notes, label_notes
from objectives.data.options import DataOptions
from objectives.data.similarity.grouping import Grouping, Tool, clustering_tool, group
from objectives.data.splits import (
    SPLITS,
    Splits,
    cap,
    carve,
    drop_long,
    drop_overlap,
    mask_dropped,
    merge_identical,
)
from sweep.errors import DataError, fault


@dataclass(frozen=True)
class Division:
    """The final splits and what led to them.

    Attributes:
        splits: disjoint by sequence; train and validation are there and not empty.
        method: how train and validation were told apart, in words.
        grouping: what was kept together, for programs; empty when validation was given.
        tool: what tells similar sequences.
        clusters: how many groups the training data had; None when validation was given.
        largest_cluster: chains in the largest of them.
        records: as read, before any was absorbed or dropped.
        merged: records absorbed into another of the same sequence.
        dropped_overlap: chains dropped because a held-out split has the same sequence.
        dropped_long: chains dropped for their length.
        skipped_bad: the bad records left out, with file and line.
        left_open: what the source itself leaves open, counted.
        files: records by split and file, as they were read.
        passed_over: what lies in the source and is not read, with the reason.
        notes: what a person should know, and no fault.
    """

    splits: Splits
    method: str
    grouping: Mapping[str, Any]
    tool: Tool
    clusters: int | None
    largest_cluster: int | None
    records: int
    merged: int
    dropped_overlap: int
    dropped_long: int
    skipped_bad: tuple[str, ...]
    left_open: Mapping[str, int]
    files: Mapping[str, Mapping[str, int]] = field(default_factory=dict)
    passed_over: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()


def divide(source: Source, name: str, options: DataOptions) -> Division:
    """Read a source and settle which chain is in which split.

    Args:
        source: what to read.
        name: the source as the user wrote it, for messages.
        options: how to divide and thin.

    Raises:
        DataError: with all faults of the records at once, or if a split that is needed
            has no chain or no binding residue.
    """
    tool = clustering_tool(options.cluster_method)
    problems = RecordErrors()
    read = source.read(problems)
    judge_letters(read, name, problems)
    skipped = problems.settle(name, skip_bad=options.skip_bad, sound=read.count() > 0)
    read = mask_dropped(read, problems.dropped)
    united = read.map(lambda _, chains: merge_identical(chains))
    disjoint, overlapping = drop_overlap(united)
    short, long = drop_long(disjoint, options.max_residues)
    _require_chains(short, name)
    splits, method, grouping = _with_validation(short, options, tool)
    carved = None if grouping is None else splits
    splits = cap(splits, options)
    _require_positives(splits, name)
    return Division(
        splits=splits,
        method=method,
        grouping={} if grouping is None else grouping.facts,
        tool=tool,
        clusters=None if grouping is None else len(grouping.sizes),
        largest_cluster=None if grouping is None else int(grouping.sizes.max()),
        records=read.count(),
        merged=read.count() - united.count(),
        dropped_overlap=overlapping,
        dropped_long=long,
        skipped_bad=skipped,
        left_open=problems.counts,
        files={name: problems.read[name] for name in SPLITS if name in problems.read},
        passed_over=tuple(source.left_out()),
        notes=(
            *problems.notes,
            *carving_notes(carved, options.validation_fraction),
            *label_notes(splits),
        ),
    )


def _with_validation(
    splits: Splits, options: DataOptions, tool: Tool
) -> tuple[Splits, str, Grouping | None]:
    """Carve a validation split unless one is given.

    Returns:
        The splits, how it was done in words, and what was kept together, if anything.
    """
    test = splits.test or None  # a test split that lost every chain is none
    if splits.validation is not None:
        method = "validation split as given by the source"
        return Splits(splits.train, splits.validation, test), method, None
    grouping = group(splits.train, options, tool)
    method = (
        f"{options.validation_fraction:.0%} of the training residues carved out for validation by "
        f"whole {grouping.words}, seed {options.seed}"
    )
    train, validation = carve(
        splits.train, grouping.numbers, fraction=options.validation_fraction, seed=options.seed
    )
    return Splits(train, validation, test), method, grouping


def _require_chains(splits: Splits, source: str) -> None:
    """Refuse a source that leaves a needed split without chains."""
    way_out = "Add records, or raise max_residues"
    rule = "hold at least one chain after merging and dropping"
    _refuse(
        fault(name, rule, 0, where=source, way_out=way_out)
        for name, chains in _needed(splits)
        if not chains
    )


def _require_positives(splits: Splits, source: str) -> None:
    """Refuse a split where every prediction would score the same."""
    way_out = "Check the label column, or raise the cap on chains"
    rule = "hold binding residues"
    _refuse(
        fault(name, rule, f"{len(chains)} chains without one", where=source, way_out=way_out)
        for name, chains in _needed(splits)
        if not any(1 in chain.labels for chain in chains)
    )


def _needed(splits: Splits) -> list[tuple[str, Sequence[Chain]]]:
    """The splits that no sweep can do without, as far as they are there."""
    return [(name, chains) for name, chains in splits.given().items() if name != "test"]


def _refuse(faults: Iterable[str]) -> None:
    """Raise the faults, if any, together."""
    found = list(faults)
    if found:
        raise DataError(found)
