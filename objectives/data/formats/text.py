"""Text files of binding residues by ligand: ``pdb_id;chain_id;binding_residues;sequence``.

One file per ligand, ``<LIGAND>_*.txt``; residues are ``D21``, counted from 1, the letter
being that of the sequence. A header line is optional.

Source: the format of the TargetS data, Yu et al. 2013, doi:10.1109/TCBB.2013.104.
"""

from __future__ import annotations

from pathlib import Path

from objectives.data.chain import Chain
from objectives.data.errors import Dropped, RecordErrors
from objectives.data.formats.delimited import require_text_format
from objectives.data.formats.open_file import open_text, stem_of
from objectives.data.formats.record import Record, read_chain
from objectives.data.labels.binding_sites import BINDING
from objectives.data.labels.kind import LabelKind
from objectives.data.split_names import splits_in, without_split
from sweep.errors import DataError, fault

FIELDS = ("pdb_id", "chain_id", "binding_residues", "sequence")


def ligand_of(path: Path) -> str:
    """The ligand that a file name starts with, not counting a word for a split.

    Example:
        >>> [ligand_of(Path(name)) for name in ("ATP_Training.txt", "train_ATP.txt.gz", "a.txt")]
        ['ATP', 'ATP', '']
    """
    stem = stem_of(path)
    if splits_in(stem):
        return without_split(stem).partition("_")[0]
    ligand, underscore, _ = stem.partition("_")
    return ligand if underscore else ""


def read_text(
    path: Path, name: str, problems: RecordErrors, kind: LabelKind = BINDING
) -> list[Chain]:
    """Read one file.

    Args:
        path: the file.
        name: its name in messages.
        problems: collects the errors of bad records, which are left out.
        kind: of the labels, which must follow from sites.

    Returns:
        The valid records in file order.
    """
    if not kind.takes_sites:
        rule, got = f"hold {kind.form}", "the binding sites of a ligand"
        problems.files.append(fault("file", rule, got, where=name, way_out="Give a table"))
        return []
    try:
        with open_text(path, name) as file:
            lines = file.read().split("\n")
        require_text_format(next((line for line in lines if line.strip()), ""), name)
    except DataError as error:
        problems.files.extend(error.faults)
        return []
    except (OSError, UnicodeDecodeError) as error:
        way_out = "Save it as UTF-8" if isinstance(error, UnicodeDecodeError) else ""
        text = fault("file", "be readable UTF-8 text", str(error), where=name, way_out=way_out)
        problems.files.append(text)
        return []
    ligand = ligand_of(path)
    chains: list[Chain] = []
    first = True
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        fields = [part.strip() for part in line.split(";")]
        header = first and fields[0].lower() == FIELDS[0]
        first = False
        if header:
            continue
        try:
            record = _record(fields, ligand, f"{name}, line {number}")
        except DataError as error:
            problems.add_record(error.faults, Dropped("_".join(filter(None, fields[:2])), ""))
            continue
        chain = read_chain(record, problems, kind)
        if chain is not None:
            chains.append(chain)
    return chains


def _record(fields: list[str], ligand: str, where: str) -> Record:
    """Parse the fields of one line into a record."""
    if len(fields) != len(FIELDS):
        rule = f"have {len(FIELDS)} fields, {';'.join(FIELDS)}"
        raise DataError(fault("record", rule, len(fields), where=where))
    if not any(fields):
        raise DataError(fault("record", "hold a chain", "empty fields", where=where))
    pdb, chain, residues, sequence = fields
    if not pdb:
        raise DataError(fault("pdb_id", "not be empty", pdb, where=where))
    name = f"{pdb}_{chain}" if chain else pdb
    return Record(sequence, where, name, ligand, positions=residues, letters=True)
