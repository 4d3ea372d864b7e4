"""The content of a report, as one JSON document."""
