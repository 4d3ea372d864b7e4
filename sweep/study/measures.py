"""What an objective measures, and how a report shows it: data that is stored with the study.

The framework reads titles, units, tables and curves here, so that it needs nothing of the
objective to show a stored study.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import MISSING, asdict, dataclass, fields, is_dataclass
from types import NoneType, UnionType
from typing import Any, Self, get_args, get_origin, get_type_hints

from sweep.errors import SpecError, fault
from sweep.files.strict_json import word
from sweep.study.native import native_tree

Interval = tuple[float | None, float | None]
"""Lowest and highest possible value; None where there is no bound."""

OWN_KEYS = ("number", "value", "params", "shown", "metrics", "lora_config", "adapter")
"""Keys of the best trial in a report, which no table or curve may have."""

FIGURE_KEYS = (
    "importance", "variance-components", "modules", "effect", "heat", "size", "curves", "gap",
    "trial-curves", "history", "parallel", "timeline",
)  # fmt: skip
"""Keys, or first parts of keys, of a report's other figures."""

_NAME = re.compile(r"[a-z0-9]+([_-][a-z0-9]+)*")
_KEY = re.compile(rf"(?!({'|'.join(FIGURE_KEYS)})(-|$))[a-z0-9]+(-[a-z0-9]+)*")


@dataclass(frozen=True)
class Metric:
    """A number that an objective measures in each trial.

    A trial may also store variants of it: ``train_NAME`` (on training data), ``NAME_gap`` (the
    former minus the latter), ``test_NAME`` (by a final test), ``NAME_low`` and ``NAME_high`` (an
    interval).

    Attributes:
        name: its key in ``TrialResult.metrics``.
        title: its name for readers.
        unit: its unit; empty for a number without one.
        higher_is_better: whether higher values are better; None for neither.
        interval: its range.
        description: what it is, in a few words, for a model card; without one it is not listed
            there.
    """

    name: str
    title: str
    unit: str = ""
    higher_is_better: bool | None = None
    interval: Interval | None = None
    description: str = ""

    def direction_fault(self, direction: str) -> str:
        """The error if a study optimises this metric in the wrong direction; else empty."""
        if self.higher_is_better is None:
            return ""
        better = "maximize" if self.higher_is_better else "minimize"
        if better == direction:
            return ""
        which = "higher" if self.higher_is_better else "lower"
        rule = f"be {better!r} for {self.title}, of which {which} is better"
        return fault("direction", rule, direction)


@dataclass(frozen=True)
class TableRow:
    """A row of a table that is made of metrics.

    Attributes:
        name: its key in the report.
        title: its heading.
        values: column to the name of the metric that it shows, or to a constant. The row is left
            out of trials that lack the first of these metrics.
        mark: its name in the legend of a curve that marks it.
    """

    name: str
    title: str
    values: Mapping[str, str | float]
    mark: str = ""


@dataclass(frozen=True)
class Table:
    """A table of the best trial.

    Attributes:
        name: its key in the report and, if it has no ``rows``, in ``TrialResult.metrics``, where
            it maps a row's heading to metrics by name.
        title: heading above it.
        caption: what it shows, in one sentence.
        heading: heading of its first column.
        rows: rows made of metrics; empty for a stored table.
    """

    name: str
    title: str
    caption: str
    heading: str
    rows: tuple[TableRow, ...] = ()


@dataclass(frozen=True)
class Column:
    """A column of a stored curve.

    Attributes:
        name: its key.
        title: its name for readers.
        interval: the range of an axis that shows it; None to fit the values.
    """

    name: str
    title: str
    interval: tuple[float, float] | None = None


@dataclass(frozen=True)
class Curve:
    """A figure of the best trial, drawn from columns that each trial stores.

    Attributes:
        key: key of the figure; its file is named after it.
        name: key of the columns in ``TrialResult.metrics``, a mapping of lists of one length.
        title: heading of the figure.
        x: name of the column on the horizontal axis.
        y: name of the column on the vertical axis.
        columns: the columns, in the order in which a point's values are listed.
        caption: how to read it, in sentences that follow "Trial N,"; ``{n}`` is the number of
            points.
        marks: name of a table whose rows are marked on the curve; empty for none.
        points: whether its points are shown as markers.
        diagonal: legend of the line x = y, which is drawn unless this is empty.
        note: a number stored beside the columns, added to the caption.
    """

    key: str
    name: str
    title: str
    x: str
    y: str
    columns: tuple[Column, ...]
    caption: str
    marks: str = ""
    points: bool = False
    diagonal: str = ""
    note: Column | None = None


