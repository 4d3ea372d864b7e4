"""Studies copied to a PostgreSQL server and back."""

import contextlib
import json
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import optuna
import psycopg
import pytest
from faults.postgres import PASSWORD, Postgres
from optuna.trial import create_trial
from sqlalchemy import make_url

from sweep.errors import StorageError
from sweep.storage.url import StorageUrl
from sweep.transfer.copy import copy_study, refuse_differences
from sweep.transfer.export import export_study
from sweep.transfer.snapshot import take

COPIER = """
import sys
from sweep.storage.url import StorageUrl
from sweep.transfer.copy import copy_study
copy_study(StorageUrl.parse(sys.argv[1]), None, StorageUrl.parse(sys.argv[2]))
"""


@pytest.fixture
def database(postgres: Postgres) -> str:
    """The URL of an empty database."""
    return postgres.new_database()


@pytest.mark.integration
def test_a_study_copied_to_a_server_and_back_is_unchanged(
    address: StorageUrl, foreign: optuna.Study, database: str, tmp_path: Path
) -> None:
    """Unusual texts, huge numbers, infinities, times, every state."""
    del foreign
    target = StorageUrl.parse(database)
    back = StorageUrl.parse(f"sqlite:///{tmp_path}/back.db")
    assert copy_study(address, None, target)["trials"] == 5
    copy_study(target, None, back)

    before = take(address, None)
    refuse_differences(before, take(target, None), target)
    refuse_differences(before, take(back, None), back)


@pytest.mark.integration
def test_a_server_is_exported(
    address: StorageUrl, foreign: optuna.Study, database: str, tmp_path: Path
) -> None:
    """To the same rows as the file that it was copied from."""
    del foreign
    target = StorageUrl.parse(database)
    copy_study(address, None, target)
    documents = []
    for source in (address, target):
        out = tmp_path / f"{source.kind}.json"
        export_study(source, None, out)
        documents.append(json.loads(out.read_text()))

    assert documents[0]["trials"] == documents[1]["trials"]


@pytest.mark.slow
def test_a_password_is_in_no_output(
    foreign: optuna.Study,
    url: str,
    database: str,
    tmp_path: Path,
    lorasweep: Callable[..., subprocess.CompletedProcess[str]],
) -> None:
    """Neither printed nor in any file, raw or quoted for a URL."""
    del foreign
    wrong = make_url(database).set(database="nowhere").render_as_string(hide_password=False)
    quoted = database.split("sweeper:")[1].split("@", maxsplit=1)[0]
    texts = []
    for arguments, code in (
        (("copy", url, database, "--json"), 0),
        (("copy", url, database, "--json"), 1),
        (("copy", database, "sqlite:///back.db"), 0),
        (("copy", url, wrong), 1),
        (("copy", wrong, "sqlite:///other.db"), 1),
        (("export", "--storage", database, "--out", "t.json", "--json"), 0),
        (("export", "--storage", database, "--out", "t.csv"), 0),
        (("export", "--storage", database, "--out", "t.parquet"), 0),
    ):
        done = lorasweep(*arguments)
        assert done.returncode == code, done.stderr
        texts += [done.stdout.encode(), done.stderr.encode()]
    files = [path for path in tmp_path.iterdir() if path.is_file()]
    texts += [path.read_bytes() for path in files]

    assert {"back.db", "t.json", "t.csv", "t.parquet"} <= {path.name for path in files}
    assert any(b"sweeper:***@" in text for text in texts)
    for secret in (PASSWORD, quoted):
        assert not any(secret.encode() in text for text in texts)


@pytest.mark.integration
def test_a_copy_to_a_server_that_was_killed_is_made_again(
    url: str, address: StorageUrl, database: str
) -> None:
    """The server releases the dead process's lock."""
    study = optuna.create_study(storage=url, study_name="long")
    steps = {step: step / 7 for step in range(10)}
    study.add_trials([create_trial(value=n / 3, intermediate_values=steps) for n in range(30)])
    target = StorageUrl.parse(database)
    copier = subprocess.Popen([sys.executable, "-c", COPIER, address.url, database])
    try:
        while not (done := _trials_in(database)):
            assert copier.poll() is None
            time.sleep(0.01)
    finally:
        copier.kill()
        copier.wait()

    assert 0 < done <= _trials_in(database) < 30
    with pytest.raises(StorageError, match="study 'long' must be whole"):
        take(target, None)
    report = copy_study(address, None, target)
    assert (report["trials"], report["redone"]) == (30, True)
    refuse_differences(take(address, None), take(target, None), target)


def _trials_in(url: str) -> int:
    """The number of trials in the copy; 0 while tables are being created."""
    with (
        psycopg.connect(url.replace("+psycopg", "")) as connection,
        contextlib.suppress(psycopg.errors.UndefinedTable),
    ):
        return connection.execute("select count(*) from trials").fetchone()[0]
    return 0


def test_a_name_too_long_for_a_column_is_one_clear_error(
    url: str, address: StorageUrl, database: str
) -> None:
    """A server's columns have a length limit, a file's have none."""
    study = optuna.create_study(storage=url, study_name="long")
    study.set_user_attr("x" * 600, 1)
    with pytest.raises(StorageError, match=r"TO must .*value too long"):
        copy_study(address, None, StorageUrl.parse(database))
