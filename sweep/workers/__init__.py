"""Workers that compute trials: processes on this machine or Ray actors, and their messages."""
