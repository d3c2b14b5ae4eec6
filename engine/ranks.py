"""Ranks of scores with ties, and AUC by them."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]
Scores = NDArray[np.floating[Any]]


def starts(ordered: NDArray[Any]) -> IntArray:
    """Where each run of equal values starts in a sorted array."""
    if not len(ordered):
        return np.zeros(0, dtype=np.int64)
    return np.concatenate([[0], np.flatnonzero(ordered[1:] != ordered[:-1]) + 1])


def dense_rank(score: Scores) -> tuple[IntArray, int]:
    """Ranks 0, 1, ... from the lowest score up, equal for equal scores, and how many differ."""
    order = np.argsort(score)
    start = starts(score[order])
    step = np.zeros(len(score), dtype=np.int64)
    step[start[1:]] = 1
    rank = np.empty(len(score), dtype=np.int64)
    rank[order] = np.cumsum(step)
    return rank, len(start)


def auc_by_ranks(positive: NDArray[np.bool_], rank: IntArray, groups: int) -> float | None:
    """Counted in halves of a pair, so exact: a positive beats the lower negatives, ties half."""
    wins = np.bincount(rank[positive], minlength=groups)
    negative = np.bincount(rank[~positive], minlength=groups)
    pairs = int(wins.sum()) * int(negative.sum())
    below = np.cumsum(negative) - negative
    return int(np.sum(wins * (2 * below + negative))) / (2 * pairs) if pairs else None
