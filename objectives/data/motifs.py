"""A SYNTHETIC data set: protein-like chains with planted ligand-binding motifs, and decoys.

No chain exists in nature. A residue is labelled as binding exactly if it is a contact of a match
of one of ``MOTIFS``. So labels follow from the sequence, but not from single residues: decoys are
motifs with one essential letter changed or with their residues shuffled, and the letters of the
motifs also occur at random in the background.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from itertools import product
from random import Random

from objectives.data.chain import Chain
from sweep.errors import SpecError, fault

STANDARD = "ACDEFGHIKLMNPQRSTVWY"  # the 20 standard residues
_ELEMENT = re.compile(r"(x|[A-Z]|\[[A-Z]+\]|\{[A-Z]+\})(?:\((\d+)(?:,(\d+))?\))?")


@dataclass(frozen=True)
class Element:
    """One element of a PROSITE pattern: the letters allowed, and how often they repeat."""

    letters: str  # the residues allowed
    low: int = 1  # fewest repeats
    high: int = 1  # most repeats

    @property
    def essential(self) -> bool:
        """Whether this element forbids some residue."""
        return len(self.letters) < len(STANDARD)


@dataclass(frozen=True)
class Motif:
    """A functional motif and which of its residues touch the ligand."""

    name: str  # its common name
    accession: str  # its PROSITE entry
    ligand: str  # what it binds
    pattern: str  # in PROSITE's notation, such as ``[AG]-x(4)-G-K-[ST]``
    contacts: tuple[int, ...]  # indices of the elements, each one residue, that touch the ligand

    @cached_property
    def elements(self) -> tuple[Element, ...]:
        """The parsed pattern."""
        return parse(self.pattern)

    @cached_property
    def _variants(self) -> tuple[tuple[re.Pattern[str], tuple[int, ...]], ...]:
        """For each choice of gap lengths: a regular expression, and the contacts' offsets."""
        variants = []
        for lengths in product(*(range(e.low, e.high + 1) for e in self.elements)):
            starts = [sum(lengths[:i]) for i in range(len(lengths))]
            body = "".join(
                f"[{e.letters}]{{{n}}}" for e, n in zip(self.elements, lengths, strict=True)
            )
            # The lookahead finds overlapping matches too.
            variants.append((re.compile(f"(?={body})"), tuple(starts[i] for i in self.contacts)))
        return tuple(variants)

    def occurrences(self, sequence: str) -> frozenset[tuple[int, ...]]:
        """Return the 0-based contact positions of every match, overlapping ones included."""
        return frozenset(
            tuple(match.start() + offset for offset in offsets)
            for expression, offsets in self._variants
            for match in expression.finditer(sequence)
        )

    def instance(self, random: Random) -> tuple[str, ...]:
        """Draw residues that match the pattern: one string per element."""
        return tuple(
            "".join(random.choice(e.letters) for _ in range(random.randint(e.low, e.high)))
            for e in self.elements
        )


def parse(pattern: str) -> tuple[Element, ...]:
    """Read a pattern in PROSITE's notation.

    Args:
        pattern: elements joined by ``-``: a letter, ``x``, ``[allowed]`` or ``{forbidden}``,
            each with an optional ``(n)`` or ``(low,high)``.

    Raises:
        SpecError: an element is not of these forms.
    """
    elements = []
    for text in pattern.split("-"):
        match = _ELEMENT.fullmatch(text)
        if match is None:
            raise SpecError(
                fault("pattern", "hold PROSITE elements joined by '-'", text, where=pattern)
            )
        core, low, high = match.groups()
        if core == "x":
            letters = STANDARD
        elif core.startswith("{"):
            letters = "".join(s for s in STANDARD if s not in core)
        else:
            letters = core.strip("[]")
        least = int(low or 1)
        elements.append(Element(letters, least, int(high or least)))
    return tuple(elements)


MOTIFS = (
    Motif("P-loop", "PS00017", "ATP", "[AG]-x(4)-G-K-[ST]", (2, 3, 4)),
    Motif("zinc finger C2H2", "PS00028", "ZN", "C-x(2,4)-C-x(12)-H-x(3,5)-H", (0, 2, 4, 6)),
    Motif(
        "EF-hand",
        "PS00018",
        "CA",
        "D-{W}-[DNS]-{ILVFYW}-[DENSTG]-[DNQGHRK]-{GP}-[LIVMC]-[DENQSTAGC]-x(2)-[DE]-[LIVMFYW]",
        (0, 2, 4, 8, 10),
    ),
)
"""The planted motifs as PROSITE writes them, except PS00028, whose entry also requires a
hydrophobic residue in the long gap."""

LENGTHS = (60, 110)  # shortest and longest chain, in residues

