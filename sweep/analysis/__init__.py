"""Statistics on a table of trials: effects, importance, verdict, design; no database access."""
