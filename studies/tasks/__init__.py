"""One short study a task, which runs anywhere on the embedded base and data."""
