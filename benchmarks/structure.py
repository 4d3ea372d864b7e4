"""Counts of the source's structure: files, lines, packages, import cycles, long functions.

Run it:  python -m benchmarks.structure [FOLDER]   (make structure)

Imports for typing and inside functions count too. ``FOLDER`` is a checkout, this one by default.
"""

from __future__ import annotations

import ast
import statistics
import sys
from collections.abc import Iterator
from pathlib import Path

import networkx as nx

PACKAGES = ("sweep", "objectives", "studies")
LONG = 40
"""Lines from which a function counts as long."""

Trees = dict[str, tuple[Path, ast.Module, int]]


def parsed(folder: Path) -> Trees:
    """Every module by its dotted name: its file, its tree and its lines."""
    found: Trees = {}
    for package in PACKAGES:
        for file in sorted((folder / package).rglob("*.py")):
            parts = file.relative_to(folder).with_suffix("").parts
            name = ".".join(parts[:-1] if parts[-1] == "__init__" else parts)
            text = file.read_text(encoding="utf-8")
            found[name] = file, ast.parse(text), text.count("\n")
    return found


def imports(trees: Trees) -> nx.DiGraph[str]:
    """Imports between these modules, including those for typing and inside functions."""
    graph: nx.DiGraph[str] = nx.DiGraph()
    graph.add_nodes_from(trees)
    for name, (_, tree, _) in trees.items():
        for node in ast.walk(tree):
            for candidates in _imported(node):
                found = next((each for each in candidates if each in trees), name)
                if found != name:
                    graph.add_edge(name, found)
    return graph


def _imported(node: ast.AST) -> Iterator[tuple[str, ...]]:
    """What an imported name may refer to: a module, or a name within one."""
    if isinstance(node, ast.Import):
        yield from ((alias.name,) for alias in node.names)
    elif isinstance(node, ast.ImportFrom) and node.module:
        yield from ((f"{node.module}.{alias.name}", node.module) for alias in node.names)


def functions(trees: Trees) -> list[int]:
    """Lines of each function, without decorators."""
    kinds = (ast.FunctionDef, ast.AsyncFunctionDef)
    nodes = (node for _, tree, _ in trees.values() for node in ast.walk(tree))
    return [(n.end_lineno or n.lineno) - n.lineno + 1 for n in nodes if isinstance(n, kinds)]


def counts(folder: Path) -> dict[str, object]:
    """The printed counts by name."""
    trees = parsed(folder)
    lines = {file.relative_to(folder): count for file, _, count in trees.values()}
    root = [file for file in (folder / "sweep").glob("*.py") if file.name != "__init__.py"]
    inside = [file.parent for file in (folder / "sweep").glob("*/__init__.py")]
    circles = [len(c) for c in nx.strongly_connected_components(imports(trees)) if len(c) > 1]
    longest = max(lines, key=lambda file: lines[file])
    return {
        "files": len(lines),
        "lines": sum(lines.values()),
        "median lines of a file": statistics.median(lines.values()),
        "files under 60 lines": sum(count < 60 for count in lines.values()),
        "longest file": f"{lines[longest]} ({longest})",
        "packages in sweep": len(inside),
        "modules at the root of sweep": len(root),
        "circles of imports": f"{len(circles)} {sorted(circles) if circles else ''}".strip(),
        f"functions over {LONG} lines": sum(count > LONG for count in functions(trees)),
    }


def main() -> None:
    """Print the counts of a checkout."""
    folder = Path(sys.argv[1]) if sys.argv[1:] else Path(__file__).parents[1]
    for name, value in counts(folder).items():
        print(f"{name:30} {value}")


if __name__ == "__main__":
    main()
