"""Words of a task or field, which must not occur in the framework."""

from __future__ import annotations

import re

WORDS = re.compile(
    r"(?<![a-z])(residues?|ligands?|proteins?|amino|peptides?|chains?|fasta|esm[12]?|mcc|matthews"
    r"|recall|auroc|auprc|roc|binding[_ -]?sites?|bind(s|ing)? residues?)(?![a-z])",
    re.IGNORECASE,
)
"""A whole word, or a part of a name between underscores."""
