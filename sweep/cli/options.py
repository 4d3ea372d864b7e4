"""Options that several verbs share: dataclasses that the options of a verb inherit."""

from __future__ import annotations

import contextlib
import math
import shlex
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from typer import Argument, Option

from sweep.errors import UsageError, fault
from sweep.files.location import at_home, parse_location, refuse_secrets, text_of
from sweep.study.source import GRANTS, Source
from sweep.study.spec import StudySpec
from sweep.trackers import NAMES
from sweep.workers.ray.config import RayConfig

if TYPE_CHECKING:  # both import SQLAlchemy
    import optuna

    from sweep.storage.url import StorageUrl


def option(
    text: str, value: str, *, default: Any = None, written: str = "", any_case: bool = False
) -> Any:
    """A field that is an option with a value: ``--name`` for the field ``name``.

    Args:
        text: what the help says.
        value: what the help shows for its value.
        default: its value if it is not given; ``list`` for an option that may be repeated, and
            ``...`` for one that must be given.
        written: how it is written, if not as the field.
        any_case: whether a choice may be written in upper case.
    """

    def declare(name: str) -> Any:
        shown = written or dashed(name)
        return Option(shown, metavar=value, help=text, case_sensitive=not any_case)

    if default is ...:
        return field(metadata={"declare": declare})
    if default is list:
        return field(default_factory=list, metadata={"declare": declare})
    return field(default=default, metadata={"declare": declare})


def flag(text: str) -> Any:
    """A field that is true if its option is given; the help says the text."""
    return field(default=False, metadata={"declare": lambda name: Option(dashed(name), help=text)})


def argument(text: str, name: str) -> Any:
    """A field that is an argument, which must be given; the help shows its name and text."""
    return field(metadata={"declare": lambda _: Argument(metavar=name, help=text)})


def dashed(name: str) -> str:
    """An option as it is written: ``--take-over`` for ``take_over``."""
    return f"--{name.replace('_', '-')}"


@dataclass(kw_only=True)
class VerbOptions:
    """The options of every verb.

    Attributes:
        json: whether to print JSON.
        verb: the function that does what the verb says.
        command: the command line, with the program's name.
    """

    json: bool = flag("print one JSON document")
    verb: Callable[[Any], int] = field(init=False, repr=False)
    command: Sequence[str] = field(init=False, default=())


@dataclass(kw_only=True)
class NamedStudy(VerbOptions):
    """The name of a study."""

    name: str | None = option("the study's name in its database", "NAME")


@dataclass(kw_only=True)
class StoredStudy(NamedStudy):
    """A study in a database."""

    storage: str = option("the database", "URL", default=...)


@dataclass(kw_only=True)
class Inputs(VerbOptions):
    """The inputs of a study."""

    data: str | None = option("labelled chains: a folder, file or data set", "DIR")
    base: str | None = option("the base model: a folder or a Hub name", "MODEL")


@dataclass(kw_only=True)
class Grants(VerbOptions):
    """Code that inputs may run."""

    allow_pickle: bool = flag(
        "load pickled weights and data, which can run any code: only files you trust"
    )
    trust_remote_code: bool = flag("run the code that a base model brings along")


@dataclass(kw_only=True)
class Trust(Grants):
    """Code that a database may name."""

    trust_study: bool = flag(
        "run the code that the database names; once, for a study that you did not run here"
    )


TRUSTING = ("trust_study", *GRANTS)
"""The options of ``Trust``."""


@dataclass(kw_only=True)
class StudyFile(Inputs, Grants, NamedStudy):
    """A study's file, and changes of it."""

    study: str = argument(
        "a module or file that holds STUDY: studies.demo, or studies/demo.py", "STUDY"
    )
    settings: list[str] = option(
        "fix one setting of the objective (epochs=2); may be repeated",
        "NAME=VALUE",
        written="--set",
        default=list,
    )
    skip_bad: bool = flag("drop, count and list unreadable records instead of stopping at them")


@dataclass(kw_only=True)
class StudyFileStored(StudyFile):
    """A study's file, and a database that has a default."""

    storage: str | None = option("the database (sqlite:///runs/NAME/study.db)", "URL")


@dataclass(kw_only=True)
class TakeOver(VerbOptions):
    """What to do about another driver."""

    take_over: bool = flag("go on although another process seems to drive the study")


@dataclass(kw_only=True)
class Driving(TakeOver):
    """How trials are run."""

    seconds: float | None = option("start no new trial after this long", "SECONDS")
    workers: str = option(
        "worker processes, or auto: as many as suit the machine", "N", default="auto"
    )
    pack: str = option(
        "trials that each worker trains together, or auto: as many as it best does",
        "K",
        default="auto",
    )
    on_failure: str | None = option(
        "continue with other trials, stop, or retry(K): run a failed trial K times more", "POLICY"
    )
    max_retries: int | None = option("how often a trial may be interrupted and run again", "N")
    keep: str | None = option(
        "trained adapters to keep: of the best trial, of all, or none", "WHICH"
    )
    files: str | None = option(
        "where checkpoints and adapters go (beside the database; runs/files for a server)", "DIR"
    )
    launcher: Literal["local", "ray"] = option(
        "worker processes on this machine, or actors on a Ray cluster", "local|ray", default="local"
    )
    ray_address: str = option(
        "with --launcher ray: auto, or the address of a cluster; one is started without",
        "ADDRESS",
        default="",
    )
    resources: str = option(
        "with --launcher ray: what a worker takes, such as gpu=0.5,cpu=2 (cpu=1)",
        "NAME=N,...",
        default="",
    )
    track: list[str] = option(
        f"also log every trial to {', '.join(NAMES)}; may be repeated", "TRACKER", default=list
    )
    final_test: bool = field(init=False, default=False)


