"""A driver that stops itself at a write, loses the study to another driver, and is continued.

    python stopped.py URL before|after|within STEP

It stops before the check of a write, after it, or after it for so long that the server ends its
transaction. Tries every STEP-th of the driver's writes, and prints a line of JSON for each: what
it was, how the driver ended, and the study's content before it continued and after it ended.
"""

from __future__ import annotations

import contextlib
import itertools
import json
import os
import shutil
import signal
import sys
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import optuna
import sqlalchemy
from optuna.storages.journal import JournalFileBackend

from sweep import Budget, Choice, Space, StudySpec
from sweep.driver.trial_store import TrialStore
from sweep.errors import HeldError
from sweep.storage.database import storage_lock
from sweep.storage.errors import StorageLostError, retry_while_unreachable
from sweep.storage.guard import give_up, take
from sweep.storage.journal import Journal
from sweep.storage.studies import create_or_resume, load_study, quiet_optuna, write_spec
from sweep.storage.url import StorageUrl
from sweep.study.objective import ObjectiveInfo
from sweep.study.trial import TrialResult, TrialState

SPEC = StudySpec(
    name="stopped",
    objective="objectives.synthetic:Synthetic",
    space=Space({"rank": Choice(1, 2, 4, 8)}),
    settings={"function": "surface"},
    seeds=(0, 1),
    budget=Budget(trials=4),
)
_WRITES = ("insert", "update", "delete")
ENDED, HELD, FAILED = 0, 3, 4


@contextlib.contextmanager
def driving(address: StorageUrl) -> Iterator[tuple[optuna.Study, TrialStore]]:
    """Open the study as ``sweep.driver.run_study`` does, taking it over."""
    with storage_lock(address):
        study = create_or_resume(address, SPEC, ObjectiveInfo())
        owner = take(study, address, take_over=True)
    yield study, TrialStore(study, SPEC, address, owner)
    with contextlib.suppress(StorageLostError):
        give_up(study, owner)


def drive(address: StorageUrl, arm: Callable[[], None]) -> None:
    """Ask, report, tell, set a study attribute, and release the study."""
    with driving(address) as (study, store):
        arm()
        _durably(store.recover)
        first = _durably(store.ask, store.recover)
        assert first is not None
        _durably(lambda: store.report(first.number, 1, 0.5, {"metric": 0.5}))
        result = TrialResult(first.number, TrialState.COMPLETE, value=0.5)
        _durably(lambda: store.tell(result))
        _durably(lambda: study.set_user_attr("files", "elsewhere"))
        assert _durably(store.ask, store.recover) is not None
        store.abandon()


def _durably(act: Callable[[], Any], again: Callable[[], object] | None = None) -> Any:
    return retry_while_unreachable(act, lambda: None, again)


def finish(address: StorageUrl) -> None:
    """Take the study over and run it to the end."""
    with driving(address) as (study, store):
        store.recover()
        while (params := store.ask()) is not None:
            store.tell(TrialResult(params.number, TrialState.COMPLETE, value=0.25))
        study.set_user_attr("finished", value=True)


class Stop:
    """Stops this process at its n-th write, before or after the ownership check of that write."""

    def __init__(self, moment: int, side: str) -> None:
        self.left = moment
        self.journal: type[JournalFileBackend] = Journal if side == "before" else JournalFileBackend
        self.append = self.journal.append_logs
        self.statements: Callable[..., None] = {
            "before": self._before_check,
            "after": self._after_check,
            "within": self._within,
        }[side]
        self.event = "before_cursor_execute" if side == "before" else "do_execute"

    def __call__(self) -> None:
        """Stop at the n-th write from now on."""
        append, count = self.append, self._count

        def stopping(journal: Any, logs: list[dict[str, Any]]) -> None:
            count(f"record {int(logs[0]['op_code'])}")
            append(journal, logs)

        sqlalchemy.event.listen(sqlalchemy.Engine, "begin", self._began)
        sqlalchemy.event.listen(sqlalchemy.Engine, self.event, self.statements)
        setattr(self.journal, "append_logs", stopping)  # noqa: B010 - a method, says mypy

    def _count(self, what: str) -> None:
        self.left -= 1
        if not self.left:
            os.write(1, f"{what}\n".encode())
            os.kill(os.getpid(), signal.SIGSTOP)

    def _began(self, connection: sqlalchemy.Connection) -> None:
        connection.info["wrote"] = False

    def _before_check(
        self, connection: sqlalchemy.Connection, _: Any, statement: str, *__: Any
    ) -> None:
        # Stop at the first lock of each transaction; a process stopped after it blocks the others.
        text = statement.lstrip().lower()
        locks = text.startswith(_WRITES) or text.endswith("for update")
        if locks and not connection.info["wrote"]:
            connection.info["wrote"] = True
            self._count(" ".join(statement.split()[:3]))

    def _after_check(self, _: Any, statement: str, *__: Any) -> None:
        if statement.lstrip().lower().startswith(_WRITES):
            self._count(" ".join(statement.split()[:3]))

    def _within(self, cursor: Any, statement: str, *__: Any) -> None:
        if self.left == 1 and statement.lstrip().lower().startswith(_WRITES):
            name = "idle_in_transaction_session_timeout"  # a minute by default
            cursor.connection.execute(f"set local {name} = '100ms'")
        self._after_check(cursor, statement)


