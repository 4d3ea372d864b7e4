from pathlib import Path
from urllib.parse import quote

import optuna
import pytest
from sqlalchemy.engine import make_url

from sweep.errors import StorageError
from sweep.storage.database import _engine_options, open_storage
from sweep.storage.studies import open_study
from sweep.storage.url import StorageUrl, default_url, folder_name

SECRET = "p@ss/w:rd ü"  # noqa: S105 - no real password
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
def test_a_url_has_a_kind_and_a_location(url: str, kind: str, path: Path | None) -> None:
    """Three kinds; a bare postgresql:// means psycopg, the installed driver."""
    address = StorageUrl.parse(url)

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
    """Neither in the printed URL nor in a driver's own messages, quoted or not."""
    address = StorageUrl.parse(url)
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
def test_a_url_that_cannot_hold_a_study_is_refused(url: str) -> None:
    """With the remedy, and without a password."""
    with pytest.raises(
        StorageError, match=r"--storage must .*Write 'sqlite:///study.db'"
    ) as own_attributes:
        StorageUrl.parse(url)

    assert "s3cret" not in str(own_attributes.value)


def test_an_unreadable_url_does_not_show_its_password() -> None:
    """Without parsing, the password cannot be redacted alone."""
    with pytest.raises(StorageError, match=r"got 'postgresql:\*\*\*'") as own_attributes:
        StorageUrl.parse("postgresql://u:s3cret@h:port/d")

    assert "s3cret" not in str(own_attributes.value)


HOME = Path.home()


