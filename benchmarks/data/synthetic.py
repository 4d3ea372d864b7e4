"""A seeded synthetic table in UniProt's format: families of proteins, binding sites, ligands."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

LETTERS = np.frombuffer(b"ALGVESIKRDTPNQFYMHCW", dtype=np.uint8)
SHARES = np.array(
    [83, 96, 71, 69, 67, 66, 59, 58, 55, 55, 54, 47, 41, 39, 39, 29, 24, 23, 14, 11], dtype=float
)
"""Amino-acid frequencies per mille, about as in UniProtKB/Swiss-Prot."""

LIGANDS = (
    "ATP", "Zn(2+)", "Mg(2+)", "substrate", "NAD(+)", "FAD", "heme", "Ca(2+)", "GTP", "Mn(2+)",
    "S-adenosyl-L-methionine", "[4Fe-4S] cluster", "Fe cation", "UDP-N-acetyl-alpha-D-glucosamine",
    "Cu cation", "NADP(+)", "pyridoxal 5'-phosphate", "FMN", "L-glutamate", "K(+)",
)  # fmt: skip
MEDIAN_RESIDUES = 295
SPREAD = 0.65
"""Log-normal sequence lengths: 40 to 2 000 residues, mean 350."""

FAMILY = 8
"""Mean family size; sizes are geometric, so most families are small and some have 50 members."""

DOUBLED = 0.01
"""Share of proteins that duplicate another protein's sequence."""

HEADER = "Entry\tProtein families\tSequence\tBinding site\tActive site\n"


def write_table(path: Path, chains: int, seed: int = 0) -> int:
    """Write a table and return its number of residues.

    Args:
        path: the file, whose name ends in ``.tsv``.
        chains: number of chains.
        seed: seed of the random generator.
    """
    residues = 0
    with path.open("w", encoding="ascii") as file:
        file.write(HEADER)
        for number, (family, sequence, sites) in enumerate(_proteins(chains, seed)):
            file.write(f"S{seed}Q{number:07d}\tfamily {family}\t{sequence}\t{sites}\t\n")
            residues += len(sequence)
    return residues


def _proteins(chains: int, seed: int) -> Iterator[tuple[int, str, str]]:
    """Family number, sequence and binding sites of each protein."""
    random = np.random.default_rng(seed)
    made = family = 0
    while made < chains:
        length = int(np.clip(random.lognormal(np.log(MEDIAN_RESIDUES), SPREAD), 40, 2000))
        parent = _letters(random, length)
        sites = _sites(random, length)
        before = ""
        for _ in range(min(int(random.geometric(1 / FAMILY)), chains - made)):
            if not before or random.random() >= DOUBLED:
                changed = random.random(length) < random.uniform(0.05, 0.6)
                before = np.where(changed, _letters(random, length), parent).tobytes().decode()
            yield family, before, sites
            made += 1
        family += 1


def _letters(random: np.random.Generator, length: int) -> NDArray[np.uint8]:
    drawn: NDArray[np.uint8] = LETTERS[np.searchsorted(_CUMULATED, random.random(length))]
    return drawn


_CUMULATED = (SHARES.cumsum() / SHARES.sum())[:-1]


def _sites(random: np.random.Generator, length: int) -> str:
    """Binding sites on 1 to 3 % of the residues, of one or two ligands."""
    wanted = max(1, round(length * random.uniform(0.01, 0.03)))
    places = np.sort(random.choice(length, size=wanted, replace=False)) + 1
    names = random.choice(len(LIGANDS), size=2, replace=False)
    cut = int(random.integers(0, wanted + 1))
    ligands = [LIGANDS[names[0]]] * cut + [LIGANDS[names[1]]] * (wanted - cut)
    return "; ".join(
        f'BINDING {place}; /ligand="{ligand}"'
        for place, ligand in zip(places, ligands, strict=True)
    )
