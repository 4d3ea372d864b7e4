"""What a base's small files say: its configuration, its tokenizer, its shape without weights."""

from __future__ import annotations

from pathlib import Path

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
from transformers.utils.import_utils import is_protobuf_available, is_sentencepiece_available

from objectives.data.chain import CLASSES
from objectives.data.prepare.alphabet import Alphabet
from objectives.data.prepare.spelling import reads_proteins
from objectives.lora.base.checks import CONFIG, COPY_AGAIN, reading
from objectives.lora.base.config_rules import settle
from objectives.lora.base.trust import NO_TRUST, Trust
from objectives.lora.quiet import no_warnings, quiet_libraries
from sweep.errors import SpecError, fault

TOKENIZER_FILE = "tokenizer.json"
_NEEDED = ("vocab_size", "hidden_size", "num_hidden_layers")
_POSITIONS = "max_position_embeddings"
_NO_LIMIT = -1
"""What XLNet gives for its positions, which are relative; T5 gives none at all."""

_WINDOW = 1024
"""Tokens of a window where neither base nor tokenizer names a limit; as ESM-2 reads them."""

_LONGEST = 100_000
"""A tokenizer's ``model_max_length`` above this stands for none: by default it is 1e30."""

_OFFSET_POSITIONS = (
    "esm", "roberta", "xlm-roberta", "camembert", "data2vec-text", "ibert", "layoutlmv3", "lilt",
    "longformer", "luke", "markuplm", "mpnet", "roberta-prelayernorm", "xlm-roberta-xl", "xmod",
)  # fmt: skip
"""Model types whose positions start after the padding index: so much shorter are their windows."""

_SENTENCEPIECE = "*.model"
_VOCABULARIES = (TOKENIZER_FILE, "vocab.txt", "vocab.json", _SENTENCEPIECE)
_INSTALL = (
    "Install what reads SentencePiece's file: pip install lorasweep[sentencepiece]; or save the "
    f"tokenizer again where that is installed, which writes a {TOKENIZER_FILE}"
)


def load_config(folder: Path, trust: Trust = NO_TRUST) -> PreTrainedConfig:
    """A base's configuration, set up for two classes.

    Raises:
        SpecError: if it cannot be read, or lacks a size that everything else needs.
    """
    with reading(folder, f"have a {CONFIG} that transformers reads"), no_warnings():
        config = AutoConfig.from_pretrained(
            folder, num_labels=CLASSES, trust_remote_code=trust.code
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
    """A base's tokenizer.

    Raises:
        SpecError: if its files are missing or damaged, or it does not fit the base.
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
        raise SpecError(
            fault(
                "tokenizer",
                f"hold no more tokens than the base has embeddings ({held})",
                size,
                where=str(folder),
                way_out="Give a base whose tokenizer belongs to it",
            )
        )
    if tokenizer.pad_token_id is None:
        raise SpecError(fault("tokenizer", "have a padding token", None, where=str(folder)))
    return tokenizer


def _can_read(folder: Path) -> bool:
    """Whether there is a vocabulary that is not SentencePiece's, or what reads that is here."""
    others = any(any(folder.glob(name)) for name in _VOCABULARIES if name != _SENTENCEPIECE)
    return others or (is_sentencepiece_available() and is_protobuf_available())


def _as_written(folder: Path, found: PreTrainedTokenizerBase) -> PreTrainedTokenizerBase:
    """The tokenizer that a base's ``tokenizer.json`` describes, if only that one reads proteins.

    Of a T5 transformers takes the vocabulary from that file and splits text by rules of its own,
    which put an unknown token before letters that the file's rules read as they are (Ankh).
    """
    if reads_proteins(found) or not (folder / TOKENIZER_FILE).is_file():
        return found
    written: PreTrainedTokenizerBase = PreTrainedTokenizerFast.from_pretrained(folder)
    return written if reads_proteins(written) else found


def base_limit(config: PreTrainedConfig, tokenizer: PreTrainedTokenizerBase) -> int:
    """The longest sequence a base takes, in residues, special tokens excluded (ESM-2: 1 022).

    A base with relative positions (T5) has no limit of its own: its tokenizer's holds then, or
    1 024 tokens.

    Raises:
        DataError: if the tokenizer does not write one token per residue.
    """
    positions, named = getattr(config, _POSITIONS, _NO_LIMIT), int(tokenizer.model_max_length)
    if positions == _NO_LIMIT:
        positions = named if named <= _LONGEST else _WINDOW
    if config.model_type in _OFFSET_POSITIONS:
        positions -= int(config.pad_token_id) + 1
    return min(int(positions), named) - Alphabet.of(tokenizer).marks


def skeleton(folder: Path, trust: Trust = NO_TRUST) -> PreTrainedModel:
    """The token classifier without weights (meta device): enough to resolve and count.

    Raises:
        SpecError: if the configuration describes none.
    """
    quiet_libraries()
    config = load_config(folder, trust)
    rule = f"have a {CONFIG} that describes a token classifier"
    way_out = "Give an ESM-2 or another encoder that transformers can classify tokens with"
    with reading(folder, rule, way_out), torch.device("meta"), no_warnings():
        return AutoModelForTokenClassification.from_config(config, trust_remote_code=trust.code)
