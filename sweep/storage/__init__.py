"""Storages: URLs, databases, the attributes stored with a study, and its driver lease."""
