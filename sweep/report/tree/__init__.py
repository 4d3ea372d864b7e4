"""The content of a report as one JSON tree."""
