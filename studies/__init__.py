"""Studies: one short file each, runnable as a script or by ``lorasweep run``."""
