"""Fetching pinned files from a real HTTP server."""

from __future__ import annotations

import hashlib
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from file_server import Files, serving

from objectives.data.tools.fetch import Collection, Pinned, collection, fetch
from sweep.errors import DataError, UsageError

CONTENT = {"train/A_x.txt": b"first file\n" * 30_000, "test/A_y.txt": b"second file\n" * 3_000}


@pytest.fixture
def files(tmp_path: Path) -> Iterator[Files]:
    """A server of the content, under other names."""
    root = tmp_path / "served"
    root.mkdir()
    for path, data in CONTENT.items():
        (root / Path(path).name).write_bytes(data)
    with serving(root) as found:
        yield found


@pytest.fixture
def wanted(files: Files) -> Collection:
    """The same files, pinned by digest."""
    pinned = (
        Pinned(path, Path(path).name, len(data), hashlib.sha256(data).hexdigest())
        for path, data in CONTENT.items()
    )
    return Collection("some", "some files", files.url, tuple(pinned))


def held(folder: Path) -> dict[str, bytes]:
    """The content of a folder."""
    paths = (path for path in folder.rglob("*") if path.is_file())
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in paths}


def test_files_are_fetched_verified_and_not_fetched_again(
    wanted: Collection, files: Files, tmp_path: Path
) -> None:
    """The second time nothing is requested; the reported bytes add up both times."""
    out = tmp_path / "out"
    sizes: list[int] = []

    first = fetch(wanted, out, tell=sizes.append)
    second = fetch(wanted, out, tell=sizes.append)

    assert held(out) == CONTENT
    assert (first["fetched"], second["fetched"]) == (2, 0)
    assert len(files.asked) == 2
    assert sum(sizes) == 2 * wanted.size
    assert {path.name for path in tmp_path.iterdir()} == {"out", "served", ".out.lock"}


def test_only_a_missing_file_is_fetched(wanted: Collection, files: Files, tmp_path: Path) -> None:
    """The other one exists."""
    out = tmp_path / "out"
    (out / "train").mkdir(parents=True)
    (out / "train" / "A_x.txt").write_bytes(CONTENT["train/A_x.txt"])

    report = fetch(wanted, out)

    assert held(out) == CONTENT
    assert report["fetched"] == 1
    assert files.asked == ["A_y.txt"]
    assert not (tmp_path / "out.part").exists()


