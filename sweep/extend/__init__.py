"""Give a study that has trials more choices or wider ranges, and write down that it was done."""

from sweep.extend.extension import extend_study
from sweep.extend.request import Request, extended
from sweep.extend.shown import print_extension

__all__ = ["Request", "extend_study", "extended", "print_extension"]
