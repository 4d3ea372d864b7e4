"""Orthonormal basis columns of each parameter, for the linear model of effects.

A parameter's reference distribution is uniform over its choices, or over its range on the axis
(log2 where it is logarithmic). Under it every column here has mean 0 and mean square 1, and two
columns are uncorrelated, so that a squared coefficient is a variance component: a term in the
numerator of a Sobol index (Sobol' 2001, doi:10.1016/S0378-4754(00)00270-6).
"""

from __future__ import annotations

import math

import numpy as np
from numpy.polynomial import legendre
from scipy.linalg import helmert

from sweep._typing import FloatArray
from sweep.analysis.axes import Axis


def most_columns(axis: Axis, degree: int) -> int:
    """Number of basis columns: all contrasts of unordered choices, else at most ``degree``."""
    if axis.kind == "line":
        return degree
    return axis.size - 1 if axis.kind == "unordered" else min(degree, axis.size - 1)


def columns(axis: Axis, places: FloatArray, degree: int) -> FloatArray:
    """The orthonormal columns of a parameter at given coordinates.

    Args:
        axis: the parameter.
        places: coordinates on its axis, shape ``(n,)``.
        degree: polynomial degree for numbers and ordered choices; unordered choices always get
            all their contrasts.

    Returns:
        Shape ``(n, most_columns(axis, degree))``; polynomials in order of degree.
    """
    count = most_columns(axis, degree)
    if axis.kind == "line":
        unit = 2.0 * (places - axis.low) / (axis.high - axis.low) - 1.0
        scale = np.sqrt(2.0 * np.arange(1, count + 1) + 1.0)
        polynomials: FloatArray = legendre.legvander(unit, count)[:, 1:] * scale
        return polynomials
    table = _contrasts(axis.size) if axis.kind == "unordered" else _polynomials(axis.size)
    return table[places.astype(np.intp), :count]


def _contrasts(size: int) -> FloatArray:
    """Helmert contrasts, mean square 1, shape ``(size, size - 1)``."""
    contrasts: FloatArray = helmert(size).T * math.sqrt(size)
    return contrasts


def _polynomials(size: int) -> FloatArray:
    """Discrete orthonormal polynomials on 0..size-1 by degree, shape ``(size, size - 1)``."""
    unit = np.linspace(-1.0, 1.0, size)
    q, r = np.linalg.qr(legendre.legvander(unit, size - 1))
    return (q * np.sign(np.diag(r)))[:, 1:] * math.sqrt(size)
