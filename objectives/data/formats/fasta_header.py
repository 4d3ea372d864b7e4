"""What the header of a labelled FASTA record says: ``>id SET=train VALIDATION=True TARGET=0010``.

Words ``KEY=value`` behind the id, in any case: ``SET`` and ``VALIDATION`` name the split,
``TARGET`` holds the labels, ``MASK`` says which residues count, ``ligand`` what binds.

Source: the format of biotrainer, Sanchez et al., github.com/sacdallago/biotrainer.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from objectives.data.chain import IGNORED
from objectives.data.errors import shown
from sweep.errors import DataError, fault

_FIELD = re.compile(r"(?:^|[\s|;,])(\w+)=([^\s|;,]*)")
_LABELS = re.compile(r"[01-]+")
_MASK = re.compile(r"[01]+")


def read_header(header: str) -> tuple[str | None, dict[str, str]]:
    """The id and the fields of a header, their keys in lower case.

    Args:
        header: without the ``>``.
    """
    words = header.split(maxsplit=1)
    fields = {key.lower(): value for key, value in _FIELD.findall(header)}
    return (words[0] if words else None), fields


def labels_of(fields: Mapping[str, str], below: str, length: int, where: str) -> list[str] | None:
    """The labels of a record, from below its sequence or from its header, masked.

    Args:
        fields: of the header.
        below: the label lines, joined; empty without any.
        length: of the sequence.
        where: the record, for messages.

    Returns:
        One label a residue; None where the record has none.

    Raises:
        DataError: if header and lines disagree, or target or mask are of another form.
    """
    target, mask = fields.get("target"), fields.get("mask")
    faults = []
    if target is not None and not _LABELS.fullmatch(target):
        rule = "be one 0, 1 or - a residue"
        faults.append(fault("TARGET", rule, shown(target), where=where))
    elif target is not None and below and below != target:
        rule = "be the labels below the sequence"
        faults.append(fault("TARGET", rule, shown(target), where=where))
    if mask is not None and (not _MASK.fullmatch(mask) or len(mask) != length):
        rule = f"be one 0 or 1 a residue ({length})"
        faults.append(fault("MASK", rule, shown(mask), where=where))
    if faults:
        raise DataError(faults)
    text = below or target
    if not text:
        return None
    counts = mask or "1" * len(text)
    return [
        str(IGNORED) if label == "-" or kept == "0" else label
        for label, kept in zip(text, counts.ljust(len(text), "1"), strict=False)
    ]
