"""The driver process: runs a study and is the only process that writes to its storage."""
