"""Compare two studies."""

from __future__ import annotations

from collections.abc import Collection, Iterator

from optuna.trial import FrozenTrial

from sweep.errors import StorageError, fault
from sweep.storage.url import StorageUrl
from sweep.transfer.records import Record, text, whole
from sweep.transfer.snapshot import Snapshot


def refuse_differences(
    source: Snapshot, copy: Snapshot, address: StorageUrl, without: Collection[str] = ()
) -> None:
    """Compare every trial and attribute of a study and its copy.

    Args:
        source: the copied study.
        copy: the copy, as read back.
        address: the copy's database.
        without: study attributes that are not written yet.

    Raises:
        StorageError: naming the first differences.
    """
    found = list(differences(source, copy, address, without))
    if found:
        raise StorageError(
            fault(
                f"the copy of {source.name!r}",
                "equal its source",
                "; ".join(found[:5]),
                where=f"{address.shown}, {len(found)} differences",
                way_out="Copy again, or into another kind of database",
            )
        )


def differences(
    source: Snapshot, copy: Snapshot, address: StorageUrl, without: Collection[str] = ()
) -> Iterator[str]:
    """The differences between a study and its copy, as short texts."""
    if source.directions != copy.directions:
        yield "directions"
    if len(source.trials) != len(copy.trials):
        yield f"{len(copy.trials)} trials for {len(source.trials)}"
    for mine, theirs in zip(source.trials, copy.trials, strict=False):
        before, after = _comparable(mine, address), _comparable(theirs, address)
        names = [name for name in before if before[name] != after[name]]
        if names:
            yield f"trial {mine.number}: {', '.join(names)}"
    for kind, had, has in (
        ("user", source.lasting_attrs, copy.lasting_attrs),
        ("system", source.system_attrs, copy.system_attrs),
    ):
        for key in sorted({*had, *has} - set(without)):
            if key not in had or key not in has or text(had[key]) != text(has[key]):
                yield f"{kind} attribute {key}"


def _comparable(trial: FrozenTrial, address: StorageUrl) -> Record:
    """All of a trial that the database can store; SQLite drops the sign of a zero."""
    record = whole(trial)
    if address.kind == "sqlite":
        values = trial.values
        record["values"] = None if values is None else text([_unsigned(v) for v in values])
        for name in ("intermediate_values", "params"):
            tree = getattr(trial, name)
            record[name] = text({key: _unsigned(value) for key, value in tree.items()})
    return record


def _unsigned(value: object) -> object:
    return value + 0.0 if isinstance(value, float) else value
