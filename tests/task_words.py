"""Words of one task or field, which the framework must not know."""

from __future__ import annotations

import re

WORDS = re.compile(
    r"(?<![a-z])(residues?|ligands?|proteins?|amino|peptides?|chains?|fasta|esm[12]?|mcc|matthews"
    r"|recall|auroc|auprc|roc|binding[_ -]?sites?|bind(s|ing)? residues?)(?![a-z])",
    re.IGNORECASE,
)
"""A whole word, or a part of a name between underscores."""
