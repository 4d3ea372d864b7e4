"""Write predictions as TSV, JSON or GFF3, chain by chain."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Protocol
from urllib.parse import quote

from objectives.binding.predict.stream import Prediction
from objectives.data.errors import SHOWN
from objectives.data.formats.fasta import STDIN, BadRecord, FastaRecord, read_fasta
from objectives.data.letters import Letters
from sweep.errors import DataError, fault
from sweep.files.strict_json import strict_document
from sweep.terminal.printable import printable

SOURCE, TYPE = "lorasweep", "binding_site"  # columns 2 and 3 of GFF3; SO:0000409
_SEQID = ".:^*$@!+_?-|"
_KEPT = re.compile(r"[^\x00-\x1f\x7f%;=&,]")  # characters that GFF3 allows unescaped in attributes


class Format(Protocol):
    """A writer of one output file; its methods return the text to append."""

    def head(self) -> str:
        """Text before the first chain."""

    def chain(self, prediction: Prediction) -> str:
        """Text of one chain."""

    def tail(self) -> str:
        """Text after the last chain."""
        return ""


class Tsv(Format):
    """A table with a header and one line per residue; positions count from 1."""

    def head(self) -> str:
        """The column names."""
        return "chain\tposition\tresidue\tprobability\tcall\n"

    def chain(self, prediction: Prediction) -> str:
        """One line per residue, with the shortest digits that give the same float again."""
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


class Json(Format):
    """A JSON array with one chain per line, so that it can also be read line by line."""

    def __init__(self) -> None:
        self._before = ""

    def head(self) -> str:
        """The opening bracket."""
        return "[\n"

    def chain(self, prediction: Prediction) -> str:
        """One object, with probabilities as a list and calls as a string of 0 and 1."""
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
        """The closing bracket."""
        return "\n]\n"


class Gff3(Format):
    """One feature per run of called residues, with their mean probability as the score.

    Source: the Sequence Ontology's GFF3 specification, version 1.26.
    """

    def head(self) -> str:
        """The line with the format's version, which must come first."""
        return "##gff-version 3\n"

    def chain(self, prediction: Prediction) -> str:
        """The chain's region, even if no residue is called, and its features."""
        record = prediction.record
        seqid = quote(record.id, safe=_SEQID).replace("~", "%7E")  # quote never escapes ~
        lines = [f"##sequence-region {seqid} 1 {len(record.sequence)}"]
        for number, (first, last) in enumerate(prediction.stretches, start=1):
            held = prediction.probabilities[first - 1 : last]
            attributes = {
                "ID": attribute(f"{record.id}.site{number}"),
                "residues": record.sequence[first - 1 : last],
                "probabilities": ",".join(repr(each) for each in held.tolist()),
                "threshold": repr(prediction.threshold),
            }
            text = ";".join(f"{name}={value}" for name, value in attributes.items())
            score = repr(float(held.mean()))
            columns = (seqid, SOURCE, TYPE, str(first), str(last), score, ".", ".", text)
            lines.append("\t".join(columns))
        if len(lines) > 1:
            lines.append("###")  # all references to features above are resolved
        return "\n".join(lines) + "\n"


def attribute(text: str) -> str:
    """An attribute value for column 9, with reserved characters percent-encoded."""
    return "".join(each if _KEPT.match(each) else quote(each, safe="") for each in text)


FORMATS: Mapping[str, Callable[[], Format]] = {"tsv": Tsv, "json": Json, "gff3": Gff3}
"""Writers by their name on the command line."""


@dataclass
class Tally:
    """Counts and errors of the records of a FASTA file, updated while reading."""

    wanted: str | None = None  # id of a record that must be in the file; None if none is required
    chains: int = 0  # number of valid records
    residues: int = 0  # their residues
    bad: int = 0  # number of invalid records
    errors: list[str] = field(default_factory=list)  # of the first invalid records, one text each
    first: str = ""  # id of the first valid record; empty if there is none
    found: bool = False  # whether ``wanted`` was among the valid records
    letters: Letters = field(default_factory=Letters)  # of valid records, to detect non-proteins

    def sound(self, path: str) -> Iterator[FastaRecord]:
        """Yield a file's valid records lazily, and count all records.

        Raises:
            DataError: if the file cannot be read, or is not FASTA.
        """
        for entry in read_fasta(path):
            if isinstance(entry, BadRecord):
                self.bad += 1
                if len(self.errors) < SHOWN:
                    self.errors.append(" ".join(entry.faults))
                continue
            self.first = self.first or entry.id
            self.found |= entry.id == self.wanted
            self.chains += 1
            self.residues += len(entry.sequence)
            if not entry.translated:
                self.letters.add(entry.sequence)
            yield entry

    def settle(self, path: str, *, skip_bad: bool) -> None:
        """Raise the errors found, once the whole file is read.

        Raises:
            DataError: with the errors of invalid records, unless they are to be skipped; if no
                record is valid; if the letters show DNA or RNA; if ``wanted`` was not found.
        """
        where = "standard input" if path == STDIN else printable(path)
        if self.bad and not skip_bad:
            rule, way_out = "hold no bad record", "Correct them"
            way_out += ", or leave them out with --skip-bad" if self.chains else ""
            head = fault("FASTA", rule, f"{self.bad} bad", where=where, way_out=way_out)
            more = [f"and {self.bad - SHOWN} more"] if self.bad > SHOWN else []
            raise DataError([head, *self.errors, *more])
        if not self.chains:
            rule = "hold a record that can be used"
            raise DataError([fault("FASTA", rule, f"{self.bad} bad", where=where), *self.errors])
        found = self.letters.fault(where)
        if found:
            raise DataError(found)
        if self.wanted is not None and not self.found:
            rule = "be the id of a record, the first word after its '>'"
            raise DataError(fault("--chain", rule, self.wanted, where=where))
