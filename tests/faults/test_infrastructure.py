import errno
import os
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import psutil
import psycopg
import pytest
from faults.disks import read_only, small_disk
from faults.faulty import Faults
from faults.postgres import PASSWORD, USER, Postgres
from sqlalchemy import NullPool, create_engine, make_url, text

WRITER = """
import os, sys
fd = os.open(sys.argv[1], os.O_WRONLY | os.O_CREAT)
for line in sys.stdin:
    try:
        print(os.write(fd, b"x" * 100) if line == "write\\n" else os.fsync(fd), flush=True)
    except OSError as error:
        print(error.strerror, flush=True)
"""

THREADS = """
import os, sys
from concurrent.futures import ThreadPoolExecutor
fd = os.open(sys.argv[1], os.O_WRONLY | os.O_CREAT)
def write(_):
    try:
        return os.write(fd, b"x") - 1
    except OSError:
        return 1
with ThreadPoolExecutor(8) as pool:
    print(sum(pool.map(write, range(2000))))
"""

INSERT = """
import sqlite3, sys
database = sqlite3.connect(sys.argv[1])
try:
    database.execute("pragma journal_mode = " + sys.argv[2])
    database.execute("insert into t values (zeroblob(20000))")
    database.commit()
except sqlite3.OperationalError as error:
    print(error)
"""

CALLS = {
    "write": "os.write(os.open('new', os.O_CREAT | os.O_WRONLY), b'x')",
    "sync": "os.fsync(os.open('new', os.O_CREAT | os.O_WRONLY))",
    "truncate": "open('new', 'w').truncate(1)",
    "open": "open('new', 'w')",
    "rename": "os.replace('old', 'new')",
    "mkdir": "os.mkdir('new')",
    "unlink": "os.unlink('new')",
}


def run_sql(url: str, *statements: str) -> list[object]:
    """Run statements in one transaction on a separate connection; returns the last one's rows."""
    engine = create_engine(url, poolclass=NullPool)
    with engine.begin() as connection:
        results = [connection.execute(text(statement)) for statement in statements]
        return list(results[-1].scalars()) if results[-1].returns_rows else []


def insert(environment: dict[str, str], path: Path, journal: str = "delete") -> str:
    """Insert a row in another process; returns SQLite's error message."""
    command = [sys.executable, "-c", INSERT, path, journal]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    assert not done.stderr
    return done.stdout.strip()


@pytest.fixture
def database(tmp_path: Path) -> Path:
    """A SQLite file with one empty table."""
    path = tmp_path / "study.db"
    connection = sqlite3.connect(path)
    connection.execute("create table t (x blob)")
    connection.close()
    return path


class Writer:
    """A process under faults that writes and syncs one file on request.

    Args:
        faults: the injectable faults.
        path: the file.
    """

    def __init__(self, faults: Faults, path: Path) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-c", WRITER, path],
            env=faults.environment(),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def __call__(self, call: str) -> str:
        """Request a ``write`` of 100 bytes or a ``sync``; returns its outcome."""
        print(call, file=self.process.stdin, flush=True)
        return self.process.stdout.readline().strip()


@pytest.fixture
def writer(faults: Faults, tmp_path: Path) -> Iterator[Writer]:
    """A process that writes ``file``."""
    asked = Writer(faults, tmp_path / "file")
    with asked.process:
        yield asked
        asked.process.stdin.close()


def test_a_new_database_is_empty_and_takes_rows(postgres: Postgres) -> None:
    """Through SQLAlchemy, with a password that needs quoting in a URL."""
    url = postgres.new_database()
    run_sql(url, "create table t (x int)", "insert into t values (1)")

    assert run_sql(url, "select x from t") == [1]
    assert run_sql(postgres.new_database(), "select 1 from pg_tables where tablename = 't'") == []
    assert run_sql(url, "show fsync") == ["on"]


@pytest.mark.parametrize("change", [{"password": "guess"}, {"username": "stranger"}])
def test_wrong_credentials_are_refused(postgres: Postgres, change: dict[str, str]) -> None:
    """So that tests of credentials test something."""
    wrong = make_url(postgres.new_database()).set(drivername="postgresql", **change)

    with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
        psycopg.connect(wrong.render_as_string(hide_password=False))
    assert make_url(postgres.url).password == PASSWORD
    assert make_url(postgres.url).username == USER


