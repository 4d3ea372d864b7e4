"""Writes the embedded motif data as text files, the format of real data."""

from __future__ import annotations

from pathlib import Path

from objectives.data.motifs import generate


def write_chains(folder: Path, *, flip: bool = False) -> Path:
    """Chains as text files, one ligand each; ``flip`` moves one binding residue by one."""
    train, test = generate(train_chains=40, test_chains=10)
    for split, chains in (("train", train), ("test", test)):
        (folder / split).mkdir(parents=True)
        for ligand in sorted({name for chain in chains for name in chain.ligands}):
            lines = [
                (chain.id, chain.sequence, sorted(chain.ligands[ligand]))
                for chain in chains
                if ligand in chain.ligands
            ]
            if flip and split == "train":
                first = lines[0]
                lines[0] = (first[0], first[1], [first[2][0] + 1, *first[2][1:]])
            (folder / split / f"{ligand}_{split}.txt").write_text(
                "".join(
                    f"{name};A;{' '.join(f'{seq[p]}{p + 1}' for p in places)};{seq}\n"
                    for name, seq, places in lines
                )
            )
    return folder
