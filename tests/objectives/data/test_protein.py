"""Letters that are no protein are refused in tables, in FASTA, and for prediction."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from objectives.data.chain import Chain
from objectives.data.errors import RecordErrors
from objectives.data.formats.fasta import BadRecord, FastaRecord, read_fasta
from objectives.data.formats.fasta_labels import read_fasta_labels
from objectives.data.formats.table import read_table
from objectives.data.letters import judge_letters
from objectives.data.protein import join_blocks, other_kind
from objectives.data.splits import Splits

GENE = "ATGAAAACCGCGTATATTGCGAAACAGCGTTAA"
GIVEN = "sequence must be given, got"
KIND = "sequence must be a protein in one-letter codes, not"

REFUSED: dict[str, tuple[str, str]] = {
    "BioMart": ("Sequence unavailable", f"{GIVEN} 'Sequence unavailable'"),
    "a sentence": ("No protein sequence found", f"{GIVEN} 'No protein sequence found'"),
    "pandas": ("nan", f"{GIVEN} 'nan'"),
    "upper case": ("NAN", f"{GIVEN} 'NAN'"),
    "Python": ("None", f"{GIVEN} 'None'"),
    "R": ("NA", f"{GIVEN} 'NA'"),
    "SQL": ("NULL", f"{GIVEN} 'NULL'"),
    "a dash": ("-", f"{GIVEN} '-'"),
    "a word": ("unavailable", f"{GIVEN} 'unavailable'"),
    "DNA": (GENE, f"{KIND} DNA or RNA, got '{GENE}'"),
    "RNA": (GENE.replace("T", "U"), f"{KIND} DNA or RNA"),
    "DNA in lower case": (GENE.lower(), f"{KIND} DNA or RNA"),
    "DNA with unknown bases": (GENE + "NNNN", f"{KIND} DNA or RNA"),
    "DNA with ambiguity codes": (GENE + "RYK" + GENE, f"{KIND} DNA or RNA"),
    "DNA of a PDB file": ("DA DC DG DT DA", f"{KIND} DNA or RNA"),
    "SEQRES": ("MET LYS THR ALA TYR", f"{KIND} three-letter codes"),
    "SEQRES with a modified residue": ("MSE LYS THR ALA TYR", f"{KIND} three-letter codes"),
    "hyphens": ("Met-Lys-Thr", f"{KIND} three-letter codes"),
    "upper case with hyphens": ("MET-LYS", f"{KIND} three-letter codes"),
    "titled": ("MetLys", f"{KIND} three-letter codes"),
    "not parted": ("METLYSTHRALA", f"{KIND} three-letter codes"),
    "structure": ("CCHHHHHHHHCCCEEEEEECCC", f"{KIND} secondary structure"),
    "structure of DSSP": ("TTHHHHHHHHTTTEEEEEESSSGGG", f"{KIND} secondary structure"),
}
PEPTIDES = ["AGGA", "GATC", "GATCGATC", "MET", "METLYS", "GAGAGAGAGAGAGAGAGAGA", "AAAAAAAAAAAAAAAA"]
PEPTIDES += ["HHHHHHHHHH", "C" * 30, "PPGPPGPPGPPGPPGPPGPPG", "NNNNNNNNNNNNNNNNNN", "TCGA", "ELVIS"]


def labels(sequence: str) -> str:
    """One label per letter."""
    return "1" * len("".join(sequence.rstrip("*").split()))


def in_table(folder: Path, sequence: str) -> tuple[list[str], list[str]]:
    """Sequences read from JSON Lines, and the faults."""
    path = folder / "d.jsonl"
    path.write_text(json.dumps({"sequence": sequence, "labels": labels(sequence)}) + "\n")
    problems = RecordErrors()
    found = [chain.sequence for chain in read_table(path, "d.jsonl", problems)]
    return found, problems.records


def with_labels(folder: Path, sequence: str) -> tuple[list[str], list[str]]:
    """Sequences read from FASTA with labels, and the faults."""
    path = folder / "d.fasta"
    path.write_text(f">a\n{sequence}\n{labels(sequence)}\n")
    problems = RecordErrors()
    found = [chain.sequence for chain in read_fasta_labels(path, "d.fasta", problems)]
    return found, problems.records


def to_predict(folder: Path, sequence: str) -> tuple[list[str], list[str]]:
    """Sequences read from FASTA without labels, and the faults."""
    path = folder / "d.fasta"
    path.write_text(f">a\n{sequence}\n")
    entries = list(read_fasta(str(path)))
    found = [each.sequence for each in entries if isinstance(each, FastaRecord)]
    return found, [text for each in entries if isinstance(each, BadRecord) for text in each.faults]


WAYS = {"table": in_table, "labels": with_labels, "predict": to_predict}


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("case", REFUSED)
def test_letters_that_are_no_protein_are_refused(way: str, case: str, tmp_path: Path) -> None:
    """With the cause and the line."""
    text, message = REFUSED[case]
    if (way, text) == ("labels", "-"):
        pytest.skip("a label there")
    found, faults = WAYS[way](tmp_path, text)

    assert found == []
    assert len(faults) == 1
    assert faults[0].startswith(message)
    assert ", line 1)" in faults[0]
    assert "'*'" in faults[0]


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("sequence", PEPTIDES)
def test_a_real_peptide_is_read(way: str, sequence: str, tmp_path: Path) -> None:
    """With few kinds of letters, or only those of nucleotides."""
    assert WAYS[way](tmp_path, sequence) == ([sequence], [])


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("sequence", ["NA", "NAN", GENE, "METLYSTHR", "HHHHHHHHHHHHHHHHHHHHHHHH"])
def test_a_terminal_stop_marks_a_protein(way: str, sequence: str, tmp_path: Path) -> None:
    """The remedy for a peptide that looks like nucleotides."""
    assert WAYS[way](tmp_path, f"{sequence}*") == ([sequence], [])


def test_real_proteins_are_accepted(shared: Path) -> None:
    """None of 4 391 of E. coli is taken for anything else."""
    path = str(shared / "data" / "proteomes" / "ecoli_k12.fasta")
    sequences = [each.sequence for each in read_fasta(path) if isinstance(each, FastaRecord)]

    assert len(sequences) > 4000
    assert not any(map(other_kind, sequences))


@pytest.mark.parametrize(
    ("text", "letters"),
    [
        ("MKTAYIAKQR QISFVKSHFS RQ", "MKTAYIAKQRQISFVKSHFSRQ"),
        ("M K T A Y", "MKTAY"),
        ("MKTAY\nIAKQR\nQI", "MKTAYIAKQRQI"),
        ("MKT", "MKT"),
        ("see paper", None),
        ("MKTAY IAK QRQIS", None),
    ],
)
def test_blocks_of_equal_length_are_joined(text: str, letters: str | None) -> None:
    """Words are not."""
    assert join_blocks(text) == letters


SETS: dict[str, tuple[list[str], str, str]] = {
    "primers": (["ATGAAACC", "GGTTCACA"] * 20, "be proteins, not DNA or RNA", ""),
    "proteins": (["MKTAYIAKQRQISFVKSHFSRQDEWLGPNC"] * 20, "", ""),
    "few peptides": (["AGGA", "GATC"] * 9, "", ""),
    "silk": (["GAGAGAGA"] * 50, "", "few kinds of letters for proteins (mostly A, G)"),
    "codes of folds": (["DVPDVPVDL"] * 50, "", "few kinds of letters for proteins (mostly D, V, P"),
    "masked": (["MKTAYIAKQRXXXXXXSFVKSHWEDLGP"] * 20, "", "many letters that stand for no known"),
}


@pytest.mark.parametrize("case", SETS)
def test_the_letters_of_a_data_set_show_what_it_is(case: str) -> None:
    """Refused where that is clear, otherwise noted."""
    sequences, refused, reported = SETS[case]
    chains = [Chain(str(i), each, (0,) * len(each)) for i, each in enumerate(sequences)]
    problems = RecordErrors()
    judge_letters(Splits(train=chains), "data", problems)

    assert len(problems.files) == bool(refused)
    assert refused in "".join(problems.files)
    assert len(problems.notes) == bool(reported)
    assert reported in "".join(problems.notes)


def test_chains_with_a_terminal_stop_are_not_checked() -> None:
    """A single chain without one is no sign of nucleotides."""
    marked = [Chain(str(i), "ATGAAACC", (0,) * 8, translated=True) for i in range(40)]
    problems = RecordErrors()
    judge_letters(Splits(train=[*marked, Chain("x", "GGTTCACA", (0,) * 8)]), "data", problems)

    assert problems == RecordErrors()
