"""Predictions of a kept adapter for chains from a FASTA file.

From below upwards: ``kept_adapter`` reads a folder that ``objectives.binding.kept`` wrote,
``predictor`` puts it on its base, ``stream`` sends chains through in windows, ``formats`` writes
them down and ``page`` draws one, ``records`` counts what a file holds, ``job`` is the whole.
"""

from objectives.binding.predict.job import Job, Request

__all__ = ["Job", "Request"]
