"""Importable aliases of modules under their names of version 0.1.0, kept for one release.

User code imports them: ``from sweep.objective import Facts``. Each such import issues a
``DeprecationWarning`` and provides the names of the present modules.
"""

from __future__ import annotations

import importlib
import sys
import warnings
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from types import ModuleType
from typing import Any

MOVED = {
    "objectives.lanes": ("objectives.cooperative",),
    "sweep.claim": ("sweep.study.claim",),
    "sweep.importance": (
        "sweep.analysis.importance.importance",
        "sweep.analysis.importance.methods",
        "sweep.analysis.importance.result",
    ),
    "sweep.judge": ("sweep.analysis.verdict.verdict", "sweep.analysis.verdict.result"),
    "sweep.objective": ("sweep.study.objective", "sweep.study.loading"),
    "sweep.phases": ("sweep.study.design",),
    "sweep.report.gather": ("sweep.report.tree.build",),
    "sweep.rows": ("sweep.analysis.rows",),
    "sweep.space": ("sweep.study.parameters", "sweep.study.space"),
    "sweep.spec": ("sweep.study.spec",),
    "sweep.table": ("sweep.analysis.table",),
    "sweep.tabulate": ("sweep.results.table",),
    "sweep.targets": ("sweep.study.targets",),
    "sweep.trial": ("sweep.study.trial",),
}
"""The present modules for the names of each old module."""

RENAMED = {
    "sweep.objective": {"Facts": "ObjectiveInfo"},
    "sweep.trial": {"nobody_waits": "no_refill"},
}
"""Renamed objects, by their old module."""

STORAGE = {
    "Address": "url.StorageUrl",
    "StorageLostError": "errors.StorageLostError",
    "default_url": "url.default_url",
    "exclusive": "database.storage_lock",
    "folder_beside": "url.folder_beside",
    "folder_name": "url.folder_name",
    "give_up": "guard.give_up",
    "is_ours": "attributes.is_ours",
    "one_file": "database.disable_wal",
    "signed": "attributes.signed",
    "storage_errors": "errors.storage_errors",
    "take": "guard.take",
    "told": "attributes.own_attributes",
    "trials_of": "attributes.trials_of",
    "write_ahead": "database.enable_wal",
    **{
        name: f"studies.{name}"
        for name in (
            *("baselines", "best_trial", "count_states", "create_or_resume", "find_study"),
            *("known_pins", "load_study", "open_known", "open_study", "pinned", "quiet_optuna"),
            *("read_identity", "read_pins", "read_points", "read_source", "read_spec"),
            *("write_source", "write_spec"),
        )
    },
}
"""Names that ``sweep.storage`` itself had, and where they are within it."""


class MovedFinder(MetaPathFinder, Loader):
    """An import finder and loader for the old modules."""

    def find_spec(self, fullname: str, *_: object) -> ModuleSpec | None:
        """A spec that this loader loads; None for any other module."""
        return ModuleSpec(fullname, self) if fullname in MOVED else None

    def create_module(self, spec: ModuleSpec) -> None:
        """Use Python's default module."""

    def exec_module(self, module: ModuleType) -> None:
        """Copy the names of the present modules into the old one, with a warning."""
        old = module.__name__
        where = " and ".join(MOVED[old])
        warnings.warn(f"{old} is now {where}", DeprecationWarning, stacklevel=2)
        for name in MOVED[old]:
            new = importlib.import_module(name)
            names = {key: value for key, value in vars(new).items() if not key.startswith("__")}
            vars(module).update(names)
        for before, now in RENAMED.get(old, {}).items():
            vars(module)[before] = vars(module)[now]


def install() -> None:
    """Register the finder for the old modules, once."""
    if not any(isinstance(finder, MovedFinder) for finder in sys.meta_path):
        sys.meta_path.insert(0, MovedFinder())  # a folder of old bytecode is a package too


def of_storage(name: str) -> Any:
    """An attribute of ``sweep.storage`` as in version 0.1.0, with a warning.

    Raises:
        AttributeError: if it had none of that name.
    """
    if name not in STORAGE:
        raise AttributeError(f"module 'sweep.storage' has no attribute {name!r}")
    module, _, now = STORAGE[name].rpartition(".")
    where = f"sweep.storage.{module}"
    warnings.warn(f"sweep.storage.{name} is now {where}.{now}", DeprecationWarning, stacklevel=3)
    return getattr(importlib.import_module(where), now)
