"""What a FASTA file holds: its sound records, and what is wrong with the others."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from objectives.data.fasta import BadRecord, FastaRecord, read_fasta
from objectives.data.fasta_lines import STDIN
from objectives.data.letters import Letters
from objectives.data.problems import SHOWN
from objectives.data.shown import printable
from sweep.errors import DataError, fault


@dataclass
class Tally:
    """Counts the records of a file as they go by.

    Attributes:
        chains: sound records.
        residues: of them.
        bad: records that cannot be used.
        told: what is wrong with the first of those, one text each.
        first: id of the first sound record; empty if there is none.
        found: whether ``wanted`` was among the sound ones.
        letters: of the sound ones, by which a set of something else than proteins is told.
    """

    wanted: str | None = None
    chains: int = 0
    residues: int = 0
    bad: int = 0
    told: list[str] = field(default_factory=list)
    first: str = ""
    found: bool = False
    letters: Letters = field(default_factory=Letters)

    def sound(self, path: str) -> Iterator[FastaRecord]:
        """Read a file's sound records, lazily, and count all.

        Raises:
            DataError: if the file cannot be read, or is no FASTA.
        """
        for entry in read_fasta(path):
            if isinstance(entry, BadRecord):
                self.bad += 1
                if len(self.told) < SHOWN:
                    self.told.append(" ".join(entry.faults))
                continue
            self.first = self.first or entry.id
            self.found |= entry.id == self.wanted
            self.chains += 1
            self.residues += len(entry.sequence)
            if not entry.translated:
                self.letters.add(entry.sequence)
            yield entry

    def settle(self, path: str, *, skip_bad: bool) -> None:
        """Decide what was found once all is read.

        Raises:
            DataError: with the faults of bad records, unless they are to be skipped; if no
                record is sound; if the letters of all are those of no proteins; if the wanted
                one is not among them.
        """
        where = "standard input" if path == STDIN else printable(path)
        if self.bad and not skip_bad:
            rule, way_out = "hold no bad record", "Correct them"
            way_out += ", or leave them out with --skip-bad" if self.chains else ""
            head = fault("FASTA", rule, f"{self.bad} bad", where=where, way_out=way_out)
            more = [f"and {self.bad - SHOWN} more"] if self.bad > SHOWN else []
            raise DataError([head, *self.told, *more])
        if not self.chains:
            rule = "hold a record that can be used"
            raise DataError([fault("FASTA", rule, f"{self.bad} bad", where=where), *self.told])
        told = self.letters.fault(where)
        if told:
            raise DataError(told)
        if self.wanted is not None and not self.found:
            rule = "be the id of a record, the first word after its '>'"
            raise DataError(fault("--chain", rule, self.wanted, where=where))
