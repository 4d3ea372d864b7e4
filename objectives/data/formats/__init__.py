"""Readers of data files, one module per format; each returns labelled chains."""
