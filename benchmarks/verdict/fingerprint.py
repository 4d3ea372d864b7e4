"""A digest of the code that produced a result."""

from __future__ import annotations

import ast
import hashlib
from pathlib import Path

import sweep

FRAMEWORK = Path(str(sweep.__file__)).parent
HERE = Path(__file__).parent


def digest(*paths: Path) -> str:
    """A digest of the code in these folders, without comments, docstrings and layout."""
    files = [file for path in paths for file in (path.rglob("*.py") if path.is_dir() else [path])]
    texts = [f"{file.name}\n{_bare(file.read_text(encoding='utf-8'))}" for file in files]
    return hashlib.sha256("\n".join(sorted(texts)).encode()).hexdigest()[:16]


def _bare(text: str) -> str:
    tree = ast.parse(text)
    for node in ast.walk(tree):
        body = getattr(node, "body", None)
        if isinstance(body, list):
            node.body = [each for each in body if not _is_words(each)]  # type: ignore[attr-defined]
    return ast.dump(tree)


def _is_words(node: ast.stmt) -> bool:
    """Whether a statement is a string by itself."""
    value = node.value if isinstance(node, ast.Expr) else None
    return isinstance(value, ast.Constant) and isinstance(value.value, str)
