"""A real PostgreSQL server of the tests' own, that can be stopped and killed."""

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
SECONDS = 60  # for a start or a stop; a slow machine recovers from a crash in a few


def session(url: str) -> psycopg.Connection:
    """A connection of a test's own to a database that a study is in."""
    return psycopg.connect(url.replace("+psycopg", ""), autocommit=True, connect_timeout=10)


def wait_for_locks(seconds: int) -> None:
    """Have the drivers of this process wait so long for a lock, in place of a minute."""
    from sweep.storage import database  # every test imports this module

    bounded = database._bound_waits

    def bound(connection: Any, record: object) -> None:
        bounded(connection, record)
        connection.execute(f"set lock_timeout = '{seconds}s'")
        connection.commit()

    database._bound_waits = bound


class Postgres:
    """A PostgreSQL server on a loopback port; a context manager that starts and deletes it.

    It checks passwords (SCRAM), syncs what is committed, keeps its ``port`` when it is started
    again, and says to the file ``log`` what happens to it.

    Args:
        primary: a running server that this one is to be a read-only standby of; None for one
            that stands alone.
    """

    def __init__(self, primary: Postgres | None = None) -> None:
        programs = _programs()
        assert programs is not None, self.missing()
        self._programs = programs
        self._primary = primary
        self._databases = itertools.count(1)
        self._process: subprocess.Popen[bytes] | None = None
        self.port = _free_port()
        # Not pytest's tmp_path: nobody but root may pass through it.
        self._home = tempfile.TemporaryDirectory(prefix="lorasweep-postgres-")
        self._folder = Path(self._home.name)
        self._data = self._folder / "data"
        self.log = self._folder / "log"

    @staticmethod
    def missing() -> str | None:
        """Why there can be no server here; None where there can."""
        return None if _programs() else "no PostgreSQL server here (Debian: its package postgresql)"

    @property
    def url(self) -> str:
        """SQLAlchemy's URL of a database that is always there."""
        return self._url("postgres")

    def new_database(self) -> str:
        """The URL of a fresh, empty database."""
        name = f"study_{next(self._databases)}"
        with session(self.url) as connection:
            connection.execute(f"create database {name}")
        return self._url(name)

    @property
    def home(self) -> Path:
        """A folder of the user that it runs as, deleted with it."""
        return self._folder

    def named(self, database: str) -> str:
        """The URL of a database."""
        return self._url(database)

    def beside(self, url: str) -> str:
        """The URL of the database of the same name as another server's."""
        return self._url(make_url(url).database or "")

    def own(self, folder: Path) -> None:
        """Give a folder to the user that the server runs as."""
        if (owner := _owner()) is not None:
            os.chown(folder, owner.pw_uid, owner.pw_gid)

    def catch_up(self) -> None:
        """Wait until this standby holds all that its primary has written."""
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
        """Start the server, where it does not run, and wait until it answers."""
        if self._running():
            return
        if not self._data.exists():
            self._initialise()
        # A killed server leaves this. Its number may by now be that of another process, for
        # which the next server would mistake it; kill() has seen all of them end.
        (self._data / "postmaster.pid").unlink(missing_ok=True)
        with self.log.open("ab") as log:
            where = ["-h", HOST, "-p", str(self.port), "-k", ""]  # and no socket file
            command = [self._programs / "postgres", "-D", self._data, *where]
            # A session of its own: a Ctrl-C is the tests' business.
            self._process = subprocess.Popen(
                command, stdout=log, stderr=log, start_new_session=True, **self._as_owner()
            )
        try:
            self._wait(self._process)
        except BaseException:
            self.kill()
            raise

    def stop(self, mode: Literal["fast", "immediate"] = "fast") -> None:
        """End the server: ``fast`` in order, ``immediate`` so that it must recover."""
        if process := self._running():
            process.send_signal(STOPS[mode])
            process.wait(SECONDS)

    def kill(self) -> None:
        """End the server and its children as a power cut does, with no time for anything."""
        process = self._running()
        if process is None:
            return
        process.send_signal(signal.SIGSTOP)  # else children come while we count them
        children = psutil.Process(process.pid).children(recursive=True)
        for child in children:
            child.kill()
        process.kill()
        process.wait(SECONDS)
        deadline = time.monotonic() + SECONDS
        while any(map(_lives, children)):  # and holds the shared memory
            assert time.monotonic() < deadline, f"some of these do not end: {children}"
            time.sleep(0.01)

    def close(self) -> None:
        """End the server and delete all it held."""
        try:
            self.stop()  # rather than kill(), which leaves shared memory to the next start
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
        """How to run its programs: they refuse root, and stand where they may look."""
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
        """All of a primary, which it follows from then on."""
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
        subprocess.run(command, check=True, **self._as_owner())  # pytest shows what it says

    def _wait(self, process: subprocess.Popen[bytes]) -> None:
        deadline = time.monotonic() + SECONDS
        while process.poll() is None and time.monotonic() < deadline:
            try:
                return session(self.url).close()
            except psycopg.OperationalError:
                time.sleep(0.05)
        raise AssertionError(f"PostgreSQL does not answer:\n{self.log.read_text()}")


def _programs() -> Path | None:
    """The folder of the server's programs; Debian keeps it off the PATH."""
    found = [Path(path).resolve().parent for path in [shutil.which("postgres")] if path]
    found += sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)
    return next((path for path in found if (path / "initdb").exists()), None)


def _owner() -> pwd.struct_passwd | None:
    """Who is to run the server; None for whoever runs the tests."""
    if os.geteuid() != 0:
        return None
    users = {user.pw_name: user for user in pwd.getpwall()}
    return users.get("postgres") or users["nobody"]


def _lives(process: psutil.Process) -> bool:
    """Whether it runs; a dead one that nobody reaps does not."""
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def _free_port() -> int:
    """A port for the server's whole life."""
    while True:
        # Below the range for outgoing connections: in there, a client that tries the dead
        # server again and again comes to be connected to itself some day.
        port = random.randrange(20000, 32000)
        with socket.socket() as probe:
            if probe.connect_ex((HOST, port)) != 0:
                return port
