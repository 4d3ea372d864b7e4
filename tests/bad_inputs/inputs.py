"""Data and base models that are damaged or incomplete."""

from __future__ import annotations

import pickle
import tempfile
from functools import cache
from pathlib import Path

from bad_inputs.case import Make, typed

CHECK = "check studies.binding_sites --set device=cpu"
DATA = f"{CHECK} --data data"
BASE = f"{CHECK} --base base"
HEADER = "id,sequence,labels\n"
GOOD = "c1,ACDEFGHIKL,0000000001\nc2,CDEFGHIKLM,0000000001\n"


def _data(text: str) -> Make:
    def make(folder: Path) -> None:
        (folder / "data").mkdir()
        (folder / "data" / "train.csv").write_text(text)

    return make


def _empty_folder(folder: Path) -> None:
    (folder / "data").mkdir()


def _pickled(folder: Path) -> None:
    _empty_folder(folder)
    rows = [{"sequence": "ACD", "labels": "010"}]
    (folder / "data" / "train.pkl").write_bytes(pickle.dumps(rows))


@cache
def _base_model() -> dict[str, bytes]:
    """The files of a tiny ESM-2."""
    import torch
    from transformers import EsmConfig, EsmModel, EsmTokenizer

    letters = "LAGVSERTIDPKQNFYMHWCXBUZO.-"
    words = ["<cls>", "<pad>", "<eos>", "<unk>", *letters, "<null_1>", "<mask>"]
    config = EsmConfig(
        vocab_size=33,
        pad_token_id=1,
        mask_token_id=32,
        max_position_embeddings=130,
        position_embedding_type="rotary",
        hidden_size=32,
        num_hidden_layers=1,
        num_attention_heads=4,
        intermediate_size=64,
    )
    with tempfile.TemporaryDirectory() as made:
        torch.manual_seed(0)
        EsmModel(config, add_pooling_layer=False).save_pretrained(made)
        vocabulary = Path(made, "vocab.txt")
        vocabulary.write_text("\n".join(words))
        EsmTokenizer(str(vocabulary), model_max_length=128).save_pretrained(made)
        return {path.name: path.read_bytes() for path in Path(made).iterdir()}


def _base(name: str, content: bytes | int | None) -> Make:
    """A case with one file of the base missing, replaced or truncated."""

    def make(folder: Path) -> None:
        (folder / "base").mkdir()
        for each, whole in _base_model().items():
            if each != name:
                (folder / "base" / each).write_bytes(whole)
            elif isinstance(content, int):
                (folder / "base" / each).write_bytes(whole[:content])
            elif content is not None:
                (folder / "base" / each).write_bytes(content)

    return make


INPUTS = (
    typed("data: missing", f"{CHECK} --data {{folder}}/nowhere"),
    typed("data: an empty folder", DATA, _empty_folder),
    typed("data: an unknown built-in", f"{CHECK} --data builtin:magic"),
    typed("data: a folder of nobody", f"{CHECK} --data ~no-such-user/data"),
    typed("data: a path too long", f"{CHECK} --data {'x' * 300}"),
    typed("data: pickled", DATA, _pickled),
    typed("data: a letter that is none", DATA, _data(f"{HEADER}a,AC1D,0101\n{GOOD}")),
    typed("data: NaN as a label", DATA, _data(f'{HEADER}a,ACD,"[0, nan, 1]"\n{GOOD}')),
    typed("data: labels too few", DATA, _data(f"{HEADER}a,ACD,01\n{GOOD}")),
    typed("data: no labels", DATA, _data("id,sequence\na,ACD\n")),
    typed("data: a header alone", DATA, _data(HEADER)),
    typed("data: no binding residue", DATA, _data(f"{HEADER}a,ACD,000\nb,CDE,000\n")),
    typed("base: missing", f"{CHECK} --base {{folder}}/nowhere"),
    typed("base: a file", f"{CHECK} --base study.py"),
    typed("base: no configuration", BASE, _base("config.json", None)),
    typed("base: half a configuration", BASE, _base("config.json", 40)),
    typed("base: a configuration of nothing", BASE, _base("config.json", b"{}")),
    typed("base: no weights", BASE, _base("model.safetensors", None)),
    typed("base: half of the weights", BASE, _base("model.safetensors", 9000)),
    typed("base: zero bytes of weights", BASE, _base("model.safetensors", 0)),
    typed("targets: names that match nothing", "check studies.card_targets"),
    typed("settings: unknown", f"{CHECK} --set learning_rte=1e-3 --set epochs=-1"),
    typed("settings: of a sampled parameter", f"{CHECK} --set rank=3"),
)