def forked(act: Callable[[], None]) -> tuple[int, int]:
    """A child process that runs a function, and a pipe of its output."""
    read, write = os.pipe()
    child = os.fork()
    if child:
        os.close(write)
        return child, read
    os.dup2(write, 1)
    code = FAILED
    try:
        with quiet_optuna():
            act()
        code = ENDED
    except HeldError as error:
        os.write(1, str(error).encode())
        code = HELD
    except BaseException as error:  # noqa: BLE001 - a child must not continue as its parent
        os.write(1, repr(error).encode())
    os._exit(code)


def held(address: StorageUrl) -> Any:
    """The attributes and trials of a study."""
    study = load_study(address)
    trials = [
        (t.number, t.state.name, t.value, t.params, t.user_attrs, t.intermediate_values)
        for t in study.get_trials(deepcopy=False)
    ]
    return json.loads(json.dumps([study.user_attrs, trials]))


def moments(fresh: Callable[[], StorageUrl], side: str, step: int) -> Iterator[dict[str, Any]]:
    """One dictionary for each write at which the driver was stopped."""
    for moment in itertools.count(1, step):
        address, arm = fresh(), Stop(moment, side)
        first, pipe = forked(partial(drive, address, arm))
        _, status = os.waitpid(first, os.WUNTRACED)
        if not os.WIFSTOPPED(status):  # there is no further write
            printed = os.read(pipe, 4096).decode()
            assert os.waitstatus_to_exitcode(status) == ENDED, printed
            return
        what = os.read(pipe, 4096).decode().strip()
        second, output = forked(partial(finish, address))
        if side == "after":  # which waits for the first driver's transaction
            os.kill(first, signal.SIGCONT)
        code = os.waitstatus_to_exitcode(os.waitpid(second, 0)[1])
        assert code == ENDED, os.read(output, 4096).decode()
        before = held(address)
        if side != "after":
            os.kill(first, signal.SIGCONT)
        ended = os.waitstatus_to_exitcode(os.waitpid(first, 0)[1])
        printed = os.read(pipe, 4096).decode()
        os.close(pipe)
        os.close(output)
        after = held(address)
        yield {"what": what, "ended": ended, "said": printed, "before": before, "after": after}


def fresh_copies(url: str) -> Callable[[], StorageUrl]:
    """Makes a study, and then a fresh copy of its database per call."""
    template = StorageUrl.parse(url)
    with quiet_optuna():
        study = create_or_resume(template, SPEC, ObjectiveInfo())
        write_spec(study, SPEC, ObjectiveInfo())
        backend: Any = getattr(study._storage, "_backend", None)
        if hasattr(backend, "engine"):
            backend.engine.dispose()
    count = itertools.count()

    def fresh() -> StorageUrl:
        if template.path is None:
            return _database_like(template, next(count))
        path = template.path.with_name(f"{next(count)}.{template.kind}")
        shutil.copyfile(template.path, path)
        return StorageUrl.parse(f"{template.kind}:///{path}")

    return fresh


def _database_like(template: StorageUrl, number: int) -> StorageUrl:
    real = sqlalchemy.make_url(template.url)
    name = f"{real.database}_{number}"
    admin = sqlalchemy.create_engine(
        real.set(database="postgres"), isolation_level="AUTOCOMMIT", poolclass=sqlalchemy.NullPool
    )
    with admin.connect() as connection:
        connection.exec_driver_sql(f"create database {name} template {real.database}")
    admin.dispose()
    return StorageUrl.parse(real.set(database=name).render_as_string(hide_password=False))


if __name__ == "__main__":
    for line in moments(fresh_copies(sys.argv[1]), sys.argv[2], int(sys.argv[3])):
        print(json.dumps(line), flush=True)
