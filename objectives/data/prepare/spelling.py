"""Find out by trial how a tokenizer expects proteins to be written, and its token ids."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import takewhile
from typing import Any

import numpy as np

AMINO_ACIDS = "ACDEFGHIKLMNPQRSTVWY"
UNUSUAL = "BJOUXZ"  # codes of ambiguous (B, J, Z), rare (O, U) and unknown (X) amino acids
_TURNS = tuple(AMINO_ACIDS[i:] + AMINO_ACIDS[:i] for i in range(len(AMINO_ACIDS)))
"""All rotations of the 20 letters, which together have each amino acid at each position."""

_LENGTHS = (1, 2, 3, 30, 60)


@dataclass(frozen=True)
class Spelling:
    """A way to write a sequence as text for a tokenizer."""

    fill: str = ""  # text after each letter; ``#``: unknown structure, for SaProt
    gap: str = ""  # text between residues

    def write(self, sequence: str) -> str:
        """The sequence written in this spelling."""
        return self.gap.join(letter + self.fill for letter in sequence)


PLAIN = Spelling()
SPELLINGS = (PLAIN, Spelling(gap=" "), Spelling(fill="#"), Spelling(fill="#", gap=" "))


@dataclass(frozen=True)
class Reading:
    """A tokenizer's encoding of residues in one spelling."""

    spelling: Spelling  # how residues are written
    before: tuple[int, ...]  # special tokens before the first residue
    after: tuple[int, ...]  # special tokens after the last residue
    codes: Mapping[str, int]  # token id of each letter that the tokenizer knows

    def expected(self, sequence: str) -> list[int]:
        """The token ids of a sequence, given one token per residue."""
        return [*self.before, *(self.codes[letter] for letter in sequence), *self.after]


class UnreadableError(Exception):
    """A tokenizer does not give one token per residue; the message says what it gives."""


class JoinedError(UnreadableError):
    """A tokenizer merges neighbouring residues into known tokens, as BPE does."""


def read_residues(tokenizer: Any) -> Reading:
    """Find the spelling in which a tokenizer gives one token per residue.

    A tokenizer that merges residues of a plain sequence is refused even if spaces would keep
    them apart, because its model was trained on merged tokens.

    Raises:
        UnreadableError: if there is no such spelling.
    """
    unknown = _unknown_tokens(tokenizer)
    reasons: list[str] = []
    for spelling in SPELLINGS:
        try:
            return _reading(tokenizer, spelling, unknown)
        except JoinedError:
            raise
        except UnreadableError as error:
            reasons.append(str(error))
    raise UnreadableError(next((r for r in reasons if r.startswith("no token")), reasons[0]))


def reads_proteins(tokenizer: Any) -> bool:
    """Whether a tokenizer gives one token per residue and no unknown token around them."""
    try:
        reading = read_residues(tokenizer)
    except UnreadableError:
        return False
    return _unknown_tokens(tokenizer).isdisjoint((*reading.before, *reading.after))


def _tokens_of(tokenizer: Any, text: str) -> list[int] | None:
    """The token ids of a text, special tokens included; None if the tokenizer fails on it."""
    try:
        return list(tokenizer(text)["input_ids"])
    except Exception:  # noqa: BLE001  # tokenizers raises nothing narrower for a word it lacks
        return None


def _unknown_tokens(tokenizer: Any) -> set[int]:
    """``unk_token`` and, as it may be unnamed, what two symbols of no vocabulary are encoded to."""
    strange = [_tokens_of(tokenizer, sign) for sign in ("☃", "☂")]
    found = {tokenizer.unk_token_id} - {None}
    if strange[0] is not None and strange[0] == strange[1]:
        found |= set(strange[0]) - set(_tokens_of(tokenizer, "") or ())
    return found


def _reading(tokenizer: Any, spelling: Spelling, unknown: set[int]) -> Reading:
    """Derive the encoding in one spelling from ``_TURNS``, and verify it on other sequences."""
    made = [_tokens_of(tokenizer, spelling.write(turn)) for turn in _TURNS]
    rows = [row for row in made if row is not None]
    if len(rows) < len(made) or all(row == rows[0] for row in rows):
        raise UnreadableError("no token for any amino acid")
    before, after = _shared(rows), _shared([row[::-1] for row in rows])[::-1]
    bodies = [row[len(before) : len(row) - len(after)] for row in rows]
    fewest, wanted = min(len(body) for body in bodies), len(AMINO_ACIDS)
    if fewest < wanted and not any(unknown.intersection(row) for row in rows):
        raise JoinedError(f"{fewest} tokens for {wanted} residues")
    if any(len(body) != wanted for body in bodies):
        raise UnreadableError(f"{fewest} tokens for {wanted} residues")
    codes = dict(zip(AMINO_ACIDS, bodies[0], strict=True))
    lacking = [letter for letter, code in codes.items() if code in unknown]
    if lacking:
        raise UnreadableError(f"no token for {', '.join(lacking)}")
    reading = Reading(spelling, tuple(before), tuple(after), codes)
    if any(row != reading.expected(turn) for turn, row in zip(_TURNS, rows, strict=True)):
        raise UnreadableError("tokens that differ with a residue's place")
    codes |= _unusual(tokenizer, reading, unknown)
    for sequence in _probes(tokenizer, "".join(codes)):
        if _tokens_of(tokenizer, spelling.write(sequence)) != reading.expected(sequence):
            raise JoinedError(f"other tokens for {sequence!r} than for its residues alone")
    return reading


def _unusual(tokenizer: Any, reading: Reading, unknown: set[int]) -> dict[str, int]:
    """Token ids of the unusual letters that a tokenizer knows, found within a sequence."""
    found = {}
    expected, place = reading.expected("ACADE"), len(reading.before) + 2
    for letter in UNUSUAL:
        row = _tokens_of(tokenizer, reading.spelling.write(f"AC{letter}DE"))
        if row is None or len(row) != len(expected) or row[place] in unknown:
            continue
        if row[:place] + row[place + 1 :] == expected[:place] + expected[place + 1 :]:
            found[letter] = row[place]
    return found


def _probes(tokenizer: Any, letters: str) -> Iterator[str]:
    """Random sequences, each letter repeated, and vocabulary entries of several letters."""
    rng = np.random.default_rng(0)
    yield from ("".join(rng.choice(list(letters), length)) for length in _LENGTHS)
    yield from (letter * 4 for letter in letters)
    vocabulary = {
        run
        for token in tokenizer.get_vocab()
        for run in re.findall(r"[A-Z]{2,}", str(token).upper())
    }
    yield from sorted(run for run in vocabulary if set(run) <= set(letters))


def _shared(rows: list[list[int]]) -> list[int]:
    """The common prefix of all rows."""
    columns = zip(*rows, strict=False)
    return [column[0] for column in takewhile(lambda column: len(set(column)) == 1, columns)]
