"""The driver process: it runs a study and is the one that writes to the storage."""
