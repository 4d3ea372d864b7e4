"""Bases with other tokenizers than ESM-2's, from ``check`` to ``predict``."""

from __future__ import annotations

import csv
import json
import re
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import protein_tokenizers as made
import pytest
import torch
from encoders import classifier_of, config_of
from protein_models import MODELS, save
from sklearn.metrics import matthews_corrcoef
from tiers import first
from tokenizers import Tokenizer

from objectives.binding.objective import BindingObjective
from objectives.data.prepare.alphabet import Alphabet
from objectives.lora.base import config as blueprint
from objectives.lora.base.config import base_limit, load_config, load_tokenizer
from objectives.lora.training.inputs import Inputs
from sweep.cli import main
from sweep.errors import SpecError
from sweep.study.parameters import Choice
from sweep.study.space import Space

WRITTEN = {
    "ProtBERT": "one per residue, written as 'M K T', 1 before and 1 after, J read as [UNK]",
    "SaProt": "one per residue, written as 'M#K#T#', 1 before and 1 after, B read as <unk>, "
    "J read as <unk>, O read as <unk>, U read as <unk>, X read as <unk>, Z read as <unk>",
    "ProtT5, dropping": "one per residue, written as 'M K T', 0 before and 1 after, "
    "J read as <unk>",
    "Ankh": "one per residue, written as 'MKT', 0 before and 1 after, J read as <unk>",
}
ENCODERS = (
    "bert", "albert", "big_bird", "camembert", "convbert", "data2vec-text", "electra", "ernie",
    "layoutlm", "layoutlmv3", "lilt", "longformer", "luke", "markuplm", "mobilebert", "mpnet",
    "rembert", "roberta", "roberta-prelayernorm", "xlm-roberta", "xlm-roberta-xl", "xmod",
)  # fmt: skip
STUDY = """
from sweep import Budget, Choice, Sampler, Space, StudySpec, TargetSets

STUDY = StudySpec(
    name="small",
    objective="objectives.binding.objective:BindingObjective",
    space=Space({{"rank": Choice(2, 4), "targets": TargetSets("all-linear")}}),
    sampler=Sampler("grid"),
    settings={{
        "device": "cpu", "compute_dtype": "float32", "learning_rate": 1e-2, "steps": 60,
        "batch_tokens": 512, "train_metric_chains": 0,
    }},
    inputs={inputs!r},
    budget=Budget(trials=2),
)
"""


@pytest.mark.parametrize(
    ("name", "named", "limit"),
    [
        ("ProtBERT", 1e30, 510),  # number of positions
        ("ProtBERT", 100, 98),
        ("ProtT5, dropping", int(1e30), 1023),  # neither file gives a length
        ("ProtT5, dropping", 512, 511),
        ("Ankh", 2048, 2047),
        ("SaProt", 1e30, 1022),  # positions begin after the padding index
    ],
)
def test_a_window_is_as_long_as_base_and_tokenizer_allow(
    tmp_path: Path, name: str, named: float, limit: int
) -> None:
    """In residues: special tokens count, and their number is read from the tokenizer."""
    save(name, tmp_path, model_max_length=named)

    assert base_limit(load_config(tmp_path), load_tokenizer(tmp_path)) == limit


@pytest.mark.parametrize("name", ENCODERS)
def test_a_window_is_no_longer_than_the_table_of_positions(tmp_path: Path, name: str) -> None:
    """Also of encoders that count positions from their padding index on."""
    save("ProtBERT", tmp_path)
    tokenizer, config = load_tokenizer(tmp_path), config_of(name)
    (table, *_) = (
        module
        for path, module in classifier_of(config).named_modules()
        if path.endswith("position_embeddings") and isinstance(module, torch.nn.Embedding)
    )
    first = 0 if table.padding_idx is None else table.padding_idx + 1

    assert base_limit(config, tokenizer) == table.num_embeddings - first - 2


