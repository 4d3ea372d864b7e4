"""Extend a stored study: more trials, levels, parameters or claims."""
