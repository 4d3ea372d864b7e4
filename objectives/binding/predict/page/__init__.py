"""The page of one chain: its template, style sheet and script."""