@dataclass(frozen=True)
class Measures:
    """All that a report needs to know of an objective's metrics.

    Attributes:
        metrics: the metrics, first the one that is the trial's value.
        tables: tables of the best trial, in the order in which they are shown.
        curves: figures of the best trial, in the order in which they are shown.
    """

    metrics: tuple[Metric, ...] = ()
    tables: tuple[Table, ...] = ()
    curves: tuple[Curve, ...] = ()

    @property
    def value(self) -> Metric:
        """The metric that is the trial's value."""
        return self.metrics[0] if self.metrics else Metric("", "value")

    def metric(self, name: str) -> Metric | None:
        """The metric of which a stored name is a variant, such as ``NAME`` of ``test_NAME``."""
        inside = f"_{name}_"
        found = (metric for metric in self.metrics if f"_{metric.name}_" in inside)
        return max(found, key=lambda metric: len(metric.name), default=None)

    def title(self, name: str) -> str:
        """The name of a metric, or of a variant of one, for readers.

        Example:
            >>> Measures((Metric("rmsd", "RMSD"),)).title("test_rmsd_low")
            'test RMSD low'
        """
        known = self.metric(name)
        if known is None:
            return name.replace("_", " ")
        before, after = re.split(rf"(?<![^_]){re.escape(known.name)}(?![^_])", name, maxsplit=1)
        return before.replace("_", " ") + known.title + after.replace("_", " ")

    def unit(self, name: str) -> str:
        """The unit of a metric or of a variant of one; empty without one."""
        known = self.metric(name)
        return known.unit if known else ""

    def unit_after(self, name: str) -> str:
        """The unit with a space before it, to follow a number; empty without one."""
        unit = self.unit(name)
        return f" {unit}" if unit else ""

    def faults(self, where: str) -> Iterator[str]:
        """Messages of all rules that the records break."""
        tables = [table.name for table in self.tables]
        names = {
            "metrics": [metric.name for metric in self.metrics],
            "tables": tables,
            "curves": [curve.key for curve in self.curves],
        }
        for kind, given in names.items():
            if len(set(given)) < len(given):
                yield fault(f"{where}.{kind}", "have different names", given)
        for name in dict.fromkeys([*tables, *(curve.name for curve in self.curves)]):
            if not _NAME.fullmatch(name) or name in OWN_KEYS:
                rule = "be small letters and digits, joined by - or _, and no key of the best trial"
                yield fault(f"a name in {where}", rule, name)
        for curve in self.curves:
            if not _KEY.fullmatch(curve.key):
                rule = "be small letters and digits, joined by -, and of no other figure"
                yield fault(f"a key in {where}.curves", rule, curve.key)
        for curve in self.curves:
            columns = [column.name for column in curve.columns]
            for name in {curve.x, curve.y} - set(columns):
                rule = f"name one of its columns, {', '.join(columns)}"
                yield fault(f"an axis of {where}.curves.{curve.key}", rule, name)
            if curve.marks and curve.marks not in tables:
                yield fault(f"{where}.curves.{curve.key}.marks", "name a table", curve.marks)

    def to_json(self) -> dict[str, Any]:
        """A JSON tree that ``from_json`` reads back."""
        return asdict(self)

    @classmethod
    def of(cls, metrics: object, tables: object, curves: object) -> Self:
        """What an objective gave, in plain types.

        Raises:
            SpecError: if a record is of another type, or breaks a rule.
        """
        tree = {"metrics": metrics, "tables": tables, "curves": curves}
        return cls.from_json(
            native_tree({name: _as_json(each) for name, each in tree.items()}),
            "the objective's facts",
        )

    @classmethod
    def from_json(cls, tree: object, where: str = "the attribute measures") -> Self:
        """Read back what ``to_json`` wrote.

        Args:
            tree: the JSON tree.
            where: what it is, for messages.

        Raises:
            SpecError: if it is not of that form, or breaks a rule.
        """
        made: Self = _read(cls, tree, where)
        faults = list(made.faults(where))
        if faults:
            raise SpecError(faults)
        return made


def _as_json(records: object) -> object:
    """Records as mappings; anything else unchanged, for the reader to refuse."""
    if not isinstance(records, (list, tuple)):
        return records
    return [
        asdict(each) if is_dataclass(each) and not isinstance(each, type) else each
        for each in records
    ]


def _read(kind: Any, value: Any, where: str) -> Any:
    """A value of an annotated type, from what ``dataclasses.asdict`` and JSON made of it.

    Of a dataclass, unknown fields are left out: a later version may have written them.
    """
    if is_dataclass(kind):
        return _read_dataclass(kind, value, where)
    origin, args = get_origin(kind), get_args(kind)
    if origin is UnionType:
        return _read_union(args, value, where)
    if origin is tuple and isinstance(value, (list, tuple)):
        kinds = [args[0]] * len(value) if args[1:] == (...,) else list(args)
        if len(kinds) == len(value):
            pairs = zip(kinds, value, strict=True)
            return tuple(_read(k, each, f"{where}[{i}]") for i, (k, each) in enumerate(pairs))
    if origin is not None and issubclass(origin, Mapping) and isinstance(value, Mapping):
        texts = {_read(str, name, where): each for name, each in value.items()}
        return {name: _read(args[1], each, f"{where}.{name}") for name, each in texts.items()}
    if kind is float and type(value) in (int, float) and not word(value):
        return value
    if origin is None and kind is not float and type(value) is kind:
        return value
    called = getattr(kind, "__name__", str(kind))
    raise SpecError(fault(where, f"be of type {called}", value))


def _read_union(kinds: tuple[Any, ...], value: Any, where: str) -> Any:
    if value is None and NoneType in kinds:
        return None
    *others, last = (kind for kind in kinds if kind is not NoneType)
    for kind in others:
        try:
            return _read(kind, value, where)
        except SpecError:
            continue
    return _read(last, value, where)


def _read_dataclass(kind: Any, value: Any, where: str) -> Any:
    if not isinstance(value, Mapping):
        raise SpecError(fault(where, f"be the fields of a {kind.__name__}", value))
    hints = get_type_hints(kind)
    given = {}
    for field in fields(kind):
        if field.name in value:
            given[field.name] = _read(hints[field.name], value[field.name], f"{where}.{field.name}")
        elif field.default is MISSING:
            raise SpecError(fault(where, f"have a {field.name}", dict(value)))
    return kind(**given)
