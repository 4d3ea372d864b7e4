"""A tokenizer like ESM-2's, built here, so that the tests need no model."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from pathlib import Path

VOCABULARY = (
    "<cls> <pad> <eos> <unk> L A G V S E R T I D P K Q N F Y M H W C X B U Z O . - <null_1> <mask>"
)


@pytest.fixture(scope="session")
def tokenizer(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """Like the tokenizer of ESM-2, from its published vocabulary."""
    return make_tokenizer(tmp_path_factory.mktemp("tokenizer"), VOCABULARY.split())


def make_tokenizer(folder: Path, vocabulary: list[str]) -> Any:
    """An ``EsmTokenizer`` of the given vocabulary."""
    from transformers import EsmTokenizer

    file = folder / "vocab.txt"
    file.write_text("\n".join(vocabulary))
    return EsmTokenizer(str(file))


@pytest.fixture
def lacking_tokenizer(tmp_path: Path) -> Any:
    """A tokenizer without tryptophan in its vocabulary."""
    return make_tokenizer(tmp_path, VOCABULARY.replace(" W ", " ").split())


@pytest.fixture
def other_tokenizer(tmp_path: Path) -> Any:
    """A tokenizer with other ids for all letters."""
    tokens = VOCABULARY.split()
    return make_tokenizer(tmp_path, [*tokens[:4], *reversed(tokens[4:24]), *tokens[24:]])