def test_committed_data_survive_a_kill(postgres: Postgres) -> None:
    """Uncommitted data do not; the server's children end with it."""
    url = postgres.new_database()
    run_sql(url, "create table t (x int)", "insert into t values (1)")
    with psycopg.connect(url.replace("+psycopg", "")) as open_one:
        child = psutil.Process(open_one.execute("select pg_backend_pid()").fetchone()[0])
        open_one.execute("insert into t values (2)")
        postgres.kill()
        try:
            assert not child.is_running() or child.status() == psutil.STATUS_ZOMBIE
            with pytest.raises(psycopg.OperationalError, match="refused"):
                psycopg.connect(url.replace("+psycopg", ""))
        finally:
            postgres.start()
        open_one.close()

    assert "automatic recovery in progress" in postgres.log.read_text()
    assert run_sql(url, "select x from t") == [1]


@pytest.mark.parametrize("mode", ["fast", "immediate"])
def test_a_stopped_server_restarts_with_its_port_and_data(postgres: Postgres, mode: str) -> None:
    """The same port, the same rows."""
    url = postgres.new_database()
    run_sql(url, "create table t (x int)", "insert into t values (1)")
    postgres.stop(mode)
    with pytest.raises(psycopg.OperationalError, match="refused"):
        psycopg.connect(url.replace("+psycopg", ""))
    postgres.start()

    assert run_sql(url, "select x from t") == [1]


def test_a_closed_server_leaves_nothing_behind(postgres: Postgres) -> None:
    """No process and no file; another server is unaffected."""
    with Postgres() as other:
        process, folder = other._process, other._folder
        assert run_sql(other.url, "select 1") == [1]

    assert process.poll() is not None
    assert not folder.exists()
    assert run_sql(postgres.url, "select 1") == [1]


@pytest.mark.parametrize("name", ["ENOSPC", "EIO", "EROFS", "EACCES"])
def test_every_error_reaches_a_running_process(faults: Faults, writer: Writer, name: str) -> None:
    """From ``fail`` to ``clear``, and only for the given path."""
    assert writer("write") == "100"
    faults.fail("*/another", name, calls=("write",))
    assert writer("write") == "100"
    faults.fail("*/file", name, calls=("write",))
    failed = [writer("write"), writer("write"), writer("write")]
    faults.clear()

    reason = os.strerror(getattr(errno, name))
    assert failed == (["50"] if name == "ENOSPC" else [reason]) + [reason] * 2
    assert writer("write") == "100"
    assert faults.count() == failed.count(reason)


def test_faults_begin_and_end_by_count(faults: Faults, writer: Writer) -> None:
    """The third and the fourth sync fail; other calls do not count."""
    faults.fail("*/file", "EIO", calls=("sync",), skip=2, limit=2)
    answers = [writer("sync") for _ in range(6) if writer("write") == "100"]

    assert [answer == "None" for answer in answers] == [True, True, False, False, True, True]
    assert faults.count() == 2


def test_two_processes_count_together(faults: Faults, writer: Writer, tmp_path: Path) -> None:
    """A limit of one fault holds over all processes."""
    faults.fail("*/file", "EIO", limit=1)
    second = Writer(faults, tmp_path / "file")
    with second.process:
        answers = [writer("write"), second("write"), writer("write")]
        second.process.stdin.close()

    assert answers == ["Input/output error", "100", "100"]
    assert faults.injected() == [f"{writer.process.pid} write {errno.EIO} {tmp_path / 'file'}"]


@pytest.mark.parametrize("kind", CALLS)
def test_every_kind_of_call_fails(faults: Faults, tmp_path: Path, kind: str) -> None:
    """Also for a relative path below a symbolic link, and for a path with brackets."""
    real = tmp_path / "folder[1] real"
    real.mkdir()
    (tmp_path / "link").symlink_to(real)
    (real / "old").touch()
    faults.fail(real / "new", "EACCES", calls=(kind,))
    code = f"import os\ntry: {CALLS[kind]}\nexcept PermissionError: print('refused')"
    command = [sys.executable, "-c", code]
    done = subprocess.run(
        command, cwd=tmp_path / "link", env=faults.environment(), capture_output=True, check=False
    )

    assert done.stdout == b"refused\n", done.stderr
    assert faults.count() == 1