@pytest.mark.parametrize(
    ("url", "path"),
    [
        ("sqlite:///a b.db", Path("a b.db")),
        ("sqlite:///a%20b.db", Path("a b.db")),
        ("sqlite:///a%3Fb.db", Path("a?b.db")),
        ("sqlite:///a%25b.db", Path("a%b.db")),
        ("sqlite:///100%.db", Path("100%.db")),
        ("sqlite:///ü/п.db", Path("ü/п.db")),
        ("sqlite:///%C3%BC.db", Path("ü.db")),
        ("sqlite:///a#b.db", Path("a#b.db")),
        ("sqlite:///a{b}.db", Path("a{b}.db")),
        ("sqlite:///{}.db", Path("{}.db")),
        ("sqlite:///a:b@c.db", Path("a:b@c.db")),
        ("sqlite:///./a.db", Path("a.db")),
        ("sqlite:///../a.db", Path("../a.db")),
        ("sqlite:///~/a.db", HOME / "a.db"),
        ("sqlite:///a/~/b.db", Path("a/~/b.db")),
        ("sqlite+pysqlite:///a.db", Path("a.db")),
        ("journal:///~/a.log", HOME / "a.log"),
        ("journal:///a%20b.log", Path("a b.log")),
        ("journal:///a{b}.log", Path("a{b}.log")),
    ],
)
def test_a_url_names_exactly_that_file(
    url: str, path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The study is written to it, and to no other."""
    monkeypatch.chdir(tmp_path)
    address = StorageUrl.parse(url)
    assert address.path == path
    assert address.shown == url
    if HOME in path.parents:
        return
    here = tmp_path / "folder"
    here.mkdir()
    monkeypatch.chdir(here)
    optuna.create_study(storage=open_storage(address, make=True), study_name="made")

    assert open_study(StorageUrl.parse(url)).study_name == "made"
    found = {found for found in tmp_path.rglob("*") if found.is_file()}
    assert found - {f for f in found if f.suffix == ".claim"} == {(here / path).resolve()}


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("sqlite:///a?b.db", r"name a file without \?: .*got '\?b.db'.*write %3F"),
        ("sqlite:///a.db?timeout=9", r"without \?"),
        ("sqlite:///file:a.db?mode=ro&uri=true", r"got '\?mode&uri'"),
        ("sqlite:///a.db?password=s3cret", r"got '\?password'"),
        ("journal:///a.log?x=1", r"without \?"),
        ("sqlite://a.db", "name a file after three slashes"),
        ("sqlite://a.db/b", "name a file after three slashes"),
        ("sqlite:/a.db", "be a database URL"),
        ("sqlite:a.db", "be a database URL"),
        (" sqlite:///a.db", "be a database URL"),
        ("sqlite:///a%ff.db", "be a database URL"),
        ("sqlite:///a%00.db", "be a line of text"),
        ("sqlite:///a.db\n", "be a line of text"),
        ("sqlite:///C:\\runs\\a.db", "name a file of this system"),
        ("sqlite:///C:/runs/a.db", "name a file of this system"),
        ("sqlite:///\\\\host\\a.db", "name a file of this system"),
        ("sqlite:///~no-such-user/a.db", "begin with a home folder that there is"),
        ("sqlite:///a/", "name a file, not a folder"),
        ("sqlite:///.", "name a file, not a folder"),
        ("sqlite:///%3Amemory%3A", "kept in memory"),
        ("SQLITE:///a.db", "be a database of SQLite"),
        ("postgresql+psycopg2://u:s3cret@h/d", "be a database of SQLite, PostgreSQL or"),
        ("postgresql://u:s3@cret@h/d", "have one @, before the host"),
        ("postgresql://u:s3cret@h:99999/d", "have a port of 1 to 65535, got 99999"),
        ("postgresql://u:s3cret@h:0/d", "have a port of 1 to 65535, got 0"),
        ("postgresql://u:s3cret@h:-1/d", "have a port of 1 to 65535, got -1"),
        ("postgresql://u@h/d?sslmod=require", "got 'sslmod'. Did you mean sslmode"),
        ("postgresql://u@h/d?autocommit=true", "parameters of PostgreSQL's library"),
        ("postgresql://u@h/d?plugin=x", "parameters of PostgreSQL's library"),
        ("postgresql://u@h/d?sslmode=a&sslmode=b", "have sslmode once"),
    ],
)
def test_a_url_that_would_be_misread_is_one_error(url: str, expected: str) -> None:
    """If a part would be ignored, or mean another file."""
    with pytest.raises(StorageError, match=expected) as own_attributes:
        StorageUrl.parse(url)

    assert str(own_attributes.value).startswith("--storage must ")
    for secret in ("s3cret", "s3@cret", "cret"):
        assert secret not in str(own_attributes.value)


@pytest.mark.parametrize(
    "password", ["p@ss", "p%ss", "100%", "a:b", "a/b", "a?b", "a#b", "{}", "%40"]
)
def test_a_password_of_any_characters_is_passed(password: str) -> None:
    """Quoted, as in all URLs."""
    address = StorageUrl.parse(f"postgresql://u:{quote(password, safe='')}@h:5/d")

    assert make_url(address.url).password == password
    assert make_url(address.url).host == "h"
    assert password not in address.shown.replace("u:***@", "")


def test_a_timeout_in_the_url_is_kept() -> None:
    """The default is ten seconds."""
    urls = "postgresql://u@h/d", "postgresql://u@h/d?connect_timeout=3"
    waits, own = (_engine_options(StorageUrl.parse(url))["connect_args"] for url in urls)

    assert waits == {"connect_timeout": 10}
    assert own == {}


@pytest.mark.parametrize(
    ("url", "name"), [("journal:///a?b.log", "a?b.log"), ("sqlite:///a%20b.db", "a%20b.db")]
)
def test_a_file_of_an_older_version_is_found(
    url: str, name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Which took the text of the URL for the file's name."""
    monkeypatch.chdir(tmp_path)
    Path(name).touch()

    assert StorageUrl.parse(url).path == Path(name)


def test_a_link_to_a_database_is_that_database(tmp_path: Path) -> None:
    """With its files and locks; older versions put them beside the link, where they are found."""
    real, link = tmp_path / "data" / "study.db", tmp_path / "link.db"
    real.parent.mkdir()
    real.touch()
    link.symlink_to(real)
    address = StorageUrl.parse(f"sqlite:///{link}")
    assert address.path == real
    assert address.files == StorageUrl.parse(f"sqlite:///{real}").files
    (tmp_path / "link.db.files").mkdir()
    assert address.files == tmp_path / "link.db.files"
    (real.parent / "study.db.files").mkdir()

    assert address.files == real.parent / "study.db.files"


@pytest.mark.parametrize("name", ["demo", "binding_sites", "v1.2-b"])
def test_a_plain_name_is_its_own_folder(name: str) -> None:
    """So that users find their studies."""
    assert folder_name(name) == name
    assert default_url(name) == f"sqlite:///runs/{name}/study.db"


def test_unusual_names_get_folders_of_their_own() -> None:
    """None outside its parent folder, and no two equal."""
    names = ["../up", "a/b", "a\\b", "a b", "a_b", "<b>", '"', "..", ".", "ü", "x" * 300, "é"]
    folders = [folder_name(name) for name in names]

    assert len(set(folders)) == len(names)
    for folder in folders:
        assert Path(folder).name == folder
        assert folder not in ("", ".", "..")
        assert len(folder) <= 80