@pytest.mark.parametrize("name", first(2, WRITTEN))
def test_check_reports_how_residues_are_written(
    make_objective: Callable[..., BindingObjective], tmp_path: Path, name: str
) -> None:
    """In one line."""
    save(name, tmp_path)
    report = make_objective({"base": str(tmp_path)}).check(Space({"rank": Choice(1)}), [])

    assert report["base"]["tokens"] == WRITTEN[name]
    assert report["targets"][0]["count"] == 4  # query and value of two layers


def test_a_tokenizer_json_is_read_as_saved(tmp_path: Path) -> None:
    """Transformers would build another tokenizer from its vocabulary: unknown token first."""
    save("Ankh", tmp_path)
    other = made.ankh_named_t5(tmp_path)
    sequence = "MKTAYIAKQR"
    tokenizer = load_tokenizer(tmp_path)
    written = Tokenizer.from_file(str(tmp_path / "tokenizer.json"))

    assert other(sequence)["input_ids"][0] == other.unk_token_id
    assert tokenizer(sequence)["input_ids"] == written.encode(sequence).ids
    assert Alphabet.of(tokenizer).encode_window(sequence).tolist() == written.encode(sequence).ids
    assert tokenizer.pad_token_id == 0


def test_a_sentencepiece_file_is_read_if_its_package_is_installed(tmp_path: Path) -> None:
    """ProtT5 has such a file; the ids equal those of its own library."""
    library = pytest.importorskip("sentencepiece")
    save("ProtT5, dropping", tmp_path)
    (tmp_path / "tokenizer.json").unlink()
    rng, lines = np.random.default_rng(0), tmp_path / "lines.txt"
    letters = list("ACDEFGHIKLMNPQRSTVWYXBUZO")
    lines.write_text("\n".join(" ".join(rng.choice(letters, 50)) for _ in range(300)))
    library.SentencePieceTrainer.train(
        input=str(lines), model_prefix=str(tmp_path / "spiece"), vocab_size=54, pad_id=0,
        eos_id=1, unk_id=2, bos_id=-1, hard_vocab_limit=False, minloglevel=2,
    )  # fmt: skip
    config = json.loads((tmp_path / "config.json").read_text())
    (tmp_path / "config.json").write_text(json.dumps({**config, "vocab_size": 200}))
    alphabet = Alphabet.of(load_tokenizer(tmp_path))
    own = library.SentencePieceProcessor(model_file=str(tmp_path / "spiece.model"))

    assert alphabet.encode_window("MKTAYX").tolist() == [*own.encode("M K T A Y X"), 1]


