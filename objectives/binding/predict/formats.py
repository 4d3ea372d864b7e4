"""Predictions as text, chain by chain: TSV, JSON and GFF3."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from typing import Protocol
from urllib.parse import quote

from objectives.binding.predict.stream import Prediction
from sweep.strict import strict_document

SOURCE, TYPE = "lorasweep", "binding_site"
"""Columns 2 and 3 of GFF3; the type is SO:0000409 of the Sequence Ontology."""

_SEQID = ".:^*$@!+_?-|"
_KEPT = re.compile(r"[^\x00-\x1f\x7f%;=&,]")
"""What GFF3 lets stand in an attribute as it is."""


class Format(Protocol):
    """Writes a file from top to bottom; one object per file."""

    def head(self) -> str:
        """What comes before the first chain."""
        ...

    def chain(self, prediction: Prediction) -> str:
        """One chain."""
        ...

    def tail(self) -> str:
        """What comes after the last chain."""
        ...


class Tsv:
    """A table with a header and one line per residue; positions count from 1."""

    def head(self) -> str:
        """The names of the columns."""
        return "chain\tposition\tresidue\tprobability\tcall\n"

    def chain(self, prediction: Prediction) -> str:
        """Probabilities have as many digits as give the same number again."""
        name = prediction.record.id
        rows = zip(
            prediction.record.sequence,
            prediction.probabilities.tolist(),
            prediction.called.tolist(),
            strict=True,
        )
        return "".join(
            f"{name}\t{position}\t{residue}\t{probability!r}\t{called:d}\n"
            for position, (residue, probability, called) in enumerate(rows, start=1)
        )

    def tail(self) -> str:
        """Nothing."""
        return ""


class Json:
    """One array, one chain per line: whole it is JSON, and a line without its comma is too."""

    def __init__(self) -> None:
        self._before = ""

    def head(self) -> str:
        """The array begins."""
        return "[\n"

    def chain(self, prediction: Prediction) -> str:
        """Probabilities as a list, calls as a string of 0 and 1."""
        record = prediction.record
        tree = {
            "chain": record.id,
            "description": record.description,
            "sequence": record.sequence,
            "threshold": prediction.threshold,
            "calls": "".join("1" if called else "0" for called in prediction.called.tolist()),
            "probabilities": prediction.probabilities.tolist(),
        }
        before, self._before = self._before, ",\n"
        return before + json.dumps(strict_document(tree), allow_nan=False)

    def tail(self) -> str:
        """The array ends."""
        return "\n]\n"


class Gff3:
    """One feature per run of called residues, with their mean probability as the score.

    Source: the Sequence Ontology's GFF3 specification, version 1.26.
    """

    def head(self) -> str:
        """The version, which must be the first line."""
        return "##gff-version 3\n"

    def chain(self, prediction: Prediction) -> str:
        """The chain's region, also where nothing is called, and its features."""
        record = prediction.record
        seqid = quote(record.id, safe=_SEQID).replace("~", "%7E")  # which quote never touches
        lines = [f"##sequence-region {seqid} 1 {len(record.sequence)}"]
        for number, (first, last) in enumerate(prediction.stretches, start=1):
            held = prediction.probabilities[first - 1 : last]
            attributes = {
                "ID": attribute(f"{record.id}.site{number}"),
                "residues": record.sequence[first - 1 : last],
                "probabilities": ",".join(repr(each) for each in held.tolist()),
                "threshold": repr(prediction.threshold),
            }
            told = ";".join(f"{name}={value}" for name, value in attributes.items())
            score = repr(float(held.mean()))
            columns = (seqid, SOURCE, TYPE, str(first), str(last), score, ".", ".", told)
            lines.append("\t".join(columns))
        if len(lines) > 1:
            lines.append("###")  # nothing below refers to what is above
        return "\n".join(lines) + "\n"

    def tail(self) -> str:
        """Nothing."""
        return ""


def attribute(text: str) -> str:
    """A value of column 9, what has a meaning there percent-encoded."""
    return "".join(each if _KEPT.match(each) else quote(each, safe="") for each in text)


FORMATS: Mapping[str, Callable[[], Format]] = {"tsv": Tsv, "json": Json, "gff3": Gff3}
"""By the name that the command line gives."""
