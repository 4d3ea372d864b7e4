"""Archives of input files and folders: unpacked completely, or not at all."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from threading import Thread

import pytest

from sweep.workers.ray import archive as archive_module
from sweep.workers.ray.archive import InputArchive, unpack


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """A folder with subfolders, an empty file, and links to other files and folders."""
    elsewhere = tmp_path / "blobs"
    (elsewhere / "more").mkdir(parents=True)
    (elsewhere / "more" / "deep.txt").write_text("deep")
    (elsewhere / "blob").write_bytes(bytes(range(256)) * 300)
    folder = tmp_path / "source"
    (folder / "train").mkdir(parents=True)
    (folder / "train" / "ATP — β.txt").write_text("1abc;A;K1;K\n")
    (folder / "empty").touch()
    (folder / "model.safetensors").symlink_to(elsewhere / "blob")
    (folder / "linked").symlink_to(elsewhere / "more")
    (folder / "round").symlink_to(folder)
    return folder


def sent(path: Path) -> tuple[InputArchive, str, list[bytes]]:
    """An archive, its digest, and its stream."""
    expected = InputArchive.at(path)
    assert expected is not None
    chunks: list[bytes] = []
    expected.send(chunks.append)
    return expected, expected.digest(), chunks


def held(folder: Path) -> dict[str, bytes]:
    """The content of every file by name."""
    found = InputArchive.at(folder)
    assert found is not None
    return {name: (folder / name).read_bytes() for name in found.sizes}


def unread() -> Iterator[bytes]:
    """A stream that must not be read."""
    raise AssertionError("it was sent for again")
    yield b""


def test_a_folder_is_sent_with_its_links_targets(
    source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In many chunks; a link to a parent is followed once."""
    monkeypatch.setattr(archive_module, "CHUNK_BYTES", 1000)
    expected, digest, chunks = sent(source)
    place = unpack(expected, digest, chunks, tmp_path / "cache")

    assert len(chunks) > 5
    assert max(map(len, chunks)) <= 10240  # tar's own block
    assert place.name == source.name
    assert held(place) == held(source)
    assert set(held(place)) == {
        "train/ATP — β.txt",
        "empty",
        "model.safetensors",
        "linked/deep.txt",
    }
    assert not any(path.is_symlink() for path in place.rglob("*"))


def test_a_file_keeps_its_name(source: Path, tmp_path: Path) -> None:
    """It may contain a ligand or a format."""
    file = source / "train" / "ATP — β.txt"
    place = unpack(*sent(file), tmp_path / "cache")

    assert place.name == file.name
    assert place.read_bytes() == file.read_bytes()


def test_a_copy_is_reused_and_a_damaged_one_is_made_again(source: Path, tmp_path: Path) -> None:
    """A killed process's partial copy does not interfere."""
    expected, digest, chunks = sent(source)
    (tmp_path / "cache" / f"{digest}.partial" / "source").mkdir(parents=True)
    place = unpack(expected, digest, chunks, tmp_path / "cache")
    assert unpack(expected, digest, unread(), tmp_path / "cache") == place
    (place / "model.safetensors").write_bytes(b"short")
    assert unpack(expected, digest, chunks, tmp_path / "cache") == place
    assert held(place) == held(source)
    assert sorted(path.name for path in (tmp_path / "cache").iterdir()) == [
        digest,
        f"{digest}.lock",
    ]


def test_concurrent_workers_unpack_once(source: Path, tmp_path: Path) -> None:
    """The others wait and use the copy."""
    expected, digest, chunks = sent(source)
    streams: list[int] = []

    def stream(number: int) -> Iterator[bytes]:
        streams.append(number)
        yield from chunks

    workers = [
        Thread(target=unpack, args=(expected, digest, stream(n), tmp_path / "cache"))
        for n in range(8)
    ]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()

    assert len(streams) == 1
    assert held(tmp_path / "cache" / digest / "source") == held(source)


def test_an_altered_archive_is_refused(source: Path, tmp_path: Path) -> None:
    """Nothing of it is left."""
    expected, digest, _ = sent(source)
    (source / "train" / "ATP — β.txt").write_text("1abc;A;R1;R\n")  # of the same length
    chunks: list[bytes] = []
    expected.send(chunks.append)
    with pytest.raises(OSError, match="changed while it was sent"):
        unpack(expected, digest, chunks, tmp_path / "cache")
    assert not (tmp_path / "cache" / digest).exists()


def test_equal_names_and_sizes_count_as_present(source: Path) -> None:
    """Contents are not compared."""
    expected, _, _ = sent(source)
    assert expected.is_here()
    (source / "empty").write_text("x")
    assert not expected.is_here()
    assert InputArchive.at(source / "nothing") is None
