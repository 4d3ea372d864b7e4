"""Workers: processes on this machine or actors on a Ray cluster, and their messages."""