def test_a_sentencepiece_file_without_its_package_names_the_package(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The message also offers a file format that needs no package."""
    monkeypatch.setattr(blueprint, "is_sentencepiece_available", lambda: False)
    save("ProtT5, dropping", tmp_path)
    assert Alphabet.of(load_tokenizer(tmp_path)).before == ()
    (tmp_path / "tokenizer.json").unlink()
    (tmp_path / "spiece.model").write_bytes(b"\x0a\x0e\x0a\x05")

    with pytest.raises(SpecError, match=r"pip install lorasweep\[sentencepiece\]; or save the tok"):
        load_tokenizer(tmp_path)


def test_label_shift_needs_a_token_before_the_first_residue(
    make_objective: Callable[..., BindingObjective],
    make_inputs: Callable[..., Inputs],
    tmp_path: Path,
) -> None:
    """Refused as a setting, in the space, in a baseline and in a trial."""
    save("Ankh", tmp_path)
    places, rank = {"base": str(tmp_path)}, {"rank": Choice(1)}
    ways: dict[str, Callable[[], Any]] = {
        "setting": lambda: make_objective(places, label_shift=1).check(Space(rank), []),
        "space": lambda: make_objective(places).check(
            Space({**rank, "label_shift": Choice(0, 1)}), []
        ),
        "baseline": lambda: make_objective(places).check(Space(rank), [{"label_shift": 1}]),
        "trial": lambda: make_inputs(tmp_path).shifted_splits,
    }
    for way in ways.values():
        with pytest.raises(SpecError, match="label_shift must be 0 for a base that reads no token"):
            way()
    make_objective(places).check(Space({**rank, "label_shift": Choice(0)}), [])


@pytest.mark.slow
@pytest.mark.parametrize("name", ["ProtT5, dropping", "SaProt"])
def test_a_study_of_another_protein_model_runs_from_check_to_predict(
    name: str,
    tiny_data: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Predictions equal the trial's own, also over several windows, and the model card's code's."""
    base, out = tmp_path / "base", tmp_path / "adapter"
    base.mkdir()
    save(name, base, model_max_length=40)
    inputs = {"data": str(tiny_data), "base": str(base), "cache": str(tmp_path / "cache")}
    monkeypatch.chdir(tmp_path)
    capsys.readouterr()
    (tmp_path / "small.py").write_text(STUDY.format(inputs=inputs))
    url = f"sqlite:///{tmp_path}/study.db"

    def ran(*arguments: str) -> Any:
        assert main([*arguments, "--json"]) == 0
        return json.loads(capsys.readouterr().out)

    assert ran("check", "small.py")["base"]["tokens"] == WRITTEN[name]
    ran("run", "small.py", "--storage", url, "--workers", "1")
    report = ran("adapters", "export", "--storage", url, "--trial", "best", "--out", str(out))
    chains = validation(tiny_data)
    fasta = "".join(f">{key}\n{sequence}\n" for key, (sequence, _) in chains.items())
    (tmp_path / "chains.fasta").write_text(fasta)
    ran("predict", "--adapter", str(out), "--out", "found.tsv", "chains.fasta")
    found = predicted(tmp_path / "found.tsv")

    labels = np.concatenate([labels for _, labels in chains.values()])
    chosen = np.concatenate([found[key] for key in chains]) > 0.5
    assert max(len(sequence) for sequence, _ in chains.values()) > 40
    assert report["value"] == pytest.approx(matthews_corrcoef(labels, chosen), abs=1e-12)
    assert report["value"] > 0.3  # misaligned labels would score about 0
    short = {key: sequence for key, (sequence, _) in chains.items() if len(sequence) < 38}
    monkeypatch.chdir(out)
    binding = the_cards_code(out)
    for key, sequence in short.items():
        np.testing.assert_allclose(binding(sequence).numpy(), found[key], atol=1e-5)
    assert MODELS[name].rows == name.startswith("ProtT5")


def validation(data: Path) -> dict[str, tuple[str, list[int]]]:
    """Sequences and labels of the validation chains; both ligands' sites united."""
    chains: dict[str, tuple[str, list[int]]] = {}
    with (data / "validation.csv").open(newline="") as file:
        for row in csv.DictReader(file):
            labels = [int(each) for each in row["labels"]]
            _, known = chains.get(row["id"], ("", [0] * len(labels)))
            united = [max(pair) for pair in zip(labels, known, strict=True)]
            chains[row["id"]] = row["sequence"], united
    return chains


def predicted(path: Path) -> dict[str, list[float]]:
    """Probabilities of each chain."""
    found: dict[str, list[float]] = {}
    for line in path.read_text().splitlines()[1:]:
        row = line.split("\t")
        found.setdefault(row[0], []).append(float(row[3]))
    return found


def the_cards_code(out: Path) -> Callable[[str], Any]:
    """The function in the model card, which only knows its folder."""
    card = (out / "README.md").read_text(encoding="utf-8")
    (code, *_) = re.findall(r"^```python\n(.*?)^```$", card, flags=re.DOTALL | re.MULTILINE)
    names: dict[str, Any] = {}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        exec(code, names)  # noqa: S102  # as a reader of the card would
    return names["binding"]  # type: ignore[no-any-return]
