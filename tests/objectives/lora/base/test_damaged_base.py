"""A damaged base gives one message per fault, whatever is wrong with it."""

from __future__ import annotations

import json
import os
import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from safetensors.torch import load_file, save_file

from objectives.binding.objective import BindingObjective
from objectives.lora.base.load import Precision, load_base
from objectives.lora.base.source import fingerprint, locate
from objectives.lora.settings import BindingSettings
from sweep.errors import DataError, SpecError
from sweep.study.parameters import Choice
from sweep.study.space import Space
from sweep.study.trial import TrialParams, TrialState, ignore_reports

Make = Callable[..., BindingObjective]
Spoil = Callable[[Path], object]
SHARD = "model-00001-of-00002.safetensors"


@pytest.fixture
def copy(tiny_folder: Path, tmp_path: Path) -> Path:
    """A copy of the tiny base to damage."""
    return Path(shutil.copytree(tiny_folder, tmp_path / "base"))


def edit(**changes: Any) -> Spoil:
    """Changes fields of config.json; None removes one."""

    def spoil(folder: Path) -> None:
        config = json.loads((folder / "config.json").read_text()) | changes
        kept = {name: value for name, value in config.items() if value is not None}
        (folder / "config.json").write_text(json.dumps(kept))

    return spoil


def write(name: str, content: bytes | str) -> Spoil:
    """Replaces a file."""
    data = content.encode() if isinstance(content, str) else content
    return lambda folder: (folder / name).write_bytes(data)


def cut(name: str, size: int) -> Spoil:
    """Truncates a file to its first bytes, or removes as many at its end if negative."""
    return lambda folder: (folder / name).write_bytes((folder / name).read_bytes()[:size])


def gone(*names: str) -> Spoil:
    """Removes files."""
    return lambda folder: [(folder / name).unlink() for name in names]


def as_folder(folder: Path) -> None:
    """A folder in place of the weight file."""
    (folder / "model.safetensors").unlink()
    (folder / "model.safetensors").mkdir()


def link_to_nothing(folder: Path) -> None:
    """A dead link, as in a Hub snapshot whose blobs were deleted."""
    (folder / "model.safetensors").unlink()
    (folder / "model.safetensors").symlink_to("blob")


def sharded(index: str | dict[str, Any]) -> Spoil:
    """One shard, and an index that lists it."""

    def spoil(folder: Path) -> None:
        (folder / "model.safetensors").rename(folder / SHARD)
        text = index if isinstance(index, str) else json.dumps(index)
        (folder / "model.safetensors.index.json").write_text(text)

    return spoil


