"""Products with a whole matrix, by the faster of two libraries."""

from __future__ import annotations

import torch
from torch.nn.functional import linear

from objectives.binding.packed.cpu import prefers_onednn


def multiply(
    rows: torch.Tensor, weight: torch.Tensor, bias: torch.Tensor | None = None
) -> torch.Tensor:
    """``rows @ weight.t() + bias``; autograd does not see into it.

    PyTorch multiplies float32 by MKL and bfloat16 by oneDNN. A tensor in oneDNN's own layout is
    how to ask for the other; the copies there and back cost a tenth of what it saves.

    Args:
        rows: shape (places, inputs).
        weight: shape (outputs, inputs), transposed or not.
        bias: shape (outputs,), or None.

    Returns:
        Shape (places, outputs).
    """
    wide = rows.device.type == "cpu" and rows.dtype == torch.float32
    if not (wide and len(rows) and prefers_onednn()):
        return linear(rows, weight, bias)
    its = None if bias is None else bias.to_mkldnn()
    return linear(rows.to_mkldnn(), weight.to_mkldnn(), its).to_dense()
