"""Studies that leave their database: as a table in a file, or for another database."""

from sweep.transfer.copy import copy_study
from sweep.transfer.export import export_study
from sweep.transfer.formats import FORMATS
from sweep.transfer.report import print_copy, print_export

__all__ = ["FORMATS", "copy_study", "export_study", "print_copy", "print_export"]
