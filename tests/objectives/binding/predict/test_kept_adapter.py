"""Reading a kept adapter: damaged folders and other bases are refused with all faults at once."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file

from objectives.binding.predict.adapter_folder import read_adapter
from objectives.binding.predict.predictor import Place, Predictor
from objectives.lora.base.checks import Trust
from sweep.errors import SpecError

Spoil = Callable[..., Path]
CPU = Place(device="cpu")


def test_a_kept_adapter_is_read_completely(kept: Any) -> None:
    """Configuration, threshold, base and fingerprint as the trial had them."""
    record = json.loads((kept.folder / "trial.json").read_text())
    read = read_adapter(kept.folder)

    assert read.base == record["base"]
    assert read.fingerprint == record["fingerprints"]["base"]
    assert read.threshold == kept.result.metrics["threshold"]
    assert read.seed == 3
    assert read.config.modules == tuple(sorted(kept.result.details["modules"]))
    assert (read.config.rank, read.config.scale) == (4, 2.0)
    assert len(read.tensors) == 2 * len(read.config.modules) + 2


def test_unknown_entries_are_ignored(spoil: Spoil) -> None:
    """A later lorasweep may record more of a trial."""
    folder = spoil("trial.json", card={"made": "today"})
    (folder / "README.md").write_text("# A card\n")

    assert read_adapter(folder).config.rank == 4


@pytest.mark.parametrize(
    ("name", "entries", "expected"),
    [
        ("trial.json", {"base": None}, "trial.json: base must be the name of a base, got None"),
        ("trial.json", {"threshold": "high"}, "trial.json: threshold must be a probability"),
        ("trial.json", {"threshold": 1.5}, "threshold must be a probability, got 1.5"),
        ("trial.json", {"threshold": float("nan")}, "threshold must be a probability, got nan"),
        ("trial.json", {"fingerprints": {"data": "x"}}, "must be an object that holds the base's"),
        ("trial.json", {"fingerprints": []}, "must be an object that holds the base's, got []"),
        ("trial.json", {"settings": 3}, "trial.json: settings must be an object, got 3"),
        ("trial.json", {"settings": {"ranks": 3}}, "settings.ranks must be one of"),
        ("trial.json", {"settings": {"label_shift": 1}}, "must have been trained on labels in"),
        ("trial.json", {"compute_dtype": 16}, "compute_dtype must be the name of a dtype, got 16"),
        ("trial.json", {"seed": -1}, "seed must be a whole number of 0 or more, got -1"),
        ("adapter_config.json", {"r": "4"}, "adapter_config.json: r must be a whole number of 1"),
        ("adapter_config.json", {"lora_alpha": None}, "lora_alpha must be a number above 0"),
        ("adapter_config.json", {"use_dora": True}, "use_dora must be False, as a sweep keeps it"),
        ("adapter_config.json", {"rank_pattern": {"q": 2}}, "rank_pattern must be {}, as a sweep"),
        ("adapter_config.json", {"bias": "all"}, "bias must be 'none', as a sweep keeps it"),
        ("adapter_config.json", {"peft_type": "IA3"}, "peft_type must be 'LORA'"),
    ],
)
def test_a_broken_record_is_named(
    spoil: Spoil, name: str, entries: dict[str, Any], expected: str
) -> None:
    """With file, entry and rule."""
    folder = spoil(name, **entries)
    with pytest.raises(SpecError) as raised:
        read_adapter(folder)

    assert len(raised.value.faults) == 1
    assert expected in str(raised.value)


def test_all_faults_of_the_records_are_reported_at_once(spoil: Spoil) -> None:
    """Faults of both files, and of the settings."""
    folder = spoil("trial.json", base=3, seed="x", settings={"rank": -1})
    config = json.loads((folder / "adapter_config.json").read_text())
    (folder / "adapter_config.json").write_text(json.dumps({**config, "r": 0}))
    with pytest.raises(SpecError) as raised:
        read_adapter(folder)

    assert len(raised.value.faults) == 4


def remove(*names: str) -> Callable[[Path], None]:
    """A change that removes files."""
    return lambda folder: [(folder / name).unlink() for name in names] and None


def write(name: str, text: str) -> Callable[[Path], None]:
    """A change that writes a file."""
    return lambda folder: (folder / name).write_text(text) and None


def in_parent(folder: Path) -> None:
    """A change that moves the adapter into a subfolder, as in a trial's folder."""
    whole = shutil.move(folder, folder.with_name("own"))
    folder.mkdir()
    shutil.move(whole, folder / "adapter")


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (shutil.rmtree, "--adapter must be an existing folder, got"),
        (remove("trial.json"), "--adapter must be a folder that a trial kept, with trial.json and"),
        (remove("adapter_model.safetensors"), "adapter_model.safetensors or head.safetensors, got"),
        (write("head.safetensors", "x"), "hold either adapter_model.safetensors or head.safetens"),
        (in_parent, "spoilt/adapter."),
        (write("trial.json", "{"), "trial.json must be JSON that can be read"),
        (write("trial.json", "[" * 100_000), "trial.json must be JSON that can be read"),
        (write("trial.json", "[]"), "trial.json must hold a JSON object, got []"),
        (remove("adapter_config.json"), "adapter_config.json must be JSON that can be read"),
        (write("adapter_model.safetensors", "x"), "must be a whole safetensors file"),
    ],
)
def test_an_incomplete_folder_is_refused(
    spoil: Spoil, change: Callable[[Path], object], expected: str
) -> None:
    """If the adapter is in a subfolder, the message names it."""
    folder = spoil()
    change(folder)
    with pytest.raises(SpecError) as raised:
        read_adapter(folder)

    assert expected in str(raised.value)
    assert len(raised.value.faults) == 1


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (
            lambda held: held.pop("base_model.model.classifier.bias"),
            "classifier.bias nothing for 2",
        ),
        (lambda held: held.update(new=torch.ones(3)), "new 3 for nothing"),
        (
            lambda held: held.update({"base_model.model.classifier.weight": torch.ones(3, 32)}),
            "classifier.weight 3x32 for 2x32",
        ),
        (
            lambda held: held.update(
                {"base_model.model.esm.other.lora_A.weight": torch.ones(4, 1)}
            ),
            "no matrix esm.other",
        ),
        (lambda held: [each.fill_(float("nan")) for each in held.values()], "finite numbers only"),
    ],
)
def test_weights_that_do_not_fit_are_refused(
    spoil: Spoil, change: Callable[[dict[str, torch.Tensor]], object], expected: str
) -> None:
    """Missing, unknown, misshapen or non-finite tensors, and tensors of another matrix."""
    folder = spoil()
    held = load_file(folder / "adapter_model.safetensors")
    change(held)
    save_file(held, folder / "adapter_model.safetensors")
    with pytest.raises(SpecError) as raised:
        Predictor(read_adapter(folder), CPU)

    assert expected in str(raised.value)


