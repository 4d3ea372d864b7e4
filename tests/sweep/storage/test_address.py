from pathlib import Path

import pytest
from sqlalchemy.engine import make_url

from sweep.errors import StorageError
from sweep.storage import Address, default_url, folder_name

SECRET = "p@ss/w:rd ü"  # noqa: S105 - of nobody
QUOTED = "p%40ss%2Fw%3Ard%20%C3%BC"


@pytest.mark.parametrize(
    ("url", "kind", "path"),
    [
        ("sqlite:///a/b.db", "sqlite", Path("a/b.db")),
        ("sqlite:////abs/b.db", "sqlite", Path("/abs/b.db")),
        ("journal:///a/b.log", "journal", Path("a/b.log")),
        ("journal:////abs/b.log", "journal", Path("/abs/b.log")),
        ("postgresql+psycopg://u@h/d", "postgresql", None),
        ("postgresql://u@h/d", "postgresql", None),
        ("postgres://u@h/d", "postgresql", None),
    ],
)
def test_a_url_says_what_and_where(url: str, kind: str, path: Path | None) -> None:
    """Three kinds; a bare postgresql:// means psycopg, the driver that is installed."""
    address = Address.parse(url)

    assert (address.kind, address.path) == (kind, path)
    assert address.url.startswith("postgresql+psycopg://" if kind == "postgresql" else url)


@pytest.mark.parametrize(
    "url",
    [
        f"postgresql://u:{QUOTED}@h:1/d",
        f"postgresql://u@h/d?password={QUOTED}",
        f"postgresql://u@h/d?sslpassword={QUOTED}&application_name=x",
    ],
)
def test_a_password_is_used_and_never_shown(url: str) -> None:
    """Not in the address for people, nor in a driver's own words, quoted or not."""
    address = Address.parse(url)
    for form in (SECRET, QUOTED, "p%40ss%2Fw%3Ard+%C3%BC"):
        assert form not in address.shown
        assert form not in address.redact(f"cannot connect with {form} to h")

    assert "***" in address.shown
    real = make_url(address.url)
    assert SECRET in (real.password, *real.query.values())


@pytest.mark.parametrize(
    "url",
    ["study.db", "", "sqlite://", "sqlite:///:memory:", "mysql://u:s3cret@h/d", "journal:///"],
)
def test_what_cannot_hold_a_study_is_refused(url: str) -> None:
    """With the way out, and without a password."""
    with pytest.raises(StorageError, match=r"--storage must .*Write 'sqlite:///study.db'") as told:
        Address.parse(url)

    assert "s3cret" not in str(told.value)


def test_an_unreadable_url_keeps_its_password_to_itself() -> None:
    """What cannot be parsed cannot be redacted part by part."""
    with pytest.raises(StorageError, match=r"got 'postgresql:\*\*\*'") as told:
        Address.parse("postgresql://u:s3cret@h:port/d")

    assert "s3cret" not in str(told.value)


@pytest.mark.parametrize("name", ["demo", "binding_sites", "v1.2-b"])
def test_a_plain_name_is_its_own_folder(name: str) -> None:
    """So that people find their studies."""
    assert folder_name(name) == name
    assert default_url(name) == f"sqlite:///runs/{name}/study.db"


def test_odd_names_get_folders_of_their_own() -> None:
    """None leaves the folder it belongs in, and no two meet."""
    names = ["../up", "a/b", "a\\b", "a b", "a_b", "<b>", '"', "..", ".", "ü", "x" * 300, "é"]
    folders = [folder_name(name) for name in names]

    assert len(set(folders)) == len(names)
    for folder in folders:
        assert Path(folder).name == folder
        assert folder not in ("", ".", "..")
        assert len(folder) <= 80
