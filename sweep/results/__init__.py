"""Results of a stored study: table of trials, status and analysis."""
