"""Predict the number of binding residues of a chain, on the embedded data: twelve short trials.

Run it:  lorasweep run studies.tasks.sequence_regression

With ``--data`` and ``--base`` it runs on data and a base of your own.
"""

from studies.tasks.common import short_study

STUDY = short_study("sequence_regression")