def test_threads_share_the_count(faults: Faults, tmp_path: Path) -> None:
    """Two thousand writes of eight threads fail exactly as often as requested."""
    faults.fail("*/file", "EIO", skip=50, limit=100)
    done = subprocess.run(
        [sys.executable, "-c", THREADS, tmp_path / "file"],
        env=faults.environment(),
        capture_output=True,
        check=True,
    )

    assert done.stdout == b"100\n"
    assert faults.count() == 100


@pytest.mark.parametrize(
    ("journal", "name", "calls", "outcome"),
    [
        ("delete", "ENOSPC", (), "pwrite study.db-journal: database or disk is full"),
        ("delete", "EIO", (), "pwrite study.db-journal: disk I/O error"),
        ("delete", "EIO", ("sync",), "fdatasync study.db-journal: disk I/O error"),
        ("delete", "EIO", ("unlink",), "unlink study.db-journal: disk I/O error"),
        ("truncate", "EIO", ("truncate",), "ftruncate study.db-journal: disk I/O error"),
        ("delete", "EROFS", (), "open study.db: attempt to write a readonly database"),
        ("delete", "EACCES", (), "open study.db: attempt to write a readonly database"),
        ("wal", "EIO", ("sync",), "fdatasync study.db-wal: disk I/O error"),
        ("wal", "EROFS", (), "open study.db: unable to open database file"),
    ],
)
def test_sqlite_hits_every_fault(
    faults: Faults, database: Path, journal: str, name: str, calls: tuple[str, ...], outcome: str
) -> None:
    """Python's sqlite3 goes through the library, and its file is intact afterwards."""
    assert not insert(faults.environment(), database, journal)
    faults.fail(f"{database}*", name, calls=calls)
    complaint = insert(faults.environment(), database, journal)
    _, call, _, path = faults.injected()[0].split()
    faults.clear()
    assert not insert(faults.environment(), database, journal)

    assert f"{call} {Path(path).name}: {complaint}" == outcome
    assert run_sql(f"sqlite:///{database}", "select count(*) from t") == [2]
    assert run_sql(f"sqlite:///{database}", "pragma integrity_check") == ["ok"]


def test_a_full_disk_leaves_the_database_intact(faults: Faults, database: Path) -> None:
    """The journal fits, the table does not: SQLite must roll back a partial write."""
    assert not insert(dict(os.environ), database)
    faults.fail(database, "ENOSPC")

    assert insert(faults.environment(), database) == "database or disk is full"
    assert run_sql(f"sqlite:///{database}", "select count(*) from t") == [1]
    assert run_sql(f"sqlite:///{database}", "pragma integrity_check") == ["ok"]


def test_a_small_disk_fills_up_and_is_freed(tmp_path: Path) -> None:
    """With a real file system."""
    with small_disk(tmp_path, 1) as disk:
        database = disk / "study.db"
        run_sql(f"sqlite:///{database}", "create table t (x blob)")
        ballast = disk / "ballast"
        with pytest.raises(OSError, match="No space left"):
            ballast.write_bytes(bytes(2**21))
        assert 0 < ballast.stat().st_size < 2**20
        assert insert(dict(os.environ), database) == "database or disk is full"
        ballast.unlink()
        assert not insert(dict(os.environ), database)

    assert not list(disk.iterdir())


def test_read_only_applies_to_root_until_the_context_ends(tmp_path: Path, database: Path) -> None:
    """For a folder with its content; or for one file, and not for its neighbours."""
    with read_only(tmp_path):
        with pytest.raises(OSError, match="Read-only file system"):
            (tmp_path / "new").touch()
        with pytest.raises(OSError, match="Read-only file system"):
            database.unlink()
        assert insert(dict(os.environ), database) == "attempt to write a readonly database"
    assert not insert(dict(os.environ), database)

    with read_only(database):
        (tmp_path / "new").touch()
        with pytest.raises(OSError, match="Read-only file system"):
            database.open("ab")
