"""Prepared tables in the cache on disk."""

from __future__ import annotations

import os
import shutil
import time
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import datasets
import pytest

from objectives.data.prepare.cache import load_entry, store_entry
from sweep.errors import InputChangedError

if TYPE_CHECKING:
    from pathlib import Path


def tables(value: int = 1) -> dict[str, datasets.Dataset]:
    """Two splits with a given value."""
    return {
        "train": datasets.Dataset.from_dict({"x": [[value] * 3, [2]]}),
        "validation": datasets.Dataset.from_dict({"x": [[value]]}),
    }


def flipped(content: bytes) -> bytes:
    """The same bytes with one bit in the middle flipped."""
    middle = len(content) // 2
    return content[:middle] + bytes([content[middle] ^ 1]) + content[middle + 1 :]


def test_an_entry_is_read_back(tmp_path: Path) -> None:
    """Tables and facts are returned, the tables memory mapped from their final place."""
    store_entry(tmp_path / "key", tables(), {"a": [1]})

    entry = load_entry(tmp_path / "key")

    assert entry is not None
    assert entry.facts == {"a": [1]}
    assert {name: table["x"][0] for name, table in entry.tables.items()} == {
        "train": [1, 1, 1],
        "validation": [1],
    }
    files = [file["filename"] for table in entry.tables.values() for file in table.cache_files]
    assert len(files) == 2
    assert all(file.startswith(str(tmp_path / "key")) for file in files)
    assert [path.name for path in tmp_path.iterdir()] == ["key"]


def test_missing_entry_is_none(tmp_path: Path) -> None:
    """A missing entry is no error."""
    assert load_entry(tmp_path / "key") is None


@pytest.mark.parametrize(
    "damage", ["cut", "flipped", "gone", "no facts", "torn facts", "other facts"]
)
def test_damaged_entry_is_not_used_and_is_replaced(tmp_path: Path, damage: str) -> None:
    """A truncated, changed or missing table, or invalid facts: the entry is written again."""
    folder = tmp_path / "key"
    store_entry(folder, tables(1), {"a": 1})
    arrow = next((folder / "train").glob("*.arrow"))
    {
        "cut": lambda: arrow.write_bytes(arrow.read_bytes()[:-8]),
        "flipped": lambda: arrow.write_bytes(flipped(arrow.read_bytes())),
        "gone": arrow.unlink,
        "no facts": (folder / "entry.json").unlink,
        "torn facts": lambda: (folder / "entry.json").write_text('{"tab'),
        "other facts": lambda: (folder / "entry.json").write_text("[1]"),
    }[damage]()

    assert load_entry(folder) is None
    assert store_entry(folder, tables(2), {"a": 2}).tables["train"]["x"][0] == [2, 2, 2]
    assert [path.name for path in tmp_path.iterdir()] == ["key"]


@pytest.mark.parametrize("change", ["cut", "flipped", "touched", "replaced", "gone"])
def test_a_table_overwritten_while_it_is_read_is_refused(tmp_path: Path, change: str) -> None:
    """Its mapped pages show the new bytes; a deleted or replaced file keeps the old ones."""
    entry = store_entry(tmp_path / "key", tables(), {})
    arrow = next((tmp_path / "key" / "train").glob("*.arrow"))
    content = arrow.read_bytes()
    entry.files.check()
    {
        "cut": lambda: os.truncate(arrow, len(content) - 8),
        "flipped": lambda: arrow.write_bytes(flipped(content)),
        "touched": lambda: os.utime(arrow),
        "replaced": lambda: (
            store_entry(tmp_path / "other", tables(2), {})
            and next((tmp_path / "other" / "train").glob("*.arrow")).replace(arrow)
        ),
        "gone": lambda: shutil.rmtree(tmp_path / "key"),
    }[change]()

    if change in ("cut", "flipped"):
        with pytest.raises(InputChangedError, match=f"{arrow}.*prepared anew"):
            entry.files.check()
    else:
        entry.files.check()
        assert entry.tables["train"]["x"][0] == [1, 1, 1]


def test_failed_write_leaves_nothing_behind(tmp_path: Path) -> None:
    """A partial entry never has the final name."""
    with pytest.raises(TypeError, match="not JSON serializable"):
        store_entry(tmp_path / "key", tables(), {"a": object()})

    assert list(tmp_path.iterdir()) == []


def test_racing_workers_all_get_a_complete_entry(tmp_path: Path) -> None:
    """The first one writes it; the others use it."""
    with ThreadPoolExecutor(4) as pool:
        entries = list(pool.map(lambda _: store_entry(tmp_path / "key", tables(), {}), range(8)))

    assert all(entry.tables["train"]["x"][1] == [2] for entry in entries)
    assert [path.name for path in tmp_path.iterdir()] == ["key"]


def test_progress_bar_settings_are_unchanged(tmp_path: Path) -> None:
    """The sweep draws its own bar; the user's setting stays as it is."""
    datasets.enable_progress_bars()

    store_entry(tmp_path / "key", tables(), {})

    assert not datasets.are_progress_bars_disabled()


def left_behind(cache: Path, name: str, hours: float, inner: float | None = None) -> Path:
    """A partial folder last changed this many hours ago, its table maybe later."""
    folder = cache / name
    (folder / "train").mkdir(parents=True)
    (folder / "train" / "data.arrow").write_bytes(b"half")
    for path in (folder / "train" / "data.arrow", folder / "train", folder):
        age = hours if inner is None or path.suffix != ".arrow" else inner
        then = time.time() - age * 3600
        os.utime(path, (then, then))
    return folder


@pytest.mark.parametrize("name", [".partial-x1", ".broken-x1"])
@pytest.mark.parametrize(
    ("hours", "inner", "removed"),
    [(25, None, True), (23, None, False), (0, None, False), (25, 1, False), (1, 25, False)],
)
def test_leftovers_of_a_killed_worker_are_deleted_after_a_day(
    tmp_path: Path,
    name: str,
    hours: float,
    inner: float | None,
    removed: bool,  # noqa: FBT001
) -> None:
    """A folder changed within a day may still be in use."""
    folder = left_behind(tmp_path, name, hours, inner)

    store_entry(tmp_path / "key", tables(), {})

    assert folder.exists() is not removed
    assert load_entry(tmp_path / "key") is not None


def test_nothing_else_in_the_cache_is_removed(tmp_path: Path) -> None:
    """Neither old entries nor other files."""
    kept = [left_behind(tmp_path, name, 1000) for name in ("abc123", ".hidden", "partial-x")]

    store_entry(tmp_path / "key", tables(), {})

    assert all((folder / "train" / "data.arrow").exists() for folder in kept)


def test_a_dead_link_among_the_leftovers_is_ignored(tmp_path: Path) -> None:
    """It stays, and the entry is written."""
    (tmp_path / ".partial-x").symlink_to("nowhere")

    assert store_entry(tmp_path / "key", tables(), {"a": 1}).facts == {"a": 1}
