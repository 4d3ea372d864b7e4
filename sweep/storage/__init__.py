"""Storages: URLs, databases, the attributes stored with a study, and its driver lease."""

from typing import TYPE_CHECKING

if not TYPE_CHECKING:  # type checkers shall see the present names only
    from sweep._moved import of_storage as __getattr__  # noqa: F401 - names of version 0.1.0