# Residue shares in UniProtKB/Swiss-Prot, in per mille, by the order of STANDARD.
_COMMON = (83, 14, 55, 67, 39, 71, 23, 59, 58, 97, 24, 41, 47, 39, 55, 66, 54, 69, 11, 29)
_POLAR, _OILY = "DEKNQRSTGHP", "AILMFVWYC"
_HELIX_OILY = (0, 3, 4, 7, 8, 11, 14, 15)
_SPRINKLED = "CHKDEGSTN"
_SPRINKLED_SHARE = 0.05
_TRUE_COUNTS, _TRUE_WEIGHTS = (0, 1, 2), (0.1, 0.55, 0.35)
_DECOY_COUNTS, _DECOY_WEIGHTS = (0, 1, 2), (0.4, 0.4, 0.2)


def generate(
    seed: int = 0, train_chains: int = 400, test_chains: int = 120
) -> tuple[list[Chain], list[Chain]]:
    """Generate the training and the test chains of the synthetic data set.

    Args:
        seed: the same seed and counts give the same chains.
        train_chains: number of chains for training and validation.
        test_chains: number of chains for testing.

    Returns:
        Training and test chains; all sequences are distinct.

    Raises:
        SpecError: a count is below 1.
    """
    counts = {"train_chains": train_chains, "test_chains": test_chains}
    faults = [fault(name, "be at least 1", n) for name, n in counts.items() if n < 1]
    if faults:
        raise SpecError(faults)
    stream = _distinct(Random(seed))  # noqa: S311, repeatable data and no secret
    return (
        [_labelled(next(stream), f"motif-train-{i}", seed) for i in range(train_chains)],
        [_labelled(next(stream), f"motif-test-{i}", seed) for i in range(test_chains)],
    )


def contacts(sequence: str) -> dict[str, tuple[int, ...]]:
    """Return the 0-based binding positions of a sequence by ligand, by matching every motif."""
    found: dict[str, set[int]] = {}
    for motif in MOTIFS:
        for positions in motif.occurrences(sequence):
            found.setdefault(motif.ligand, set()).update(positions)
    return {ligand: tuple(sorted(positions)) for ligand, positions in sorted(found.items())}


def _labelled(sequence: str, name: str, seed: int) -> Chain:
    ligands = contacts(sequence)
    binding = {position for positions in ligands.values() for position in positions}
    labels = tuple(int(i in binding) for i in range(len(sequence)))
    return Chain(name, sequence, labels, ligands, source=f"synthetic motifs, seed {seed}")


def _distinct(random: Random) -> Iterator[str]:
    seen: set[str] = set()
    while True:
        planted, sequence = _draw(random)
        matched = sum(len(motif.occurrences(sequence)) for motif in MOTIFS)
        # Drop chains with extra matches, which arose by chance or from a decoy.
        if matched == planted and sequence not in seen:
            seen.add(sequence)
            yield sequence


def _draw(random: Random) -> tuple[int, str]:
    """Draw a chain; return how many motifs were planted in it, and its sequence."""
    planted = random.choices(_TRUE_COUNTS, _TRUE_WEIGHTS)[0]
    decoys = random.choices(_DECOY_COUNTS, _DECOY_WEIGHTS)[0]
    inserts = ["".join(random.choice(MOTIFS).instance(random)) for _ in range(planted)]
    inserts += [decoy(random.choice(MOTIFS), random) for _ in range(decoys)]
    random.shuffle(inserts)
    room = random.randint(*LENGTHS) - sum(map(len, inserts))
    cuts = sorted(random.randint(0, max(room, 0)) for _ in inserts)
    back = _background(max(room, 0), random)
    pieces, last = [], 0
    for cut, insert in zip(cuts, inserts, strict=True):
        pieces += [back[last:cut], insert]
        last = cut
    return planted, "".join([*pieces, back[last:]])


def decoy(motif: Motif, random: Random) -> str:
    """Draw residues that look like a motif but do not match it.

    Two in three have one essential residue changed to a forbidden one; the others are the
    motif's own residues in a shuffled order.
    """
    while True:
        drawn = list(motif.instance(random))
        if random.random() < 2 / 3:
            index = random.choice([i for i, e in enumerate(motif.elements) if e.essential])
            allowed = motif.elements[index].letters
            drawn[index] = random.choice([s for s in STANDARD if s not in allowed])
        else:
            letters = list("".join(drawn))
            random.shuffle(letters)
            drawn = letters
        text = "".join(drawn)
        if not motif.occurrences(text):
            return text


def _background(length: int, random: Random) -> str:
    """Draw helices, strands and loops with natural residue shares and hydrophobic rhythm."""
    residues: list[str] = []
    while len(residues) < length:
        kind = random.choice(("helix", "strand", "loop"))
        for i in range(random.randint(4, 16)):
            oily = {"helix": i in _HELIX_OILY, "strand": i % 2 == 0, "loop": random.random() < 0.3}
            residues.append(_residue(random, oily=oily[kind]))
    return "".join(residues[:length])


def _residue(random: Random, *, oily: bool) -> str:
    if random.random() < _SPRINKLED_SHARE:
        return random.choice(_SPRINKLED)
    wanted = _OILY if oily == (random.random() < 0.8) else _POLAR
    weights = [_COMMON[STANDARD.index(letter)] for letter in wanted]
    return random.choices(wanted, weights)[0]
