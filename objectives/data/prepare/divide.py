"""Read a data source and divide it into disjoint train, validation and test splits."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from objectives.data.chain import Chain
from objectives.data.errors import RecordErrors, listed
from objectives.data.formats.source import Source
from objectives.data.labels.binding_sites import BINDING
from objectives.data.labels.kind import LabelKind
from objectives.data.letters import judge_letters
from objectives.data.options import DataOptions
from objectives.data.similarity.grouping import Grouping, Tool, clustering_tool, group
from objectives.data.split_names import splits_in
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
    """The final splits and a record of the steps that made them."""

    splits: Splits  # without common sequences; train and validation exist and are not empty
    method: str  # how train and validation were separated, as text
    grouping: Mapping[str, Any]  # empty for a given validation split
    tool: Tool  # the method that finds similar sequences
    clusters: int | None  # groups in the training data; None for a given validation split
    largest_cluster: int | None  # chains in the largest group
    records: int  # number of records read, before merging and dropping
    merged: int  # records merged into another of the same sequence
    dropped_overlap: int  # chains dropped because a held-out split has the same sequence
    dropped_long: int  # chains dropped because of their length
    skipped_bad: tuple[str, ...]  # the bad records left out, with file and line
    left_open: Mapping[str, int]  # what the source leaves undetermined: name to number
    files: Mapping[str, Mapping[str, int]] = field(default_factory=dict)  # records read
    passed_over: tuple[str, ...] = ()  # files of the source that are not read, with the reason
    notes: tuple[str, ...] = ()  # remarks for the user that are no errors


def divide(source: Source, name: str, options: DataOptions, kind: LabelKind = BINDING) -> Division:
    """Read a source and assign its chains to splits.

    Args:
        source: what to read.
        name: the source as the user wrote it, for messages.
        options: settings for splitting and subsampling.
        kind: of the labels.

    Raises:
        DataError: with all records' errors, or if train or validation has no labels to learn from
            or to score.
    """
    tool = clustering_tool(options.cluster_method)
    problems = RecordErrors()
    read = source.read(problems)
    judge_letters(read, name, problems)
    skipped = problems.settle(name, skip_bad=options.skip_bad, sound=read.count() > 0)
    _require_no_splits_in_ids(read, name)
    read = mask_dropped(read, problems.dropped, kind)
    united = read.map(lambda _, chains: merge_identical(chains, kind))
    disjoint, overlapping = drop_overlap(united)
    short, long = drop_long(disjoint, options.max_residues)
    _require_chains(short, name, overlapping, long)
    splits, method, grouping = _with_validation(short, options, tool)
    carved = None if grouping is None else splits
    splits = cap(splits, options)
    _refuse(kind.faults(splits.given(), name))
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
        passed_over=source.passed_over,
        notes=(
            *problems.notes,
            *_carving_notes(carved, options.validation_fraction),
            *kind.notes(splits.given()),
        ),
    )


def _with_validation(
    splits: Splits, options: DataOptions, tool: Tool
) -> tuple[Splits, str, Grouping | None]:
    """Split off validation chains unless the source gives a validation split."""
    test = splits.test or None  # None if every chain of it was dropped
    if splits.validation is not None:
        method = "validation split as given by the source"
        return Splits(splits.train, splits.validation, test), method, None
    grouping = group(splits.train, options, tool)
    method = (
        f"{options.validation_fraction:.0%} of the training residues carved out for validation by "
        f"whole {grouping.words}, seed {options.data_seed}"
    )
    train, validation = carve(
        splits.train, grouping.numbers, fraction=options.validation_fraction, seed=options.data_seed
    )
    return Splits(train, validation, test), method, grouping


def _require_no_splits_in_ids(splits: Splits, source: str) -> None:
    """Refuse ids such as ``train_1`` and ``test_1`` if nothing else gives a split."""
    if splits.validation is not None or splits.test is not None:
        return
    named: dict[str, str] = {}
    for chain in splits.train:
        for split in splits_in(chain.id):
            named.setdefault(split, chain.id)
    if len(named) > 1:
        rule = "not name splits that no file, column or header gives"
        way_out = "Add a column 'split', or rename the ids if they mean no splits"
        _refuse([fault("ids", rule, listed(named.values()), where=source, way_out=way_out)])


def _require_chains(splits: Splits, source: str, overlapping: int, long: int) -> None:
    """Refuse a source that leaves train or validation without chains."""
    causes = {
        f"{overlapping} with the sequence of a chain held out": overlapping,
        f"{long} longer than max_residues": long,
    }
    dropped = [text for text, count in causes.items() if count]
    got = f"0, as it dropped {' and '.join(dropped)}" if dropped else 0
    way_out = "Raise max_residues" if long else "Add records"
    if overlapping:
        way_out += ", or take out of the files what is in two splits"
    rule = "hold at least one chain after merging and dropping"
    _refuse(
        fault(name, rule, got, where=source, way_out=way_out)
        for name, chains in _needed(splits)
        if not chains
    )


def _needed(splits: Splits) -> list[tuple[str, Sequence[Chain]]]:
    """The splits that a sweep requires: train, and validation if given."""
    return [(name, chains) for name, chains in splits.given().items() if name != "test"]


def _refuse(faults: Iterable[str]) -> None:
    """Raise all errors together, if there are any."""
    found = list(faults)
    if found:
        raise DataError(found)


_FAR = 2.0  # factor by which the validation share may differ from the one asked for without a note


def _carving_notes(carved: Splits | None, fraction: float) -> list[str]:
    """Notes on a split far from the size asked for; ``carved`` is None if the source gives it."""
    if carved is None:
        return []
    train, validation = (
        sum(len(chain.sequence) for chain in chains)
        for chains in (carved.train, carved.validation or [])
    )
    share = validation / (train + validation)
    notes = []
    if not fraction / _FAR <= share <= fraction * _FAR:
        notes.append(
            f"validation holds {share:.1%} of the residues, not {fraction:.0%}: clusters of "
            "similar sequences stay whole, and these are few or of very unlike sizes"
        )
    if len(carved.train) == 1:
        notes.append("train holds one chain: all others are in validation")
    return notes