LOCATED: dict[str, tuple[Spoil, str]] = {
    "empty folder": (
        lambda folder: [path.unlink() for path in folder.iterdir()],
        r"base must hold config\.json, .*\nbase must hold its weights .*it holds nothing",
    ),
    "no config": (gone("config.json"), r"base must hold config\.json, got '.*base'"),
    "config cut short": (cut("config.json", 50), r"config\.json must be a JSON object, got 'Unt"),
    "config empty": (write("config.json", ""), r"config\.json must be a JSON object, got 'Exp"),
    "config a list": (write("config.json", "[1]"), r"be a JSON object, got 'a JSON list'"),
    "config too deep": (write("config.json", "[" * 100_000), "be a JSON object, got 'max"),
    "config in UTF-16": (write("config.json", "{}".encode("utf-16")), "be a JSON object, got .*ut"),
    "no model type": (edit(model_type=None), r"name a model_type that trans.* got None"),
    "unknown model type": (edit(model_type="esm9"), r"name a model_type .* got 'esm9'"),
    "model type a number": (edit(model_type=3), r"name a model_type .* got 3"),
    "no weights": (gone("model.safetensors"), r"hold its weights as model\.\w+ or .*\.json"),
    "weights empty": (write("model.safetensors", ""), r"be a whole weight file, .* too small"),
    "weights cut short": (cut("model.safetensors", -100), "whole weight file, .* not fully cov"),
    "header cut short": (cut("model.safetensors", 50), "whole weight file, .* invalid header"),
    "weights garbage": (
        write("model.safetensors", os.urandom(4096)),
        "model.safetensors must be a",
    ),
    "weights without tensors": (
        lambda folder: save_file({}, folder / "model.safetensors"),
        "whole weight file, got 'ValueError: it holds no tensor'",
    ),
    "weights a folder": (as_folder, "hold its weights as"),
    "weights a dead link": (link_to_nothing, "hold its weights as"),
    "shard without index": (
        lambda folder: (folder / "model.safetensors").rename(folder / SHARD),
        rf"hold its weights as .*it holds config\.json, {SHARD}, tok",
    ),
    "missing shard": (
        sharded({"weight_map": {"a": SHARD, "b": "model-00002-of-00002.safetensors"}}),
        r"hold every weight file that .*index\.json lists, got 'model-00002-of-00002\.\w+ missing'",
    ),
    "many missing shards": (
        sharded({"weight_map": {str(n): f"model-{n}.safetensors" for n in range(9)}}),
        r"got 'model-0\.safetensors, .* and 4 more missing'",
    ),
    "index of nothing": (sharded({"weight_map": {}}), r"index\.json lists, got 'no shard'"),
    "index cut short": (
        sharded('{"weight_map": {'),
        r"index\.json must list the weight files as J",
    ),
    "index of another shape": (sharded({"weight_map": [1]}), "it has no weight_map of file names"),
}
SHAPED: dict[str, tuple[Spoil, str]] = {
    "no vocabulary size": (edit(vocab_size=None), r"give vocab_size as whole numbers, got {'voc"),
    "no padding": (edit(pad_token_id=None), "give pad_token_id as whole numbers"),
    "size as text": (edit(hidden_size="x"), r"config\.json .*'hidden_size' expected int, got str"),
    "uneven heads": (edit(num_attention_heads=5), "not a multiple of the number of attention"),
    "no token classifier": (edit(model_type="vit"), "describes a token classifier, .*ViTConfig"),
    "no vocabulary": (gone("vocab.txt"), r"hold a tokenizer's vocabulary \(tokenizer\.json, vocab"),
    "no tokenizer": (gone("vocab.txt", "tokenizer_config.json"), "hold a tokenizer's vocabulary"),
    "tokenizer cut short": (cut("tokenizer_config.json", 9), "tokenizer that transformers reads"),
    "tokenizer a list": (write("tokenizer_config.json", "[]"), "tokenizer that transformers reads"),
    "unknown tokenizer": (
        write("tokenizer_config.json", '{"tokenizer_class": "NoTokenizer"}'),
        r"tokenizer that transformers reads, .*ValueError",
    ),
    "vocabulary of bytes": (
        write("vocab.txt", b"\xff\xfe\x00"),
        "tokenizer that tr.* can't decode",
    ),
    "vocabulary empty": (write("vocab.txt", ""), "write one token per residue"),
    "vocabulary too short": (cut("vocab.txt", 40), "write one token per residue"),
    "vocabulary too long": (
        lambda folder: write(
            "vocab.txt", (folder / "vocab.txt").read_text().replace("<mask>", "a\nb\n<mask>")
        )(folder),
        r"hold no more tokens than the base has embeddings \(33\), got 34",
    ),
    "no padding token": (
        write("tokenizer_config.json", '{"tokenizer_class": "EsmTokenizer", "pad_token": null}'),
        "tokenizer must have a padding token, got None",
    ),
    "too few positions": (edit(max_position_embeddings=2), "base_limit must be at least 1 residue"),
}
CASES = LOCATED | SHAPED


def one_sentence_each(error: SpecError | DataError, folder: Path) -> None:
    """Each fault reads "... must ..., got ...", names the file and contains no traceback."""
    for text in error.faults:
        assert re.match(r"[\w. ]+ must .+, got .+\.$", text), text
        assert "\n" not in text
        assert len(text) < 600
    assert any(str(folder) in text for text in error.faults) or "base_limit" in str(error)


