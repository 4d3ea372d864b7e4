"""A base model's configuration, tokenizer, input limit, and its modules without weights.

A base is often saved after use. Its config.json then also says how it was run, quantised or
adapted, and transformers would apply that again: such entries are reset or refused.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from transformers import (
    AutoConfig,
    AutoModelForTokenClassification,
    AutoTokenizer,
    PreTrainedConfig,
    PreTrainedModel,
    PreTrainedTokenizerBase,
    PreTrainedTokenizerFast,
)
from transformers.utils import logging
from transformers.utils.import_utils import is_protobuf_available, is_sentencepiece_available

from objectives.data.chain import CLASSES
from objectives.data.prepare.alphabet import Alphabet
from objectives.data.prepare.spelling import reads_proteins
from objectives.lora.base.checks import CONFIG, COPY_AGAIN, NO_TRUST, Trust, reading
from sweep.errors import SpecError, fault

TOKENIZER_FILE = "tokenizer.json"
_NEEDED = ("vocab_size", "hidden_size", "num_hidden_layers")
_POSITIONS = "max_position_embeddings"
_NO_LIMIT = -1  # XLNet's number of positions, which are relative; T5 has no such attribute
_WINDOW = 1024  # tokens per window if neither base nor tokenizer has a limit; ESM-2's limit
_LONGEST = 100_000  # a ``model_max_length`` above this means no limit: its default is 1e30

_OFFSET_POSITIONS = (
    "esm", "roberta", "xlm-roberta", "camembert", "data2vec-text", "ibert", "layoutlmv3", "lilt",
    "longformer", "luke", "markuplm", "mpnet", "roberta-prelayernorm", "xlm-roberta-xl", "xmod",
)  # fmt: skip
"""Model types whose position ids start at ``pad_token_id + 1``, which shortens their windows."""

_SENTENCEPIECE = "*.model"
_VOCABULARIES = (TOKENIZER_FILE, "vocab.txt", "vocab.json", _SENTENCEPIECE)
_INSTALL = (
    "Install what reads SentencePiece's file: pip install lorasweep[sentencepiece]; or save the "
    f"tokenizer again where that is installed, which writes a {TOKENIZER_FILE}"
)


def quiet_libraries() -> None:
    """Turn off progress bars and log messages of transformers below ERROR."""
    logging.set_verbosity_error()
    logging.disable_progress_bar()


@contextmanager
def no_warnings() -> Iterator[None]:
    """Ignore Python warnings within the block: library warnings that users cannot act on."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


_OURS: Mapping[str, Any] = {
    "_attn_implementation": None,  # chosen for another machine
    "add_cross_attention": False,  # there is no second sequence to attend to
    "chunk_size_feed_forward": 0,  # same result, but lengths must be multiples of the chunk
    "gradient_checkpointing": False,
    "output_attentions": False,
    "output_hidden_states": False,
    "problem_type": None,  # belongs to another head
    "return_dict": True,
    "torchscript": False,
    "use_cache": False,  # no incremental decoding
}
"""Values set for every base; none of them changes the logits."""


def settle(config: PreTrainedConfig) -> None:
    """Overwrite entries that do not describe the architecture with the values of ``_OURS``."""
    for name, value in _OURS.items():
        if getattr(config, name, value) != value:
            setattr(config, name, value)


def load_config(folder: Path, trust: Trust = NO_TRUST, outputs: int = CLASSES) -> PreTrainedConfig:
    """Load a base's configuration, set up for a head with ``outputs`` outputs.

    Raises:
        SpecError: if it cannot be read, or lacks a size such as ``hidden_size``.
    """
    with reading(folder, f"have a {CONFIG} that transformers reads"), no_warnings():
        config = AutoConfig.from_pretrained(
            folder, num_labels=outputs, trust_remote_code=trust.code
        )
    settle(config)
    padded = ("pad_token_id",) if config.model_type in _OFFSET_POSITIONS else ()
    placed = (_POSITIONS,) if hasattr(config, _POSITIONS) else ()
    lacking = [
        n for n in (*_NEEDED, *placed, *padded) if not isinstance(getattr(config, n, None), int)
    ]
    if lacking:
        rule = f"give {', '.join(lacking)} as whole numbers"
        got = {name: getattr(config, name, None) for name in lacking}
        way_out = "Copy or download the base again, or give another encoder"
        raise SpecError(fault(CONFIG, rule, got, where=str(folder), way_out=way_out))
    return config


