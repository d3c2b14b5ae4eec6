"""Scores of the models that a run keeps, pair by pair, in float64 (no torch).

factors   mu + b_u + c_i + P_u . Q_i      theta, DR's imputation, an MF balancing model
linear    b_u + c_i + a_level             AutoDebias' omegas
neural    v . relu(A'P_u + B'Q_i)         an NCF balancing model
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from engine.diagnostics import FloatArray, IntArray

Arrays = Mapping[str, NDArray[Any]]
CHUNK = 1 << 16


def has(arrays: Arrays, prefix: str) -> bool:
    """Whether a model of that name is kept."""
    return any(name.startswith(f"{prefix}.") for name in arrays)


def factors(arrays: Arrays, prefix: str, user: IntArray, item: IntArray) -> FloatArray:
    """Matrix factorisation at pairs, [n]."""
    P, Q, b, c = (_of(arrays, prefix, name) for name in "PQbc")
    score = b[user] + c[item]
    for start in range(0, len(score), CHUNK):
        rows = slice(start, start + CHUNK)
        score[rows] += np.einsum("nd,nd->n", P[user[rows]], Q[item[rows]])
    if f"{prefix}.mu" in arrays:
        score += float(arrays[f"{prefix}.mu"][0])
    return np.asarray(score, dtype=np.float64)


def linear(
    arrays: Arrays, prefix: str, user: IntArray, item: IntArray, level: IntArray
) -> FloatArray:
    """User, item and level of a pair (0 missing, 1 negative, 2 positive), [n]."""
    b, c, a = (_of(arrays, prefix, name) for name in "bca")
    return np.asarray(b[user] + c[item] + a[level], dtype=np.float64)


def neural(arrays: Arrays, prefix: str, user: IntArray, item: IntArray) -> FloatArray:
    """One ReLU layer on joined embeddings, [n]."""
    P, Q, A, B, v = (_of(arrays, prefix, name) for name in "PQABv")
    left, right = P @ A, Q @ B
    score = np.empty(len(user))
    for start in range(0, len(score), CHUNK):
        rows = slice(start, start + CHUNK)
        score[rows] = np.maximum(left[user[rows]] + right[item[rows]], 0) @ v
    return score


def _of(arrays: Arrays, prefix: str, name: str) -> FloatArray:
    return np.asarray(arrays[f"{prefix}.{name}"], dtype=np.float64)
