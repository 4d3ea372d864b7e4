"""Headers of labelled FASTA records: ``>id SET=train VALIDATION=True TARGET=0010``.

Fields ``KEY=value`` after the id, keys in any case: ``SET`` and ``VALIDATION`` give the split,
``TARGET`` the labels, ``MASK`` the residues whose labels are known (1), ``ligand`` the ligand.
A field without a key, ``>id|1|training`` or ``>id test``, that is only the name of a split gives
the split too.

Source: the formats of biotrainer, Sanchez et al., github.com/sacdallago/biotrainer, and of
iFeature, Chen et al. 2018, doi:10.1093/bioinformatics/bty140 (``>id|label|training``).
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from objectives.data.chain import IGNORED
from objectives.data.errors import shown
from objectives.data.split_names import hint_in, split_of, without_split
from sweep.errors import DataError, fault

_FIELD = re.compile(r"(?:^|[\s|;,])(\w+)=([^\s|;,]*)")
_BARE = re.compile(r"[|;,]")
_LABELS = re.compile(r"[01-]+")
_MASK = re.compile(r"[01]+")


def read_header(header: str) -> tuple[str | None, dict[str, str]]:
    """Parse a header into its id and its fields.

    Args:
        header: without the ``>``.

    Returns:
        The id, None if there is none, and the fields' values by key in lower case.
    """
    words = header.split(maxsplit=1)
    fields = {key.lower(): value for key, value in _FIELD.findall(header)}
    named = _split_without_key(header)
    if named:
        fields["set" if "set" not in fields else "split"] = named
    return (words[0] if words else None), fields


def _split_without_key(header: str) -> str:
    """The field that is only the name of a split, such as ``training``; empty if there is none.

    Names such as ``holdout``, which are not understood, are returned too: the reader of the splits
    refuses them.
    """
    own, *rest = _BARE.split(header)
    fields = (part.strip() for part in [*own.split(maxsplit=1)[1:], *rest])
    return next((name for name in fields if _is_split(name)), "")


def _is_split(name: str) -> bool:
    hint = hint_in(name)
    return hint == name.lower() if hint else bool(split_of(name)) and not without_split(name)


def labels_of(fields: Mapping[str, str], below: str, length: int, where: str) -> list[str] | None:
    """The labels of a record, from the lines below its sequence or from its header.

    Args:
        fields: of the header.
        below: the label lines, joined; empty if there are none.
        length: residues of the sequence.
        where: the record, for messages.

    Returns:
        One label per residue as text, ``IGNORED`` where masked; None if the record has none.

    Raises:
        DataError: if header and lines disagree, or ``TARGET`` or ``MASK`` is malformed.
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
