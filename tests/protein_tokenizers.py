"""Small real tokenizers of protein models, and some that are unsuitable."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tokenizers import Regex, Tokenizer, decoders, models, pre_tokenizers, processors, trainers

AMINO_ACIDS = "ACDEFGHIKLMNPQRSTVWY"
LETTERS = "LAGVESIKRDTPNQFYMHWCXUBZO"
"""The letters of ProtBERT and ProtT5: all but J."""

STRUCTURES = "pynwrqhgdlvtmfsaeikc#"
"""SaProt's structure letters, and its letter for an unknown one."""

_SPECIAL = ["<pad>", "</s>", "<unk>"]
_UNKNOWN = {"unk_token": "<unk>"}
_END = {"eos_token": "</s>"}
_NAMED = _UNKNOWN | _END


def esm2(folder: Path) -> Any:
    """Plain letters between ``<cls>`` and ``<eos>``."""
    letters = [*"LAGVSERTIDPKQNFYMHWCXBUZO.-"]
    return _esm(folder, ["<cls>", "<pad>", "<eos>", "<unk>", *letters, "<null_1>", "<mask>"])


def saprot(folder: Path) -> Any:
    """Two letters per residue, amino acid and structure."""
    pairs = [one + other for one in f"{AMINO_ACIDS}#" for other in STRUCTURES]
    return _esm(folder, ["<cls>", "<pad>", "<eos>", "<unk>", "<mask>", *pairs])


def six_mers(folder: Path) -> Any:
    """As in nucleotide models: words of six DNA letters."""
    words = ["ACGTAC", "GGGGGG", "TTTTTT", *"ACGTN"]
    return _esm(folder, ["<cls>", "<pad>", "<eos>", "<unk>", "<mask>", *words])


def protbert(folder: Path, *, lower: bool = False) -> Any:
    """Letters with spaces between, and ``[SEP]`` at the end."""
    from transformers import BertTokenizer

    file = folder / "vocab.txt"
    file.write_text("\n".join(["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *LETTERS]))
    return BertTokenizer(str(file), do_lower_case=lower)


def english(folder: Path) -> Any:
    """English WordPieces, which contain every letter."""
    from transformers import BertTokenizer

    file = folder / "vocab.txt"
    letters = [*"abcdefghijklmnopqrstuvwxyz"]
    pieces = [*letters, *(f"##{each}" for each in letters), "the", "##de", "##kl", "##st", "mk"]
    file.write_text("\n".join(["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *pieces]))
    return BertTokenizer(str(file))


def prott5(_: Path) -> Any:
    """Letters with spaces between, no start, ``</s>`` at the end."""
    return _t5([f"▁{letter}" for letter in LETTERS])


def trained_t5(_: Path) -> Any:
    """A SentencePiece model of spaced letters: these pieces, the letters and the space."""
    return _t5(["▁", *(f"▁{letter}" for letter in LETTERS), *LETTERS])


def ankh(_: Path) -> Any:
    """Plain letters, no start, ``</s>`` at the end."""
    scores = [(token, 0.0) for token in _SPECIAL] + [(letter, -2.0) for letter in LETTERS]
    made = Tokenizer(models.Unigram(scores, unk_id=2, byte_fallback=False))
    return _fast(made, "$A </s>", {"</s>": 1}, **_NAMED)


def ankh_named_t5(folder: Path) -> Any:
    """The same in a folder that names ``T5Tokenizer``, as transformers loads it."""
    from transformers import AutoTokenizer

    ankh(folder).save_pretrained(folder)
    path = folder / "tokenizer_config.json"
    tree = json.loads(path.read_text()) | {"tokenizer_class": "T5Tokenizer", "extra_ids": 0}
    path.write_text(json.dumps(tree))
    return AutoTokenizer.from_pretrained(folder)


def one_character(template: str, **names: str) -> Callable[[Path], Any]:
    """Plain letters with other special tokens around them."""

    def make(_: Path) -> Any:
        marks = [each for each in template.split() if each != "$A"]
        tokens = [*_SPECIAL, *LETTERS, *(each for each in marks if each not in _SPECIAL)]
        numbered = {token: number for number, token in enumerate(dict.fromkeys(tokens))}
        made = Tokenizer(models.WordLevel(numbered, **_UNKNOWN))
        made.pre_tokenizer = pre_tokenizers.Split(Regex("."), "isolated")
        used = {mark: numbered[mark] for mark in marks}
        return _fast(made, template, used, **(_UNKNOWN | names))

    return make


def words(_: Path) -> Any:
    """Letters with spaces between; its unknown token has no name in transformers."""
    numbered = {token: number for number, token in enumerate([*_SPECIAL, *LETTERS])}
    made = Tokenizer(models.WordLevel(numbered, **_UNKNOWN))
    made.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    return _fast(made, "$A </s>", {"</s>": 1}, **_END)


def without_unknown(_: Path) -> Any:
    """Plain letters; drops unknown ones."""
    numbered = {token: number for number, token in enumerate(["<pad>", "1", "2", *LETTERS])}
    return _fast(Tokenizer(models.BPE(numbered, [])), "1 $A 2", {"1": 1, "2": 2})


def one_byte(_: Path) -> Any:
    """Bytes, as in ByT5."""
    from transformers import ByT5Tokenizer

    return ByT5Tokenizer()


def byte_level(*, space: bool) -> Callable[[Path], Any]:
    """Bytes, as in GPT-2, without merges; with or without a space before the text."""

    def make(_: Path) -> Any:
        signs = sorted(pre_tokenizers.ByteLevel.alphabet())
        numbered = {token: number for number, token in enumerate(["<pad>", *signs])}
        made = Tokenizer(models.BPE(numbered, []))
        made.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=space)
        return _fast(made, "$A", {})

    return make


def joining(*, spaces: bool) -> Callable[[Path], Any]:
    """Byte pairs of proteins; spaces would keep letters apart."""

    def make(_: Path) -> Any:
        made = Tokenizer(models.BPE(**_UNKNOWN))
        if spaces:
            made.pre_tokenizer = pre_tokenizers.Whitespace()
        made.decoder = decoders.BPEDecoder()
        trainer = trainers.BpeTrainer(vocab_size=60, special_tokens=_SPECIAL, show_progress=False)
        made.train_from_iterator([f"{AMINO_ACIDS}MKTAYIAKQR{AMINO_ACIDS}", LETTERS] * 9, trainer)
        return _fast(made, "$A </s>", {"</s>": 1}, **_NAMED)

    return make


def one_join(word: str) -> Callable[[Path], Any]:
    """Plain letters, and a single token of several letters."""

    def make(folder: Path) -> Any:
        made = one_character("<cls> $A </s>")(folder)
        made.add_tokens([word])
        return made

    return make


def _esm(folder: Path, vocabulary: list[str]) -> Any:
    from transformers import EsmTokenizer

    file = folder / "vocab.txt"
    file.write_text("\n".join(vocabulary))
    return EsmTokenizer(str(file))


def _t5(pieces: list[str]) -> Any:
    from transformers import T5Tokenizer

    scores = [(token, 0.0) for token in _SPECIAL] + [(piece, -2.0) for piece in pieces]
    return T5Tokenizer(vocab=scores, extra_ids=10)


def _fast(made: Tokenizer, template: str, used: dict[str, int], **names: str) -> Any:
    from transformers import PreTrainedTokenizerFast

    made.post_processor = processors.TemplateProcessing(
        single=template, special_tokens=[*used.items()]
    )
    return PreTrainedTokenizerFast(tokenizer_object=made, **({"pad_token": "<pad>"} | names))
