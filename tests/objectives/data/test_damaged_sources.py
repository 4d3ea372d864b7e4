"""Missing, incomplete or unsuitable data sources, and a damaged cache."""

from __future__ import annotations

import gzip
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import datasets
import pytest

from objectives.data.errors import RecordErrors
from objectives.data.formats.source import open_source
from objectives.data.options import DataOptions
from objectives.data.prepare.prepare import prepare
from objectives.data.splits import Splits
from sweep.errors import DataError

CSV = "id,sequence,labels\na,MKV,010\nb,AAC,001\n"
NAN = float("nan")


def read(path: Path) -> tuple[Splits, RecordErrors]:
    """The chains of a source, and its faults."""
    problems = RecordErrors()
    return open_source(str(path)).read(problems), problems


def test_a_compressed_file_cut_short_is_a_fault_of_the_file(tmp_path: Path) -> None:
    """The data decompressed before the end are not used."""
    path = tmp_path / "chains.csv.gz"
    path.write_bytes(gzip.compress(CSV.encode())[:-8])

    splits, problems = read(path)

    assert splits.train == []
    assert problems.files[0].startswith("file must be readable, got 'Compressed file ended")


def dead_link(path: Path) -> None:
    """A symbolic link whose target is missing."""
    path.symlink_to("nowhere.csv")


@pytest.mark.parametrize("inside", [False, True])
@pytest.mark.parametrize(
    ("make", "found"),
    [(Path.mkdir, "a folder"), (dead_link, "a link to nothing"), (os.mkfifo, "a device or a pipe")],
)
def test_a_non_file_named_like_data_is_a_fault(
    tmp_path: Path,
    make: Callable[[Path], None],
    found: str,
    inside: bool,  # noqa: FBT001
) -> None:
    """A folder, a dead link or a pipe beside valid files must not be ignored silently."""
    root = tmp_path / "train" if inside else tmp_path
    root.mkdir(exist_ok=True)
    (root / "good.csv").write_text(CSV)
    make(root / "more.csv")

    with pytest.raises(DataError, match=rf"more\.csv must be a file, got '{found}' \({root}\)"):
        open_source(str(tmp_path))


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("", "data must be a path or a name, got ''"),
        (" ", "data must be a path or a name, got ' '"),
        ("a\0b", r"data must be a path or a name, got 'a\\x00b'"),
        ("~nobody-of-this-name/data", "data must be a path or a name"),
        ("x" * 5000, "data must be a path or a name"),
        ("{tmp}/link", r"data must be a path that exists, .*a link to gone, which is not there"),
        ("{tmp}/link.csv", r"data must be a path that exists, .*a link to gone"),
        ("{tmp}/pipe", "have one of the suffixes"),
        ("{tmp}/pipe.csv", "must be a file, got 'a device or a pipe'"),
        ("{tmp}/gone/data", "be a path that exists"),
        ("{tmp}/file.csv/data", "be a path that exists"),
    ],
)
def test_a_source_that_is_no_data_is_a_fault(tmp_path: Path, source: str, message: str) -> None:
    """Dead links, pipes and text that is no valid path."""
    for name in ("link", "link.csv"):
        (tmp_path / name).symlink_to("gone")
    for name in ("pipe", "pipe.csv"):
        os.mkfifo(tmp_path / name)
    (tmp_path / "file.csv").write_text(CSV)

    with pytest.raises(DataError, match=message) as caught:
        open_source(source.format(tmp=tmp_path))

    assert len(caught.value.faults) == 1


def test_file_names_that_are_no_utf8_are_read_and_shown(tmp_path: Path) -> None:
    """Linux file names are bytes; messages must still be printable."""
    name = os.fsdecode(b"Z\xff_chains.txt")
    (tmp_path / name).write_text("1ABC;A;M1;MKV\n")

    source = open_source(str(tmp_path))
    problems = RecordErrors()
    source.read(problems)

    assert len(source.digest()) == 64
    assert "ligand must be text, got 'Z\\udcff'" in problems.records[0]
    assert "(Z\\udcff_chains.txt, line 1)" in problems.records[0]
    assert problems.records[0].encode()


def test_data_deleted_after_listing_is_a_fault(tokenizer: Any, tmp_path: Path) -> None:
    """Files deleted after the folder was listed: one message from digest and from read."""
    folder = tmp_path / "data"
    folder.mkdir()
    (folder / "a.csv").write_text(CSV)
    (folder / "b.txt").write_text("1ABC;A;M1;MKV\n")
    source = open_source(str(folder))
    shutil.rmtree(folder)
    problems = RecordErrors()

    assert source.read(problems).train == []
    assert len(problems.files) == 2
    assert all("No such file or directory" in text for text in problems.files)
    with pytest.raises(DataError, match=r"data must be readable, got .*No such file.*a\.csv"):
        source.digest()
    with pytest.raises(DataError, match=r"be a path that exists, .*holds nothing"):
        prepare(
            str(folder),
            tokenizer=tokenizer,
            base_limit=9,
            options=DataOptions(),
            cache=tmp_path / "c",
        )


