"""A real PostgreSQL server for tests, which can be stopped and killed."""

from __future__ import annotations

import itertools
import os
import pwd
import random
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from pathlib import Path
from typing import Any, Literal, Self

import psutil
import psycopg
from sqlalchemy import URL, make_url

HOST = "127.0.0.1"
USER = "sweeper"
PASSWORD = "p@ss/w:rd"  # noqa: S105  # of a server that lives for a test; needs quoting in a URL
STOPS = {"fast": signal.SIGINT, "immediate": signal.SIGQUIT}
SECONDS = 60  # seconds for a start or a stop; crash recovery is slow on a slow machine


def session(url: str) -> psycopg.Connection:
    """A separate connection to a study's database."""
    return psycopg.connect(url.replace("+psycopg", ""), autocommit=True, connect_timeout=10)


def wait_for_locks(seconds: int) -> None:
    """Set the lock timeout of drivers in this process, a minute by default."""
    from sweep.storage import database  # imported here, since every test imports this module

    bounded = database._bound_waits

    def bound(connection: Any, record: object) -> None:
        bounded(connection, record)
        connection.execute(f"set lock_timeout = '{seconds}s'")
        connection.commit()

    database._bound_waits = bound


class Postgres:
    """A PostgreSQL server on a loopback port; a context manager that starts and deletes it.

    It checks passwords (SCRAM), syncs commits to disk, keeps its ``port`` over restarts, and logs
    to the file ``log``.

    Args:
        primary: a running server that this one is to be a read-only standby of; None for an
            independent server.
    """

    def __init__(self, primary: Postgres | None = None) -> None:
        programs = _programs()
        assert programs is not None, self.missing()
        self._programs = programs
        self._primary = primary
        self._databases = itertools.count(1)
        self._process: subprocess.Popen[bytes] | None = None
        self.port = _free_port()
        # Not pytest's tmp_path, which only root may traverse.
        self._home = tempfile.TemporaryDirectory(prefix="lorasweep-postgres-")
        self._folder = Path(self._home.name)
        self._data = self._folder / "data"
        self.log = self._folder / "log"

    @staticmethod
    def missing() -> str | None:
        """The reason why no server can run here, or None."""
        return None if _programs() else "no PostgreSQL server here (Debian: its package postgresql)"

    @property
    def url(self) -> str:
        """The SQLAlchemy URL of a database that always exists."""
        return self._url("postgres")

    def new_database(self) -> str:
        """The URL of a fresh, empty database."""
        name = f"study_{next(self._databases)}"
        with session(self.url) as connection:
            connection.execute(f"create database {name}")
        return self._url(name)

    @property
    def home(self) -> Path:
        """A folder owned by the server's user, deleted with the server."""
        return self._folder

    def named(self, database: str) -> str:
        """The URL of a database with this name."""
        return self._url(database)

    def beside(self, url: str) -> str:
        """The URL of this server's database with the same name as another server's."""
        return self._url(make_url(url).database or "")

    def own(self, folder: Path) -> None:
        """Change a folder's owner to the server's user."""
        if (owner := _owner()) is not None:
            os.chown(folder, owner.pw_uid, owner.pw_gid)

    def catch_up(self) -> None:
        """Wait until this standby has replayed all that its primary has written."""
        assert self._primary is not None
        with session(self._primary.url) as connection:
            (written,) = connection.execute("select pg_current_wal_lsn()").fetchone() or ("",)
        behind = "select pg_last_wal_replay_lsn() is null or pg_last_wal_replay_lsn() < %s"
        deadline = time.monotonic() + SECONDS
        with session(self.url) as connection:
            while connection.execute(behind, [written]).fetchone() == (True,):
                assert time.monotonic() < deadline, self.log.read_text()
                time.sleep(0.01)

    def start(self) -> None:
        """Start the server unless it runs, and wait until it answers."""
        if self._running():
            return
        if not self._data.exists():
            self._initialise()
        # A killed server leaves its pid file. The id may now belong to another process, which the
        # next server would mistake for it; kill() has made sure that all of its processes ended.
        (self._data / "postmaster.pid").unlink(missing_ok=True)
        with self.log.open("ab") as log:
            where = ["-h", HOST, "-p", str(self.port), "-k", ""]  # and no socket file
            command = [self._programs / "postgres", "-D", self._data, *where]
            # A new session, so that Ctrl-C does not reach the server.
            self._process = subprocess.Popen(
                command, stdout=log, stderr=log, start_new_session=True, **self._as_owner()
            )
        try:
            self._wait(self._process)
        except BaseException:
            self.kill()
            raise

    def stop(self, mode: Literal["fast", "immediate"] = "fast") -> None:
        """Stop the server: ``fast`` shuts it down cleanly, ``immediate`` requires recovery."""
        if process := self._running():
            process.send_signal(STOPS[mode])
            process.wait(SECONDS)

    def kill(self) -> None:
        """Kill the server and its children, as a power cut does."""
        process = self._running()
        if process is None:
            return
        process.send_signal(signal.SIGSTOP)  # otherwise new children appear while they are counted
        children = psutil.Process(process.pid).children(recursive=True)
        for child in children:
            child.kill()
        process.kill()
        process.wait(SECONDS)
        deadline = time.monotonic() + SECONDS
        while any(map(_lives, children)):  # and releases the shared memory
            assert time.monotonic() < deadline, f"some of these do not end: {children}"
            time.sleep(0.01)

    def close(self) -> None:
        """Stop the server and delete its data."""
        try:
            self.stop()  # not kill(), which leaves shared memory behind
        finally:
            self.kill()
            self._home.cleanup()

    def __enter__(self) -> Self:
        """Start it."""
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        """Delete it."""
        self.close()

    def _running(self) -> subprocess.Popen[bytes] | None:
        return self._process if self._process and self._process.poll() is None else None

    def _url(self, database: str) -> str:
        url = URL.create("postgresql+psycopg", USER, PASSWORD, HOST, self.port, database)
        return url.render_as_string(hide_password=False)

    def _as_owner(self) -> dict[str, Any]:
        """How to run its programs: not as root, in a directory that the user may read."""
        here: dict[str, Any] = {"cwd": self._folder, "stdin": subprocess.DEVNULL}
        if (owner := _owner()) is None:
            return here
        return here | {"user": owner.pw_uid, "group": owner.pw_gid, "extra_groups": []}

    def _initialise(self) -> None:
        if self._primary is None:
            self._make()
        else:
            self._copy(self._primary)

    def _copy(self, primary: Postgres) -> None:
        """Copy the primary's data and follow it as a standby."""
        if (owner := _owner()) is not None:
            os.chown(self._folder, owner.pw_uid, owner.pw_gid)
        where = primary.url.replace("+psycopg", "")
        options = ["--write-recovery-conf", "--checkpoint=fast", "--no-sync", f"--dbname={where}"]
        command = [self._programs / "pg_basebackup", "-D", self._data, *options]
        subprocess.run(command, check=True, **self._as_owner())

    def _make(self) -> None:
        secret = self._folder / "password"
        secret.write_text(PASSWORD)
        if (owner := _owner()) is not None:
            for path in (self._folder, secret):
                os.chown(path, owner.pw_uid, owner.pw_gid)
        options = [f"--username={USER}", f"--pwfile={secret}", "--auth=scram-sha-256"]
        options += ["--no-sync", "--encoding=UTF8", "--locale=C"]
        command = [self._programs / "initdb", "-D", self._data, *options]
        subprocess.run(command, check=True, **self._as_owner())  # pytest shows its output

    def _wait(self, process: subprocess.Popen[bytes]) -> None:
        deadline = time.monotonic() + SECONDS
        while process.poll() is None and time.monotonic() < deadline:
            try:
                return session(self.url).close()
            except psycopg.OperationalError:
                time.sleep(0.05)
        raise AssertionError(f"PostgreSQL does not answer:\n{self.log.read_text()}")


def _programs() -> Path | None:
    """The folder of the server's programs, which Debian does not put on the PATH."""
    found = [Path(path).resolve().parent for path in [shutil.which("postgres")] if path]
    found += sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)
    return next((path for path in found if (path / "initdb").exists()), None)


def _owner() -> pwd.struct_passwd | None:
    """The user to run the server as; None for the current one."""
    if os.geteuid() != 0:
        return None
    users = {user.pw_name: user for user in pwd.getpwall()}
    return users.get("postgres") or users["nobody"]


def _lives(process: psutil.Process) -> bool:
    """Whether the process runs; a zombie does not."""
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def _free_port() -> int:
    """A port that stays free for the server's whole life."""
    while True:
        # Below the range for outgoing connections: within it, a client that keeps trying to connect
        # to a stopped server may eventually connect to itself.
        port = random.randrange(20000, 32000)
        with socket.socket() as probe:
            if probe.connect_ex((HOST, port)) != 0:
                return port
