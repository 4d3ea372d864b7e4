"""A stored study read back: its table, its status, its analysis."""