@pytest.mark.parametrize("case", sorted(CASES))
def test_an_incomplete_base_is_refused_before_any_trial(
    make_objective: Make, copy: Path, case: str
) -> None:
    """Neither ``facts`` nor ``check`` raises a library's own error."""
    spoil, message = CASES[case]
    spoil(copy)
    inputs = {"base": str(copy)}
    calls: tuple[Callable[[], object], ...] = (
        lambda: make_objective(inputs).facts(),
        lambda: make_objective(inputs).check(Space({"rank": Choice(1)}), []),
    )

    for call in calls:
        with pytest.raises((SpecError, DataError), match=message) as caught:
            call()
        one_sentence_each(caught.value, copy)


@pytest.mark.parametrize("case", sorted(LOCATED))
def test_every_access_to_a_base_checks_it(copy: Path, case: str) -> None:
    """Locating, fingerprinting and loading report the same fault."""
    spoil, message = LOCATED[case]
    spoil(copy)
    precision = Precision.from_settings(BindingSettings(device="cpu"))
    calls: tuple[Callable[[], object], ...] = (
        lambda: locate(str(copy)),
        lambda: fingerprint(copy),
        lambda: load_base(copy, precision),
    )

    for call in calls:
        with pytest.raises(SpecError, match=message):
            call()


def test_a_sharded_base_is_the_same_model(copy: Path) -> None:
    """Large models have several weight files; the index is read."""
    precision = Precision.from_settings(BindingSettings(device="cpu", quantization="none"))
    whole = load_base(copy, precision).model.state_dict()
    weights = load_file(copy / "model.safetensors")
    (copy / "model.safetensors").unlink()
    names = sorted(weights)
    shards = {"model-1.safetensors": names[:9], "model-2.safetensors": names[9:]}
    for shard, held in shards.items():
        save_file({n: weights[n] for n in held}, copy / shard, metadata={"format": "pt"})
    placed = {name: shard for shard, held in shards.items() for name in held}
    index = {"metadata": {}, "weight_map": placed}
    (copy / "model.safetensors.index.json").write_text(json.dumps(index))

    parts = load_base(copy, precision).model.state_dict()

    encoder = [name for name in whole if not name.startswith("classifier")]
    assert all(parts[name].equal(whole[name]) for name in encoder)
    first = fingerprint(copy)
    (copy / "model-2.safetensors").write_bytes((copy / "model-1.safetensors").read_bytes())
    assert fingerprint(copy) != first


@pytest.mark.parametrize(
    ("base", "message"),
    [
        ("", "base must be a path or a name, got ''"),
        ("  ", "base must be a path or a name, got '  '"),
        ("a\0b", "base must be a path or a name, got 'a\\\\x00b'"),
        ("~nobody-of-this-name/base", "base must be a path or a name"),
        ("/" + "x" * 5000, "base must be a path or a name"),
        ("/no/such/folder", "base must be an existing folder"),
        ("{file}", "base must be a folder, got .* Give the folder that holds config.json"),
        ("{link}", "base must be an existing folder"),
    ],
)
def test_a_path_that_is_no_folder_is_refused(tmp_path: Path, base: str, message: str) -> None:
    """Files, dead links and text that is no valid path."""
    (tmp_path / "model.safetensors").write_bytes(b"weights")
    (tmp_path / "link").symlink_to("nowhere")
    places = {"file": tmp_path / "model.safetensors", "link": tmp_path / "link"}

    with pytest.raises(SpecError, match=message):
        locate(base.format(**places))


def test_all_faults_of_a_base_are_reported_at_once(copy: Path) -> None:
    """Three damaged files give three messages."""
    edit(model_type="esm9")(copy)
    write("tokenizer_config.json", '{"auto_map": {"AutoTokenizer": ["x.Y", null]}}')(copy)
    cut("model.safetensors", 50)(copy)

    with pytest.raises(SpecError, match="esm9") as caught:
        locate(str(copy))

    assert [text.split(" must ")[0] for text in caught.value.faults] == [
        "config.json",
        "base",
        "model.safetensors",
    ]