@pytest.mark.parametrize(
    ("name", "change"),
    [
        ("adapter_model.safetensors", lambda content: content[:-2] + b"\0" + content[-1:]),
        ("adapter_config.json", lambda content: content.replace(b'"r": 4', b'"r": 5')),
    ],
)
def test_a_byte_changed_since_the_trial_wrote_it_is_refused(
    kept: Any, tmp_path: Path, name: str, change: Callable[[bytes], bytes]
) -> None:
    """A number changed by a disk error would enter the predictions unnoticed."""
    folder = shutil.copytree(kept.folder, tmp_path / "changed")
    (folder / name).write_bytes(change((folder / name).read_bytes()))
    with pytest.raises(SpecError, match=f"{name} must have the SHA-256 that trial.json says"):
        read_adapter(folder)


def test_another_base_is_refused_by_its_fingerprint(kept: Any) -> None:
    """The message names both bases; another base of the same shapes would predict nonsense."""
    read = read_adapter(kept.folder)
    place = Place("builtin:esm2-mini", "cpu")
    with pytest.raises(SpecError) as raised:
        Predictor(read, place)

    text = str(raised.value)
    assert f"the one that the adapter was trained on ({read.base}, {read.fingerprint})" in text
    assert "got 'builtin:esm2-mini' (it is " in text


def test_a_moved_base_is_given_by_an_option(tiny_folder: Path, spoil: Spoil) -> None:
    """A copy is the same base; without ``--base`` the message names the option."""
    read = read_adapter(spoil("trial.json", base="/gone/with/the/server"))
    with pytest.raises(SpecError, match="--base must say where the adapter's base is"):
        Predictor(read, CPU)

    assert Predictor(read, Place(str(tiny_folder), "cpu")).base == str(tiny_folder)


def test_an_adapter_cannot_grant_itself_trust(
    kept: Any, spoil: Spoil, tiny_folder: Path, tmp_path: Path
) -> None:
    """The trial's own ``trust_pickle`` is ignored; the reader's option decides."""
    base = shutil.copytree(tiny_folder, tmp_path / "pickled")
    torch.save(load_file(base / "model.safetensors"), base / "pytorch_model.bin")
    (base / "model.safetensors").unlink()
    settings = json.loads((kept.folder / "trial.json").read_text())["settings"]
    folder = spoil("trial.json", base=str(base), settings={**settings, "allow_pickle": True})
    read = read_adapter(folder)

    with pytest.raises(SpecError, match="can run any code when it is read"):
        Predictor(read, CPU)
    with pytest.raises(SpecError, match="be the one that the adapter was trained on"):
        Predictor(read, Place(device="cpu", trust=Trust(pickle=True)))


def test_float16_falls_back_to_float32_on_a_cpu(spoil: Spoil, kept: Any) -> None:
    """CPUs have no fast float16 product."""
    settings = json.loads((kept.folder / "trial.json").read_text())["settings"]
    folder = spoil("trial.json", settings={**settings, "compute_dtype": "float16"})

    assert Predictor(read_adapter(folder), CPU).precision.compute_dtype == torch.float32
