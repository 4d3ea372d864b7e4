"""Predict the ligand type of each residue, on the embedded data: twelve short trials.

Run it:  lorasweep run studies.tasks.residue_classes

With ``--data`` and ``--base`` it runs on data and a base of your own.
"""

from studies.tasks.common import short_study

STUDY = short_study("residue_classes")