def test_a_base_deleted_after_facts_fails_the_trial_with_a_reason(
    make_objective: Make, copy: Path
) -> None:
    """The trial has a failed result with a message that the folder is missing."""
    objective = make_objective({"base": str(copy)}, steps=1)
    objective.facts()
    shutil.rmtree(copy)

    (result,) = objective.run([TrialParams(4, {"rank": 1})], ignore_reports)

    assert (result.number, result.state, result.value) == (4, TrialState.FAIL, None)
    assert result.failure is not None
    assert (result.failure.reason, result.failure.kind) == ("exception", "InputChangedError")
    assert "base must stay what it was while it is read" in result.failure.message
    assert str(copy) in result.failure.message


def test_data_deleted_before_the_first_trial_fails_it_with_a_reason(
    make_objective: Make, tiny_data: Path, tmp_path: Path
) -> None:
    """A worker on another machine reads the data again; the failure says they are missing."""
    data = Path(shutil.copytree(tiny_data, tmp_path / "data"))
    make_objective({"data": str(data)}).facts()
    shutil.rmtree(data)

    worker = make_objective({"data": str(data)}, steps=1)
    (result,) = worker.run([TrialParams(0, {"rank": 1})], ignore_reports)

    assert (result.state, result.value) == (TrialState.FAIL, None)
    assert result.failure is not None
    assert result.failure.kind == "DataError"
    assert "data must be a path that exists, builtin:motifs, or" in result.failure.message
    assert "Correct the path" in result.failure.message


def test_data_deleted_after_facts_has_no_effect(
    make_objective: Make, tiny_data: Path, tmp_path: Path
) -> None:
    """The prepared data are in the cache, which the process has open."""
    data = Path(shutil.copytree(tiny_data, tmp_path / "data"))
    objective = make_objective({"data": str(data)}, steps=1)
    objective.facts()
    shutil.rmtree(data)

    (result,) = objective.run([TrialParams(0, {"rank": 1})], ignore_reports)

    assert result.state is TrialState.COMPLETE


def test_a_base_damaged_after_facts_fails_the_trial_with_a_reason(
    make_objective: Make, copy: Path
) -> None:
    """As if the disk became full while the base was copied again."""
    objective = make_objective({"base": str(copy)}, steps=1)
    objective.facts()
    cut("model.safetensors", -1)(copy)

    (result,) = objective.run([TrialParams(0, {"rank": 1})], ignore_reports)

    assert result.failure is not None
    assert "model.safetensors must be a whole weight file" in result.failure.message


@pytest.mark.parametrize("other", [True, False])
def test_another_base_put_in_its_place_after_facts_is_refused(
    make_objective: Make, copy: Path, *, other: bool
) -> None:
    """A copy of the same base is accepted."""
    objective = make_objective({"base": str(copy)}, steps=1)
    before = objective.facts().fingerprints["base"]
    weights = load_file(copy / "model.safetensors")
    if other:
        next(iter(weights.values()))[0] += 1
        save_file(weights, copy / "model.safetensors")
    else:
        shutil.copy(copy / "model.safetensors", copy / "again")
        (copy / "again").replace(copy / "model.safetensors")

    (result,) = objective.run([TrialParams(0, {"rank": 1})], ignore_reports)

    if other:
        assert result.failure is not None
        assert f"base must stay what it was while it is read ({before})" in result.failure.message
    else:
        assert result.state is TrialState.COMPLETE


def test_the_real_esm2_with_a_cut_weight_file_is_refused(shared: Path, tmp_path: Path) -> None:
    """As after a download that ended one byte early."""
    copy = Path(shutil.copytree(shared / "models" / "esm2_t6_8m", tmp_path / "esm2"))
    (copy / "model.safetensors").chmod(0o644)
    assert locate(str(copy)) == copy
    os.truncate(copy / "model.safetensors", (copy / "model.safetensors").stat().st_size - 1)

    with pytest.raises(SpecError, match=r"model\.safetensors must be a whole weight file"):
        locate(str(copy))