@dataclass(kw_only=True)
class Budget(Driving):
    """Until when trials are run, and what comes afterwards."""

    trials: int | None = option("run until this many trials are COMPLETE", "N")
    final_test: bool = flag("afterwards score the test split with the best trial, once")


@dataclass(kw_only=True)
class RunOptions(StudyFileStored, Budget):
    """The options of ``run``, here because ``--detach`` reads and writes them too."""

    detach: bool = flag(
        "with --launcher ray: submit this command as a job of the cluster, and return"
    )


@dataclass(kw_only=True)
class Thoroughness(VerbOptions):
    """How much of an analysis is made."""

    quick: bool = flag("without cross-checks, which may veto, and without what chance gives")


@dataclass(kw_only=True)
class Serving(VerbOptions):
    """A server that shows a study in a browser."""

    port: int = option("0 for any that is free", "PORT", default=8088)
    open: bool = flag("open it in this machine's browser")


_BARE = ("study", "source", "fasta")
_PATHS = (*_BARE, "adapter", "out", "html", "files")
"""Options and arguments that are paths; ``--data`` and ``--base`` may also be names."""


def expand_paths(options: VerbOptions) -> None:
    """Expand a leading ``~`` in each path option, where the shell did not.

    Raises:
        UsageError: lists all that name the home of an unknown user.
    """
    faults: list[str] = []
    for name in _PATHS:
        text = getattr(options, name, None)
        if not isinstance(text, str):
            continue
        try:
            setattr(options, name, at_home(text, name if name in _BARE else f"--{name}"))
        except UsageError as error:
            faults += error.faults
    if faults:
        raise UsageError(faults)


def amount(options: VerbOptions, name: str) -> int | None:
    """The number that an option gives; None for ``auto``, or if the verb lacks the option.

    Raises:
        UsageError: if it is neither ``auto`` nor a whole number of 1 or more.
    """
    text: str = getattr(options, name, "auto")
    if text == "auto":
        return None
    try:
        number = int(text)
    except ValueError:
        number = 0
    if number < 1:
        raise UsageError(fault(f"--{name}", "be auto, or a whole number of 1 or more", text))
    return number


def cluster(options: Driving) -> RayConfig | None:
    """The Ray cluster that the options name; None for this machine.

    Raises:
        UsageError: lists all faults of these options.
    """
    faults, resources = [], {}
    for part in filter(None, (each.strip() for each in options.resources.split(","))):
        name, _, text = part.partition("=")
        try:
            resources[name.strip()] = float(text)
        except ValueError:
            resources[name.strip()] = -1.0
    bad = [name for name, n in resources.items() if not name or not 0 <= n < math.inf]
    if bad:
        rule, way_out = "be NAME=NUMBER, parted by commas", "For example gpu=0.5,cpu=2"
        faults.append(fault("--resources", rule, options.resources, way_out=way_out))
    if options.launcher != "ray":
        for name in ("ray_address", "resources"):
            if getattr(options, name):
                rule = "go with --launcher ray"
                faults.append(fault(dashed(name), rule, getattr(options, name)))
    if faults:
        raise UsageError(faults)
    return RayConfig(options.ray_address, resources) if options.launcher == "ray" else None


def files_option(options: Driving) -> str:
    """The place for checkpoints as an absolute path or URL; empty if not given."""
    if options.files is None:
        return ""
    refuse_secrets(options.files)
    where = parse_location(options.files)
    return text_of(where.resolve() if isinstance(where, Path) else where)


def storage_of(spec: StudySpec, options: StudyFileStored) -> StorageUrl:
    """The database named on the command line, or the study's default."""
    from sweep.storage.url import StorageUrl, default_url

    return StorageUrl.parse(default_url(spec.name) if options.storage is None else options.storage)


def naming(address: StorageUrl, study: str) -> str:
    """The options that name a study in its database, as a shell reads them."""
    return f"--storage {shlex.quote(address.shown)} --name {shlex.quote(study)}"


@contextlib.contextmanager
def opened(options: StoredStudy) -> Iterator[tuple[optuna.Study, StorageUrl]]:
    """The study that the options name, made by lorasweep or not, and its database.

    Optuna is quiet while the context is open.
    """
    from sweep.storage.studies import open_known, quiet_optuna
    from sweep.storage.url import StorageUrl

    with quiet_optuna():
        address = StorageUrl.parse(options.storage)
        yield open_known(address, options.name), address


def trusted_source(study: optuna.Study, address: StorageUrl, options: Trust) -> Source | None:
    """The folders of a trusted study's code, which are added to ``sys.path``.

    Args:
        study: made by lorasweep.
        address: its database.
        options: what the user trusts.

    Returns:
        The folders as found by this process; None for a study that is not trusted and has one of
        lorasweep's own objectives.

    Raises:
        UsageError: if the study is not trusted.
        StorageError: if the database cannot be read.
    """
    from sweep.storage.studies import read_source, read_spec
    from sweep.storage.trust import require

    granted = {name: getattr(options, name) for name in GRANTS}
    if not require(study, address, granted, trusted=options.trust_study):
        return None
    return Source.of(read_source(study).study, read_spec(study).objective)
