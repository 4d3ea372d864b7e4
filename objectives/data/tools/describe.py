"""Statistics of a data source, divided as a study would divide it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, fields
from typing import Any

from objectives.data.chain import IGNORED, Chain
from objectives.data.formats.source import open_source
from objectives.data.labels.binding_sites import BINDING, BindingSites
from objectives.data.labels.kind import LabelKind
from objectives.data.options import DataOptions
from objectives.data.prepare.divide import divide
from objectives.data.prepare.summary import summarise_split
from objectives.data.similarity.grouping import clustering_tool, families_of
from objectives.data.similarity.leakage import measure_leakage
from sweep.errors import DataError, UsageError, fault

LEAKAGE = ("auto", "mmseqs", "kmers", "none")
_COMMONEST = 5


def describe(
    source: str,
    settings: Mapping[str, Any],
    *,
    leakage: str = "auto",
    kind_of: Callable[[DataOptions], LabelKind] | None = None,
) -> dict[str, Any]:
    """Read and divide a source as a study would, and return its statistics.

    Args:
        source: see ``objectives.data.formats.source.open_source``.
        settings: the study's settings of the data.
        leakage: how to measure leakage, one of ``LEAKAGE``.
        kind_of: gives the kind of label by the settings; None for binding sites.

    Returns:
        JSON values: ``records``, numbers of merged and dropped ones, ``left_open``, ``files``
        (records by split and file), ``passed_over``, ``notes``, ``splits``, ``ligands``,
        ``families``, ``grouping``, ``leakage`` (None if not asked for) and others.

    Raises:
        UsageError: if a setting is not one of the data.
        DataError: if a setting is invalid, or the source cannot be read and divided.
    """
    options = _options(settings)
    tool = None if leakage == "none" else clustering_tool(leakage)
    kind = BINDING if kind_of is None else kind_of(options)
    opened = open_source(source, allow_pickle=options.allow_pickle, kind=kind)
    division = divide(opened, source, options, kind)
    given = division.splits.given()
    kept = [chain for chains in given.values() for chain in chains]
    return {
        "source": source,
        "records": division.records,
        "merged": division.merged,
        "dropped_overlap": division.dropped_overlap,
        "dropped_long": division.dropped_long,
        "skipped_bad": list(division.skipped_bad),
        "left_open": dict(division.left_open),
        "files": {name: dict(files) for name, files in division.files.items()},
        "passed_over": list(division.passed_over),
        "notes": list(division.notes),
        "splits": {name: _split(chains, kind) for name, chains in given.items()},
        "ligands": _ligands(kept),
        "families": _families(kept),
        "split_method": division.method,
        "grouping": dict(division.grouping),
        "clusters": division.clusters,
        "largest_cluster": division.largest_cluster,
        "leakage": None if tool is None else measure_leakage(division.splits, tool),
    }


def _options(settings: Mapping[str, Any]) -> DataOptions:
    known = {field.name for field in fields(DataOptions)}
    unknown = [
        fault(f"--set {name}", f"be a setting of the data: {', '.join(sorted(known))}", value)
        for name, value in settings.items()
        if name not in known
    ]
    if unknown:
        raise UsageError(unknown)
    options = DataOptions(**settings)
    faults = options.faults()
    if faults:
        raise DataError(faults)
    return options


def _split(chains: Sequence[Chain], kind: LabelKind) -> dict[str, Any]:
    figures = asdict(summarise_split(chains, windows=0, kind=kind))
    del figures["windows"]  # depends on the base model
    if not isinstance(kind, BindingSites):
        unknown = [sum(label is kind.unknown for label in chain.labels) for chain in chains]
        return figures | {"masked": sum(unknown), "chains_with_masked": sum(map(bool, unknown))}
    del figures["labels"]
    return figures | {
        "masked": sum(chain.labels.count(IGNORED) for chain in chains),
        "chains_with_masked": sum(IGNORED in chain.labels for chain in chains),
        "chains_without_positives": sum(1 not in chain.labels for chain in chains),
    }


def _ligands(chains: Sequence[Chain]) -> dict[str, dict[str, int]]:
    """Binding residues by ligand, and chains with at least one, most residues first."""
    residues: Counter[str] = Counter()
    holders: Counter[str] = Counter()
    for chain in chains:
        for name, positions in chain.ligands.items():
            residues[name] += len(positions)
            holders[name] += bool(positions)
    return {
        name: {"residues": count, "chains": holders[name]} for name, count in residues.most_common()
    }


def _families(chains: Sequence[Chain]) -> dict[str, Any]:
    named = [families_of(chain.family) for chain in chains]
    counts = Counter(name for names in named for name in names)
    return {
        "families": len(counts),
        "chains_with": sum(map(bool, named)),
        "chains_without": len(chains) - sum(map(bool, named)),
        "commonest": dict(counts.most_common(_COMMONEST)),
    }
