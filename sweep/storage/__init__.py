"""Storages: URLs, databases, what is written of a study, and its one driver."""
