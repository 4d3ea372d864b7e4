"""Tokenising in blocks gives the same table as chain by chain."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from objectives.data.chain import IGNORED, Chain
from objectives.data.prepare import tokenize as module
from objectives.data.prepare.alphabet import Alphabet
from objectives.data.prepare.tokenize import tokenise

CHAINS = [
    Chain("a", "MKV", (0, 1, IGNORED), {"ATP": (1,)}),
    Chain("b", "ACDEFGHIKLMNPQ", (1, *[0] * 12, 1), {"ATP": (0,), "ZN": (0, 13)}),
    Chain("c", "W", (0,)),
    Chain("d", "YYWWLLKKGG", (0,) * 10),
]


@pytest.mark.parametrize("block", [1, 2, 3])
def test_blocks_do_not_change_the_table(
    tokenizer: Any, monkeypatch: pytest.MonkeyPatch, block: int
) -> None:
    """For any block size; a chain of several windows stays one chain."""
    alphabet, bits = Alphabet.of(tokenizer), {"ATP": 1, "ZN": 2}
    whole = tokenise(CHAINS, alphabet, 6, bits).to_list()
    monkeypatch.setattr(module, "BLOCK", block)

    assert tokenise(CHAINS, alphabet, 6, bits).to_list() == whole
    assert [row["chain"] for row in whole] == [0, 1, 1, 1, 2, 3, 3]


@pytest.mark.parametrize(
    ("mask", "kind"), [(1 << 6, pa.int8()), (1 << 7, pa.int16()), (1 << 62, pa.int64())], ids=str
)
def test_columns_are_as_narrow_as_their_values_allow(
    tokenizer: Any, mask: int, kind: pa.DataType
) -> None:
    """And no narrower: the highest bit is kept."""
    table = tokenise(CHAINS, Alphabet.of(tokenizer), 6, {"ATP": 1, "ZN": mask})
    types = table.with_format("arrow")[:].schema

    assert types.field("ligands").type.value_type == kind
    assert types.field("input_ids").type.value_type == pa.int8()
    assert max(max(row["ligands"]) for row in table) == mask | 1


def test_a_large_vocabulary_has_wider_tokens(tokenizer: Any) -> None:
    """Its tokens do not overflow."""
    known = Alphabet.of(tokenizer)
    (start,), (end,) = known.before, known.after
    large = Alphabet(known.codes + 1000, (start + 1000,), (end,), known.digest)

    (row,) = tokenise(CHAINS[:1], large, 6, {"ATP": 1})

    (small,) = tokenise(CHAINS[:1], known, 6, {"ATP": 1})
    raised = np.array(small["input_ids"])[:-1] + 1000
    assert row["input_ids"] == [*raised.tolist(), end]
