"""Storages without a study, with a foreign study, or with one that must not be changed."""

from __future__ import annotations

from bad_inputs import databases
from bad_inputs.case import Case, study, typed

DB = "--storage sqlite:///study.db"
CSV = "--storage sqlite:///study.csv"
NEW = "--storage sqlite:///new.db"
TWO_MARKS = "mysql://u@h/d?charset=utf8?password=s3cret"
WRONG_PORT = "postgresql://sweeper:s3cret@127.0.0.1:1/study"


OTHER = study(
    "space=Space({'x1': Choice(1, 2, 4, 16), 'x2': Int(1, 8)}), direction='minimize', "
    "sampler=Sampler('random', seed=1), settings={'noise': 0.5}, seeds=(0, 1)"
)


STORAGES = (
    typed("storage: empty", "status --storage="),
    typed("storage: a file name", "status --storage study.db"),
    typed("storage: an unknown scheme", "run study.py --storage nosuchdb://x/y"),
    typed("storage: MySQL", "status --storage mysql://u:s3cret@h/d"),
    typed("storage: in memory", "run study.py --storage sqlite:///:memory:"),
    typed("storage: in memory, with a password", "status --storage sqlite://u:s3cret@/:memory:"),
    typed("storage: no file", "run study.py --storage sqlite:///"),
    typed("storage: a journal without a file", "run study.py --storage journal:///"),
    typed("storage: a port of letters", "status --storage postgresql://u:s3cret@h:port/d"),
    typed("storage: unreadable with a password", "status --storage postgresql//u:s3cret@h/d"),
    typed("storage: a password in no URL", "status --storage host=h,password=s3cret"),
    typed("storage: a password after a second ?", f"run study.py --storage {TWO_MARKS}"),
    typed("storage: a file as folder", "run study.py --storage sqlite:///study.py/new.db"),
    typed("storage: status of a missing file", f"status {NEW}"),
    typed("storage: resume of a missing file", f"resume {NEW}"),
    typed("storage: importance of a missing file", f"importance {NEW}"),
    typed("storage: status of a missing journal", "status --storage journal:///new.log"),
    typed(
        "storage: status of a folder", "status --storage sqlite:///folder.db", databases.a_folder
    ),
    typed(
        "storage: a run in a folder",
        "run study.py --storage sqlite:///folder.db",
        databases.a_folder,
    ),
    typed("storage: status of a text", "status --storage sqlite:///notes.db", databases.notes),
    typed("storage: a run in a text", "run study.py --storage sqlite:///notes.db", databases.notes),
    typed(
        "storage: status of zero bytes", "status --storage sqlite:///empty.db", databases.zero_bytes
    ),
    typed("storage: status of a cut file", f"status {DB}", databases.cut_short),
    typed("storage: a run in a cut file", f"run study.py --trials 3 {DB}", databases.cut_short),
    typed(
        "storage: status of another's file",
        "status --storage sqlite:///theirs.db",
        databases.of_others,
    ),
    typed(
        "storage: a run in another's file",
        "run study.py --storage sqlite:///theirs.db",
        databases.of_others,
    ),
    typed(
        "storage: a run in another's with versions",
        "run study.py --storage sqlite:///theirs.db",
        databases.of_others_with_versions,
    ),
    typed("storage: status of a newer revision", f"status {DB}", databases.newer_tables),
    typed(
        "storage: a run in a newer revision",
        f"run study.py --trials 3 {DB}",
        databases.newer_tables,
    ),
    typed("storage: status of a newer study", f"status {DB}", databases.newer_study),
    typed(
        "storage: a run of a newer study", f"run study.py --trials 3 {DB}", databases.newer_study
    ),
    typed("storage: a damaged spec", f"status {DB}", databases.damaged_spec),
    typed("storage: resume of a damaged spec", f"resume {DB}", databases.damaged_spec),
    typed(
        "storage: resume of plain Optuna",
        "resume --storage sqlite:///plain.db",
        databases.plain_optuna,
    ),
    typed(
        "storage: a run in plain Optuna",
        "run study.py --storage sqlite:///plain.db",
        databases.plain_optuna,
    ),
    typed("storage: which of two studies", f"status {DB}", databases.two_studies),
    typed("storage: no such study", f"status {DB} --name tye"),
    typed("storage: an empty name", f"status {DB} --name="),
    Case("storage: a name with a line break", ("run", "study.py", "--name", "a\nb")),
    typed(
        "storage: status of a journal of text",
        "status --storage journal:///notes.log",
        databases.notes,
    ),
    typed(
        "storage: a run in a journal of text",
        "run study.py --storage journal:///notes.log",
        databases.notes,
    ),
    typed("storage: a question mark", "run study.py --storage sqlite:///a?b.db"),
    typed("storage: a query", "status --storage sqlite:///study.db?password=s3cret"),
    typed("storage: a host before a file", "status --storage sqlite://study.db"),
    typed("storage: a path of Windows", r"run study.py --storage sqlite:///C:\\runs\\a.db"),
    typed("storage: a home of no user", "run study.py --storage sqlite:///~no-such-user/a.db"),
    typed("storage: a folder's path", "run study.py --storage sqlite:///runs/"),
    typed("storage: two @", "status --storage postgresql://u:s3@cret@h/d"),
    typed("storage: a port too large", "status --storage postgresql://u:s3cret@h:99999/d"),
    typed("storage: an unknown parameter", "status --storage postgresql://u@h/d?sslmod=require"),
    typed("storage: a parameter twice", "status --storage postgresql://u@h/d?user=a&user=b"),
    typed("storage: a device", "run study.py --storage journal:////dev/null"),
    typed("storage: a journal of a database", "run study.py --storage journal:///study.db"),
    typed("storage: a copy into a table", f"copy {DB[10:]} journal:///study.py"),
    typed("storage: out of no user's home", f"export {DB} --out=~no-such-user/a.csv"),
    typed("storage: files with a key", f"run study.py {DB} --files=s3://me:s3cret@b/x"),
    typed("storage: a name too long", f"status --storage sqlite:///{'x' * 300}"),
    typed("storage: a run in an empty address", "run study.py --storage="),
    typed("storage: no server", f"status --storage {WRONG_PORT}"),
    typed("storage: a run without a server", f"run study.py --storage {WRONG_PORT}"),
    typed(
        "storage: no server, the password in the query",
        "status --storage postgresql://sweeper@127.0.0.1:1/study?password=s3cret",
    ),
    Case(
        "resume: another spec, each difference",
        ("run", "study.py", *DB.split()),
        OTHER,
    ),
    Case(
        "resume: another objective",
        ("run", "study.py", *DB.split()),
        study("objective='objectives.synthetic:Other'"),
    ),
    typed("resume: another setting", f"run study.py {DB} --set noise=1"),
    typed("resume: no such study", f"resume {DB} --name tye"),
    typed("resume: a driver is alive", f"resume {DB} --trials 3", databases.driven_here),
    typed(
        "resume: a driver elsewhere", f"run study.py {DB} --trials 3", databases.driven_elsewhere
    ),
    typed("extend: nothing", f"extend {DB}"),
    typed("extend: a missing file", f"extend {NEW} --add-choice x1=16"),
    typed("extend: a choice that is there", f"extend {DB} --add-choice x1=8"),
    typed("extend: a choice of another type", f"extend {DB} --add-choice x1=many"),
    typed("extend: a number of 5000 digits", f"extend {DB} --add-choice x1={'1' * 5000}"),
    typed("extend: lists 9000 deep", f"extend {DB} --add-choice x1={'[' * 9000}"),
    typed("extend: a choice of nothing", f"extend {DB} --add-choice x9=1"),
    typed("extend: a range for a choice", f"extend {DB} --add-choice x2=8"),
    typed("extend: a narrower range", f"extend {DB} --widen x2=2:3"),
    typed("extend: a range of words", f"extend {DB} --widen x2=low:high"),
    typed("extend: a range without end", f"extend {DB} --widen x2=1:inf"),
    typed("extend: no target sets", f"extend {DB} --add-target wide=all-linear"),
    typed("extend: many faults", f"extend {DB} --add-target x --add-choice x --widen x"),
    typed("extend: a driver is alive", f"extend {DB} --add-choice x1=16", databases.driven_here),
    typed("extend: a newer study", f"extend {DB} --add-choice x1=16", databases.newer_study),
    typed("export: to nowhere", f"export {DB}"),
    typed("export: an unknown suffix", f"export {DB} --out study.xlsx"),
    typed("export: no suffix", f"export {DB} --out study"),
    typed("export: onto the study", f"export {CSV} --out study.csv", databases.as_csv),
    typed("export: into a folder that is a file", f"export {DB} --out study.py/a.csv"),
    typed("export: of a missing file", f"export {NEW} --out a.csv"),
    typed("export: no such study", f"export {DB} --name tye --out a.csv"),
    typed("copy: to nowhere", "copy sqlite:///study.db"),
    typed("copy: onto itself", "copy sqlite:///study.db sqlite:///study.db"),
    typed("copy: onto itself by another path", "copy sqlite:///study.db sqlite:///./study.db"),
    typed("copy: of a missing file", "copy sqlite:///new.db sqlite:///copy.db"),
    typed(
        "copy: into another's file",
        "copy sqlite:///study.db sqlite:///theirs.db",
        databases.of_others,
    ),
    typed("copy: into a text", "copy sqlite:///study.db sqlite:///notes.db", databases.notes),
    typed("copy: of a cut file", "copy sqlite:///study.db sqlite:///copy.db", databases.cut_short),
    typed("copy: from MySQL", "copy mysql://u:s3cret@h/d sqlite:///copy.db"),
    typed("copy: to no server", f"copy sqlite:///study.db {WRONG_PORT}"),
    typed("copy: no such study", "copy sqlite:///study.db sqlite:///copy.db --name tye"),
)
