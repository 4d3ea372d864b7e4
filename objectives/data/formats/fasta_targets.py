"""FASTA whose labels are classes or numbers, in the header or in a line below the sequence.

A header gives the label of the whole sequence, or one character per residue, as ``TARGET=value``.
Labels of residues may also stand in the line below the sequence, of the same length. ``MASK=``
marks the residues whose label counts (1), ``SET=`` and ``VALIDATION=`` the split.

Source: biotrainer, Sanchez et al., github.com/sacdallago/biotrainer.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from objectives.data.chain import Chain
from objectives.data.errors import RecordErrors, shown
from objectives.data.formats.fasta_labels import Block, is_mask, read_blocks
from objectives.data.formats.record import Record
from objectives.data.labels.kind import LabelKind
from objectives.data.protein import STOP
from sweep.errors import DataError, fault


def read_fasta_targets(
    path: Path, name: str, problems: RecordErrors, kind: LabelKind
) -> list[Chain]:
    """Read one file; see ``fasta_labels.read_fasta_labels``."""
    return read_blocks(
        path, name, problems, kind, lambda _: lambda block: _record(block, name, kind)
    )


def _record(block: Block, name: str, kind: LabelKind) -> Record:
    where = f"{name}, line {block.number}"
    target = block.fields.get("target")
    lines = [text for _, text in block.body]
    if not kind.per_residue:
        if "mask" in block.fields:
            rule = "not be given where the whole sequence has one label"
            raise DataError(fault("MASK", rule, block.fields["mask"], where=where))
        return Record("".join(lines), where, name=block.id, labels=target, labelled=True)
    if target is None and len(lines) % 2 == 0 and lines:
        half = len(lines) // 2
        lines, target = lines[:half], "".join(lines[half:])
    sequence = "".join(lines)
    if target is None:
        rule = "be given in a line below the sequence, or as TARGET in the header"
        raise DataError(fault("labels", rule, None, where=where))
    labels = _masked(target, block.fields, len(sequence.rstrip(STOP)), where, kind)
    return Record(sequence, where, name=block.id, labels=labels, labelled=True)


def _masked(
    target: str, fields: Mapping[str, str], length: int, where: str, kind: LabelKind
) -> Sequence[object]:
    """One label per character, unknown where the mask is 0."""
    mask = fields.get("mask")
    if mask is None:
        return list(target)
    if not is_mask(mask) or len(mask) != length:
        rule = f"be one 0 or 1 a residue ({length})"
        raise DataError(fault("MASK", rule, shown(mask), where=where))
    pairs = zip(target, mask.ljust(len(target), "1"), strict=False)
    return [kind.unknown if kept == "0" else label for label, kept in pairs]
