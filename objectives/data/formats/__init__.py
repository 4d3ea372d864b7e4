"""Readers of data files: one file a format, all give chains with labels."""