def test_temporary_errors_are_retried(
    wanted: Collection, files: Files, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    """A broken connection, then a busy server; nothing is printed."""
    files.cut = [70_000, len(CONTENT["train/A_x.txt"])]
    sizes: list[int] = []

    def record(size: int) -> None:
        sizes.append(size)
        files.errors = [503] if len(sizes) == 2 else []

    fetch(wanted, tmp_path / "out", tell=record)

    assert held(tmp_path / "out") == CONTENT
    assert files.asked == ["A_x.txt", "A_x.txt", "A_y.txt", "A_y.txt"]
    assert sum(sizes) == wanted.size
    assert capfd.readouterr() == ("", "")


def test_an_interrupted_command_keeps_the_files_it_completed(
    wanted: Collection, files: Files, tmp_path: Path
) -> None:
    """Beside the folder, which appears only when it is complete."""
    out = tmp_path / "out"

    def interrupted(size: int) -> None:
        if size:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fetch(wanted, out, tell=interrupted)
    assert not out.exists()
    sizes: list[int] = []
    fetch(wanted, out, tell=sizes.append)

    assert held(out) == CONTENT
    assert files.asked == ["A_x.txt", "A_y.txt"]
    assert sum(sizes) == wanted.size


@pytest.mark.parametrize("there", [False, True])
def test_a_partial_download_is_never_used(
    wanted: Collection, tmp_path: Path, *, there: bool
) -> None:
    """Under the file's name or another: it is fetched in full, and no other file is left."""
    growing = tmp_path / "out.part" / "train"
    growing.mkdir(parents=True)
    (growing / "A_x.txt").write_bytes(CONTENT["train/A_x.txt"][:5000])
    (growing / "tmp1234").write_bytes(CONTENT["train/A_x.txt"][:5000])
    if there:
        (tmp_path / "out").mkdir()

    fetch(wanted, tmp_path / "out")

    assert held(tmp_path / "out") == CONTENT
    assert not (tmp_path / "out.part").exists()


def test_a_killed_download_starts_again(wanted: Collection, files: Files, tmp_path: Path) -> None:
    """SIGKILL in the middle of a file leaves no folder, and the next command fetches all."""
    files.stop_after = 70_000
    code = (
        "import sys\nfrom pathlib import Path\n"
        "from objectives.data.tools.fetch import Collection, Pinned, fetch\n"
        f"fetch({wanted!r}, Path('out'))"
    )
    with subprocess.Popen([sys.executable, "-c", code], cwd=tmp_path) as command:
        assert files.stopped.wait(60)
        command.kill()
    left = [path for path in (tmp_path / "out.part").rglob("*") if path.is_file()]
    files.stop_after = None
    files.go_on.set()

    assert not (tmp_path / "out").exists()
    assert left
    fetch(wanted, tmp_path / "out")
    assert held(tmp_path / "out") == CONTENT


@pytest.mark.parametrize("spoil", [b"X" * len(CONTENT["test/A_y.txt"]), b"short", b"Y" * 90_000])
def test_a_file_that_does_not_match_its_digest_is_refused(
    wanted: Collection, files: Files, tmp_path: Path, spoil: bytes
) -> None:
    """Of the same size, shorter or longer: it never gets the file's name."""
    (files.root / "A_y.txt").write_bytes(spoil)

    with pytest.raises(DataError, match=re.escape(f"{files.url}A_y.txt must be ")):
        fetch(wanted, tmp_path / "out")

    assert not (tmp_path / "out").exists()


def test_another_file_of_that_name_is_left_unchanged(
    wanted: Collection, files: Files, tmp_path: Path
) -> None:
    """It may be a user's own."""
    mine = tmp_path / "out" / "train" / "A_x.txt"
    mine.parent.mkdir(parents=True)
    mine.write_bytes(b"mine")

    with pytest.raises(DataError, match=r"A_x.txt must be the pinned file, got .*Remove it"):
        fetch(wanted, tmp_path / "out")

    assert mine.read_bytes() == b"mine"
    assert not files.asked


def test_a_missing_url_is_an_error_at_once(
    wanted: Collection, files: Files, tmp_path: Path
) -> None:
    """Retrying would not help."""
    (files.root / "A_x.txt").unlink()

    with pytest.raises(DataError, match=r"A_x.txt must be reachable, got 'HTTP 404"):
        fetch(wanted, tmp_path / "out")

    assert len(files.asked) == 1


def test_offline_is_one_error(wanted: Collection, tmp_path: Path) -> None:
    """It names the unreachable host, and the remedy."""
    with serving(tmp_path) as gone:
        address = gone.url

    with pytest.raises(DataError) as caught:
        fetch(wanted, tmp_path / "out", mirror=address, retries=0)

    assert len(caught.value.faults) == 1
    assert re.search(
        rf"{re.escape(address)}A_x.txt must be reachable, got '.*refused'. Check the connection "
        r"and run the same command again.*--mirror names another place",
        str(caught.value),
    )


def test_a_mirror_must_be_a_url(wanted: Collection, tmp_path: Path) -> None:
    """A folder is refused."""
    with pytest.raises(UsageError, match="--mirror must begin with https://"):
        fetch(wanted, tmp_path / "out", mirror=str(tmp_path))


def test_the_real_collection_equals_the_checkout(shared: Path, tmp_path: Path) -> None:
    """The pinned digests equal those of the real files, under the URLs of their repository."""
    yu = collection("yu2013")
    served = tmp_path / "mirror"
    for file in yu.files:
        (served / file.address).parent.mkdir(parents=True, exist_ok=True)
        (served / file.address).write_bytes(
            (shared / "data" / "binding_residues" / file.path).read_bytes()
        )

    with serving(served) as files:
        fetch(yu, tmp_path / "yu2013", mirror=files.url)

    assert len(yu.files) == 20
    assert held(tmp_path / "yu2013") == held(shared / "data" / "binding_residues")
    assert re.fullmatch(r"https://\S+/[0-9a-f]{40}/\S+/", yu.root)