def load_tokenizer(folder: Path, trust: Trust = NO_TRUST) -> PreTrainedTokenizerBase:
    """Load a base's tokenizer.

    Raises:
        SpecError: if its files are missing or damaged, it has more tokens than the base has
            embeddings, or it has no padding token.
    """
    quiet_libraries()
    held = load_config(folder, trust).vocab_size
    vocabulary = any(any(folder.glob(name)) for name in _VOCABULARIES)
    rule = "hold a tokenizer that transformers reads"
    if not vocabulary and not trust.code:
        rule = f"hold a tokenizer's vocabulary ({', '.join(_VOCABULARIES)})"
    way_out = COPY_AGAIN if _can_read(folder) or trust.code else _INSTALL
    with reading(folder, rule, way_out), no_warnings():
        found = AutoTokenizer.from_pretrained(folder, trust_remote_code=trust.code)
        tokenizer = _as_written(folder, found)
        size = max(tokenizer.get_vocab().values(), default=-1) + 1
    if size > held:
        rule = f"hold no more tokens than the base has embeddings ({held})"
        way_out = "Give a base whose tokenizer belongs to it"
        raise SpecError(fault("tokenizer", rule, size, where=str(folder), way_out=way_out))
    if tokenizer.pad_token_id is None:
        raise SpecError(fault("tokenizer", "have a padding token", None, where=str(folder)))
    return tokenizer


def _can_read(folder: Path) -> bool:
    """Whether some vocabulary file can be read: SentencePiece's needs packages installed."""
    others = any(any(folder.glob(name)) for name in _VOCABULARIES if name != _SENTENCEPIECE)
    return others or (is_sentencepiece_available() and is_protobuf_available())


def _as_written(folder: Path, found: PreTrainedTokenizerBase) -> PreTrainedTokenizerBase:
    """The tokenizer of ``tokenizer.json`` as is, if ``AutoTokenizer``'s does not read proteins."""
    if reads_proteins(found) or not (folder / TOKENIZER_FILE).is_file():
        return found
    # AutoTokenizer's T5 splits text by rules of its own: unknown tokens before letters (Ankh).
    written: PreTrainedTokenizerBase = PreTrainedTokenizerFast.from_pretrained(folder)
    return written if reads_proteins(written) else found


def base_limit(config: PreTrainedConfig, tokenizer: PreTrainedTokenizerBase) -> int:
    """The longest input of a base in residues, without special tokens (ESM-2: 1 022).

    A base with relative positions (T5) has no limit: the tokenizer's is used, or 1 024 tokens.

    Raises:
        DataError: if the tokenizer does not give one token per residue.
    """
    positions, named = getattr(config, _POSITIONS, _NO_LIMIT), int(tokenizer.model_max_length)
    if positions == _NO_LIMIT:
        positions = named if named <= _LONGEST else _WINDOW
    if config.model_type in _OFFSET_POSITIONS:
        positions -= int(config.pad_token_id) + 1
    return min(int(positions), named) - Alphabet.of(tokenizer).marks


def skeleton(folder: Path, trust: Trust = NO_TRUST, outputs: int = CLASSES) -> PreTrainedModel:
    """The token classifier on the meta device, to resolve modules and count parameters.

    Raises:
        SpecError: if the configuration does not describe a token classifier.
    """
    quiet_libraries()
    config = load_config(folder, trust, outputs)
    rule = f"have a {CONFIG} that describes a token classifier"
    way_out = "Give an ESM-2 or another encoder that transformers can classify tokens with"
    with reading(folder, rule, way_out), torch.device("meta"), no_warnings():
        return AutoModelForTokenClassification.from_config(config, trust_remote_code=trust.code)
