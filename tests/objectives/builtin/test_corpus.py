"""The pre-training corpus: reading, held-out proteins, packing."""

from __future__ import annotations

import gzip
from itertools import islice
from pathlib import Path
from random import Random

import numpy as np

from objectives.builtin import corpus
from objectives.data.motifs import STANDARD


def protein(random: Random, length: int = 200) -> str:
    """Return a random protein."""
    return "".join(random.choices(STANDARD, k=length))


def test_fasta_is_read_gzipped_or_not(tmp_path: Path) -> None:
    """Sequences over several lines are joined, the stop sign dropped."""
    text = ">one\nMKT\nAYI\n>two\nACDE*\n"
    (tmp_path / "a.fasta").write_text(text)
    (tmp_path / "b.fasta.gz").write_bytes(gzip.compress(text.encode()))
    for name in ("a.fasta", "b.fasta.gz"):
        assert list(corpus.read_fasta(tmp_path / name)) == ["MKTAYI", "ACDE"]


def test_chain_files_are_read_without_their_heading(tmp_path: Path) -> None:
    """The last column of each record is the sequence."""
    (tmp_path / "ATP.txt").write_text("pdb_id;chain_id;binding_residues;sequence\n1ABC;A;M1;MKT\n")
    assert list(corpus.read_chains(tmp_path)) == ["MKT"]


def test_near_copies_of_held_out_proteins_are_excluded() -> None:
    """A protein with one substitution in ten still shares words, and is dropped."""
    random = Random(0)
    originals = [protein(random) for _ in range(200)]
    copies = [s[:95] + "".join(random.choices(STANDARD, k=10)) + s[105:] for s in originals]
    stranger = protein(random)
    parted = corpus.part(
        [*originals, *copies, stranger], excluded=[stranger], held_out_percent=20.0
    )
    assert stranger not in (*parted.training, *parted.held_out)
    assert len(parted.held_out) > 20
    held = set(parted.held_out)
    for original, copy in zip(originals, copies, strict=True):
        if original in held or copy in held:
            assert original not in parted.training
            assert copy not in parted.training
    assert len(parted.training) + len(parted.held_out) + parted.dropped == 400


def test_packed_rows_hold_every_residue_of_an_epoch_but_the_ends() -> None:
    """Rows are full, start each protein with <cls>, and lose less than a batch per epoch."""
    random = Random(1)
    sequences = [protein(random, 100) for _ in range(50)]
    rows = list(islice(corpus.batches(sequences, crop=64, rows=4, seed=0), 19))
    assert all(batch.shape == (4, 64) for batch in rows)
    tokens = np.concatenate([batch.ravel() for batch in rows])
    assert corpus.PAD not in tokens
    assert 45 <= (tokens == corpus.CLS).sum() <= 50
    assert {int(t) for t in np.unique(tokens)} == {corpus.CLS, corpus.EOS, *corpus.RESIDUES}


def test_batches_repeat_by_seed() -> None:
    """The same seed gives the same rows; another gives others."""
    sequences = [protein(Random(i), 100) for i in range(20)]
    first, again, other = (
        next(corpus.batches(sequences, crop=32, rows=4, seed=seed)) for seed in (0, 0, 1)
    )
    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)
