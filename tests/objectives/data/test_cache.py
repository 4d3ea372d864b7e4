"""Prepared tables on disk."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import datasets
import pytest

from objectives.data.cache import load_entry, store_entry

if TYPE_CHECKING:
    from pathlib import Path


def tables(value: int = 1) -> dict[str, datasets.Dataset]:
    """Two splits that carry a value."""
    return {
        "train": datasets.Dataset.from_dict({"x": [[value] * 3, [2]]}),
        "validation": datasets.Dataset.from_dict({"x": [[value]]}),
    }


def test_entry_is_read_back(tmp_path: Path) -> None:
    """Tables and facts come back, the tables memory mapped from their final place."""
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
    """Nothing there is no error."""
    assert load_entry(tmp_path / "key") is None


@pytest.mark.parametrize("damage", ["cut", "gone", "no facts", "torn facts"])
def test_damaged_entry_is_not_used_and_is_replaced(tmp_path: Path, damage: str) -> None:
    """A table cut short or gone, or facts that are no JSON: written anew."""
    folder = tmp_path / "key"
    store_entry(folder, tables(1), {"a": 1})
    arrow = next((folder / "train").glob("*.arrow"))
    {
        "cut": lambda: arrow.write_bytes(arrow.read_bytes()[:-8]),
        "gone": arrow.unlink,
        "no facts": (folder / "entry.json").unlink,
        "torn facts": lambda: (folder / "entry.json").write_text('{"tab'),
    }[damage]()

    assert load_entry(folder) is None
    assert store_entry(folder, tables(2), {"a": 2}).tables["train"]["x"][0] == [2, 2, 2]
    assert [path.name for path in tmp_path.iterdir()] == ["key"]


def test_failed_write_leaves_nothing_behind(tmp_path: Path) -> None:
    """Half an entry is never seen under the final name."""
    with pytest.raises(TypeError, match="not JSON serializable"):
        store_entry(tmp_path / "key", tables(), {"a": object()})

    assert list(tmp_path.iterdir()) == []


def test_racing_workers_all_get_a_sound_entry(tmp_path: Path) -> None:
    """Whoever is first writes it; the others use it."""
    with ThreadPoolExecutor(4) as pool:
        entries = list(pool.map(lambda _: store_entry(tmp_path / "key", tables(), {}), range(8)))

    assert all(entry.tables["train"]["x"][1] == [2] for entry in entries)
    assert [path.name for path in tmp_path.iterdir()] == ["key"]


def test_progress_bars_stay_as_they_were(tmp_path: Path) -> None:
    """The sweep draws its own bar; the user's setting is not touched."""
    datasets.enable_progress_bars()

    store_entry(tmp_path / "key", tables(), {})

    assert not datasets.are_progress_bars_disabled()