SAVED: dict[str, tuple[Callable[[Path], object], str]] = {
    "no JSON": (lambda f: (f / "dataset_dict.json").write_text("{"), "JSONDecodeError"),
    "other JSON": (lambda f: (f / "dataset_dict.json").write_text("[1]"), "TypeError"),
    "no splits": (lambda f: (f / "dataset_dict.json").write_text("{}"), "KeyError"),
    "split gone": (lambda f: shutil.rmtree(f / "train"), "FileNotFoundError"),
    "state cut short": (lambda f: os.truncate(f / "train" / "state.json", 9), "JSONDecodeError"),
    "state empty": (lambda f: (f / "train" / "state.json").write_text("{}"), "KeyError"),
    "table empty": (lambda f: os.truncate(next(f.glob("train/*.arrow")), 0), "Arrow|Error"),
    "table gone": (lambda f: next(f.glob("train/*.arrow")).unlink(), "FileNotFoundError"),
}


@pytest.mark.parametrize("case", sorted(SAVED))
def test_a_damaged_saved_data_set_is_a_fault(tmp_path: Path, case: str) -> None:
    """Files of ``save_to_disk`` missing, truncated or of another schema."""
    spoil, message = SAVED[case]
    table = datasets.Dataset.from_dict({"sequence": ["MKV"], "labels": ["010"]})
    datasets.DatasetDict(train=table).save_to_disk(tmp_path / "saved")
    spoil(tmp_path / "saved")

    with pytest.raises(DataError, match=rf"load_from_disk reads, got .*({message})") as caught:
        open_source(str(tmp_path / "saved"))

    assert len(caught.value.faults) == 1


def test_damaged_rows_of_a_saved_data_set_are_a_fault_of_the_table(tmp_path: Path) -> None:
    """Invalid UTF-8 in a file of the right size."""
    table = datasets.Dataset.from_dict({"sequence": ["MKVMKVMKVMKV"], "labels": ["010" * 4]})
    table.save_to_disk(tmp_path / "saved")
    arrow = next((tmp_path / "saved").glob("*.arrow"))
    arrow.write_bytes(arrow.read_bytes().replace(b"MKVMKV", b"MK\xffMKV", 1))

    splits, problems = read(tmp_path / "saved")

    assert splits.train == []
    assert problems.files[0].startswith("table must be readable, got \"'utf-8' codec")
    assert problems.files[0].endswith(" (saved, train).")


def test_a_saved_data_set_of_tensors_is_read(tmp_path: Path) -> None:
    """A table saved with NumPy format gives plain numbers."""
    table = datasets.Dataset.from_dict({"sequence": ["MKV"], "labels": [[0, 1, 0]]})
    table.with_format("numpy").save_to_disk(tmp_path / "saved")

    splits, problems = read(tmp_path / "saved")

    assert problems == RecordErrors()
    assert splits.train[0].labels == (0, 1, 0)


@pytest.mark.parametrize("damage", ["cut", "gone", "other JSON", "other kind"])
def test_a_damaged_cache_entry_is_rebuilt(tokenizer: Any, tmp_path: Path, damage: str) -> None:
    """The same data result, and the next load uses the new entry."""
    rows = [f"{'ACDEFGHIKL'[i:] + 'MNPQRSTVWY' * 3 + 'ACDEFGHIKL'[:i]},1\n" for i in range(9)]
    (tmp_path / "train.csv").write_text("sequence,positions\n" + "".join(rows))
    (tmp_path / "validation.csv").write_text("sequence,positions\nWWWWWYYYYYWWWWW,1\n")
    cache = tmp_path / "cache"
    arguments: dict[str, Any] = {
        "tokenizer": tokenizer,
        "base_limit": 1022,
        "options": DataOptions(),
        "cache": cache,
    }
    first = prepare(str(tmp_path), **arguments)
    rows_before = first.train.to_list()  # now: its memory map ends with the file
    (folder,) = cache.iterdir()
    arrow = next((folder / "train").glob("*.arrow"))
    {
        "cut": lambda: os.truncate(arrow, 64),
        "gone": lambda: shutil.rmtree(folder / "validation"),
        "other JSON": lambda: (folder / "entry.json").write_text("[]"),
        "other kind": lambda: (shutil.rmtree(folder), folder.write_text("no folder")),
    }[damage]()

    again = prepare(str(tmp_path), **arguments)

    assert again.train.to_list() == rows_before
    assert again.fingerprint == first.fingerprint
    assert [path.name for path in cache.iterdir()] == [folder.name]


@pytest.mark.parametrize("place", ["file", "file/below"])
def test_a_cache_that_cannot_be_written_is_an_error(
    tokenizer: Any, tmp_path: Path, place: str
) -> None:
    """A file in place of the cache folder."""
    (tmp_path / "file").write_text("")

    with pytest.raises(DataError, match=r"cache must be a folder that can be written, got .*file"):
        prepare(
            "builtin:motifs",
            tokenizer=tokenizer,
            base_limit=1022,
            options=DataOptions(train_chains=5),
            cache=tmp_path / place,
        )
