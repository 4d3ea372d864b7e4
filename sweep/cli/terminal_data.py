"""Reports of the verb ``data``, as text."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from rich.console import Console

from sweep.terminal.formatting import line, number, table

Tree = Mapping[str, Any]

_LEVELS = ("identical", "identity_90", "identity_50", "identity_30")
_LIGANDS = 15
_SKIPPED = 20
_FILES = 20


def print_fetched(report: Tree, console: Console) -> None:
    """Print what was fetched, and its folder."""
    line(console, f"{report['name']}  {report['title']}")
    fetched, files = report["fetched"], report["files"]
    done = "all were there" if not fetched else f"{fetched} fetched from {report['from']}"
    line(console, f"{files} files, {number(report['bytes'])} bytes, SHA-256 verified; {done}")
    line(console, f"folder  {report['folder']}")


def print_converted(report: Tree, console: Console) -> None:
    """Print what was written, per split."""
    _skipped(report["skipped_bad"], console)
    _counts(report["left_open"], console)
    rows = [
        [name, *(number(split[each]) for each in ("records", "rows", "chains"))]
        for name, split in report["splits"].items()
    ]
    table(console, ["split", "records", "rows", "distinct sequences"], rows, left=("split",))
    line(console, f"wrote {', '.join(report['files'])}; read back equal")


def print_described(report: Tree, console: Console) -> None:
    """Print the report of ``data describe``: splits, ligands, families and leakage.

    Args:
        report: see ``objectives.data.tools.describe.describe``.
        console: the console to print to.
    """
    line(console, f"source   {report['source']}")
    line(console, f"records  {number(report['records'])}")
    dropped = {
        "absorbed into another of the same sequence": report["merged"],
        "dropped, the same sequence is held out": report["dropped_overlap"],
        "dropped for their length": report["dropped_long"],
        "bad, left out": len(report["skipped_bad"]),
    }
    _counts({**dropped, **report["left_open"]}, console)
    _skipped(report["skipped_bad"], console)
    line(console, f"split    {report['split_method']}")
    _files(report, console)
    if report["clusters"] is not None:
        groups, largest = number(report["clusters"]), number(report["largest_cluster"])
        line(console, f"groups   {groups}, the largest of {largest} chains")
    line(console)
    _splits(report["splits"], console)
    _ligands(report["ligands"], console)
    _families(report["families"], console)
    _leakage(report["leakage"], console)


def _skipped(texts: Sequence[str], console: Console) -> None:
    for text in texts[:_SKIPPED]:
        line(console, f"skipped  {text}")
    if len(texts) > _SKIPPED:
        line(console, f"         and {number(len(texts) - _SKIPPED)} more with --json")


def _files(report: Tree, console: Console) -> None:
    for split, files in report.get("files", {}).items():
        for name, count in list(files.items())[:_FILES]:
            line(console, f"read     {split}: {name}, {number(count)} chains")
        if len(files) > _FILES:
            line(console, f"         and {number(len(files) - _FILES)} more with --json")
    for text in report.get("passed_over", ()):
        line(console, f"passed over  {text}")
    for text in report.get("notes", ()):
        line(console, f"note     {text}")


def _counts(counts: Mapping[str, int], console: Console) -> None:
    for what, count in counts.items():
        if count:
            line(console, f"         {number(count)} {what}")


def _splits(splits: Tree, console: Console) -> None:
    first = next(iter(splits.values()))
    columns = {
        "chains": "chains",
        "residues": "residues",
        "positives": "positives",
        "positives_share": "share",
        "chains_without_positives": "without",
        "masked": "masked",
    }
    shown = {name: title for name, title in columns.items() if first.get(name) is not None}
    rows = [
        [
            name,
            *(
                _percent(split[each]) if each == "positives_share" else number(split[each])
                for each in shown
            ),
            *(number(length) for length in split["lengths"].values()),
        ]
        for name, split in splits.items()
    ]
    header = ["split", *shown.values()]
    lengths = first["lengths"]
    header += [f"length {name}" if name == "min" else name for name in lengths]
    table(console, header, rows, left=("split",))
    _labels(
        {name: split["labels"] for name, split in splits.items() if split.get("labels")}, console
    )


def _labels(labels: Mapping[str, Tree], console: Console) -> None:
    """Counts of classes, or the range of numbers, of each split."""
    for split, found in labels.items():
        counts = found.get("classes", found)
        first = list(counts.items())[:_LIGANDS]
        more = f" and {len(counts) - _LIGANDS} more" if len(counts) > _LIGANDS else ""
        said = ", ".join(f"{name} {value:.6g}" for name, value in first)
        line(console, f"labels   {split}: {said}{more}")


def _ligands(ligands: Tree, console: Console) -> None:
    line(console)
    if not ligands:
        line(console, "no ligand is named")
        return
    first = list(ligands.items())[:_LIGANDS]
    rows = [[name, number(each["residues"]), number(each["chains"])] for name, each in first]
    table(console, ["ligand", "residues that bind", "chains"], rows, left=("ligand",))
    if len(ligands) > _LIGANDS:
        line(console, f"and {len(ligands) - _LIGANDS} more with --json")


def _families(families: Tree, console: Console) -> None:
    line(console)
    if not families["families"]:
        line(console, "no protein family is named")
        return
    having, without = number(families["chains_with"]), number(families["chains_without"])
    said = f"protein families {number(families['families'])}"
    line(console, f"{said}, named by {having} chains; {without} name none")
    rows = [[name, number(count)] for name, count in families["commonest"].items()]
    table(console, ["commonest", "chains"], rows, left=("commonest",))


def _leakage(leakage: Tree | None, console: Console) -> None:
    if leakage is None:
        return
    line(console)
    line(console, f"held-out chains with a relative in train ({leakage['method']})")
    rows = [
        [name, number(split["chains"]), *(_percent(split[level]) for level in _LEVELS)]
        for name, split in leakage.items()
        if isinstance(split, Mapping)
    ]
    header = ["split", "chains", "identical", "at 90 %", "at 50 %", "at 30 %"]
    table(console, header, rows, left=("split",))


def _percent(share: float | None) -> str:
    return "-" if share is None else f"{100 * share:.1f} %"
