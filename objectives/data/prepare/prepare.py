"""Prepare the data for all trials: split, tokenise once, and cache by content."""

from __future__ import annotations

import functools
import hashlib
import json
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from objectives.data.formats.source import Source, open_source
from objectives.data.labels.binding_sites import BINDING
from objectives.data.labels.kind import LabelKind
from objectives.data.options import DataOptions
from objectives.data.prepare.alphabet import Alphabet, ligand_bits
from objectives.data.prepare.cache import MappedFiles, load_entry, store_entry
from objectives.data.prepare.divide import Division, divide
from objectives.data.prepare.summary import DataSummary, count_ligands, summarise_split
from objectives.data.prepare.tokenize import Coding, tokenise
from objectives.data.similarity.grouping import clustering_tool
from objectives.data.similarity.leakage import leakage_at_hand
from objectives.data.splits import Splits
from sweep.errors import DataError, fault

if TYPE_CHECKING:
    from datasets import Dataset


@dataclass(frozen=True)
class PreparedData:
    """Tokenised splits and their summary.

    The tables are memory-mapped; for their columns see
    ``objectives.data.prepare.tokenize.tokenise``.
    """

    train: Dataset  # windows to train on
    validation: Dataset  # windows that trials are scored on
    test: Dataset | None  # windows that only the best trial is scored on; None without a test split
    summary: DataSummary  # statistics of the data
    # digest of every split's ids, sequences, labels and ligands: equal for the same data under
    # another path, different if one label differs
    fingerprint: str
    files: MappedFiles  # the tables' files; check them after reading, as they may change meanwhile


def prepare(
    source: str,
    *,
    tokenizer: Any,
    base_limit: int,
    options: DataOptions,
    cache: Path,
    kind: LabelKind = BINDING,
) -> PreparedData:
    """Read, validate, split and tokenise a data source, or load it from the cache.

    Args:
        source: see ``objectives.data.formats.source.open_source``.
        tokenizer: the base model's ``transformers`` tokenizer.
        base_limit: most residues of one input to the base model, special tokens excluded
            (ESM-2: 1 022).
        options: settings for splitting and subsampling.
        cache: folder of prepared data; created if missing.
        kind: of the labels.

    Raises:
        DataError: with all errors of options or data, or if the cache cannot be written.
    """
    faults = options.faults()
    if base_limit < 1:
        faults.append(fault("base_limit", "be at least 1 residue", base_limit))
    if faults:
        raise DataError(faults)
    opened = open_source(source, allow_pickle=options.allow_pickle, kind=kind)
    alphabet = Alphabet.of(tokenizer)
    key = _key(opened, alphabet, base_limit, options, kind)
    folder = cache / key
    entry = load_entry(folder)
    if entry is None:
        division = divide(opened, source, options, kind)
        if _key(opened, alphabet, base_limit, options, kind) != key:  # changed while it was read
            rule, way_out = "stay what it is while it is read", "Run it again once it is written"
            raise DataError(fault("data", rule, "other bytes", where=source, way_out=way_out))
        tables, summary = _tokenised(division, alphabet, base_limit, kind)
        facts = {"summary": summary.to_json(), "fingerprint": _fingerprint(division.splits)}
        try:
            entry = store_entry(folder, tables, facts)
        except OSError as error:
            rule = "be a folder that can be written"
            raise DataError(fault("cache", rule, str(cache), where=str(error))) from error
    summary = DataSummary.from_json(entry.facts["summary"])
    return PreparedData(
        train=entry.tables["train"],
        validation=entry.tables["validation"],
        test=entry.tables.get("test"),
        summary=replace(summary, passed_over=opened.passed_over),
        fingerprint=entry.facts["fingerprint"],
        files=entry.files,
    )


@functools.cache
def _code_digest() -> str:
    """Digest of the code of ``objectives.data``: a change to it invalidates the cache."""
    files = sorted(Path(__file__).parents[1].rglob("*.py"))
    return hashlib.sha256(b"".join(path.read_bytes() for path in files)).hexdigest()


def _key(
    source: Source, alphabet: Alphabet, limit: int, options: DataOptions, kind: LabelKind
) -> str:
    """Name of the cache entry: a digest of everything that its content depends on."""
    tool = clustering_tool(options.cluster_method).name  # "auto" depends on the machine
    settings = asdict(options)
    content = [source.digest(), source.names(), type(kind).__name__]
    parts = [content, alphabet.digest, limit, settings, tool, _code_digest()]
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()[:32]


def _fingerprint(splits: Splits) -> str:
    """Digest of the chains of every split, in order."""
    total = hashlib.sha256()
    for name, chains in splits.given().items():
        total.update(f"{name}\n".encode())
        for chain in chains:
            ligands = sorted((ligand, *sites) for ligand, sites in chain.ligands.items())
            line = json.dumps([chain.id, chain.sequence, chain.labels, ligands])
            total.update(line.encode() + b"\n")
    return total.hexdigest()


def _tokenised(
    division: Division, alphabet: Alphabet, limit: int, kind: LabelKind
) -> tuple[dict[str, Dataset], DataSummary]:
    """Tokenise every split and make the summary."""
    given = division.splits.given()
    bits, ligands = ligand_bits(count_ligands(given))
    facts = kind.facts(given)
    coding = Coding(kind, facts)
    tables = {
        name: tokenise(chains, alphabet, limit, bits, coding) for name, chains in given.items()
    }
    summary = DataSummary(
        splits={
            name: summarise_split(chains, len(tables[name]), kind) for name, chains in given.items()
        },
        labels=facts,
        ligands=ligands,
        split_method=division.method,
        clusters=division.clusters,
        largest_cluster=division.largest_cluster,
        merged=division.merged,
        dropped_overlap=division.dropped_overlap,
        dropped_long=division.dropped_long,
        skipped_bad=division.skipped_bad,
        left_open=division.left_open,
        files=division.files,
        passed_over=division.passed_over,
        notes=division.notes,
        grouping=division.grouping,
        leakage=leakage_at_hand(division.splits, division.tool),
    )
    return tables, summary
