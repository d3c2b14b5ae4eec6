"""How well scores rank and fit held-out ratings: AUC, NDCG@k, squared error, log loss (METHOD 6).

Labels are 0/1. A metric that does not exist (a class or a positive is absent) is None, never 0.
Everything that does not depend on the scores is computed once, in `Ranking`, so that an epoch costs
two sorts.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from engine.errors import TrainingError
from engine.events import METRICS
from engine.ranks import FloatArray, IntArray, Scores, auc_by_ranks, dense_rank, starts

CLIP = 1e-3  # log loss takes scores within [CLIP, 1 - CLIP]


def auc(label: FloatArray, score: Scores) -> float | None:
    """P(a positive scores above a negative), a tie counting half: AUC by mid-ranks.

    0.5 for a constant score, None when a class is absent.

    Raises:
        TrainingError: a score is not a number.
    """
    return auc_by_ranks(_checked_label(label, score), *dense_rank(score))


def ndcg(
    user: IntArray, label: FloatArray, score: Scores, k: int, all_users: bool = False
) -> float | None:
    """Mean over users of DCG@k over ideal DCG@k; see `Ranking.ndcg`."""
    return Ranking(user, label).ndcg(score, k, all_users)


def random_ndcg(user: IntArray, label: FloatArray, k: int, all_users: bool = False) -> float | None:
    """Expected NDCG@k of a scorer that knows nothing, exactly; see `Ranking.random_ndcg`."""
    return Ranking(user, label).random_ndcg(k, all_users)


def mse(label: FloatArray, score: Scores) -> float | None:
    """Mean of (score - label)^2; None without ratings."""
    return float(np.mean((score.astype(np.float64) - label) ** 2)) if len(label) else None


def log_loss(label: FloatArray, score: Scores) -> float | None:
    """Mean of -log P(label), the score clipped to [1e-3, 1 - 1e-3]; None without ratings."""
    if not len(label):
        return None
    p = np.clip(score.astype(np.float64), CLIP, 1 - CLIP)
    return float(-np.mean(np.log(np.where(label > 0.5, p, 1 - p))))


def evaluate(user: IntArray, label: FloatArray, score: Scores) -> dict[str, float | None]:
    """Every metric of `events.METRICS`; keep a `Ranking` where this is asked again and again."""
    return Ranking(user, label).evaluate(score)


class Ranking:
    """One part of the ratings (validation, say), prepared for scoring again and again.

    Args:
        user: codes [n]. Each user's own ratings are ranked, and nothing else.
        label: 0/1 [n].
    """

    def __init__(self, user: IntArray, label: FloatArray) -> None:
        self.label = np.asarray(label, dtype=np.float64)
        self._user = np.unique(user, return_inverse=True)[1].astype(np.int64)
        self._positive = self.label > 0.5
        self._count = np.bincount(self._user)
        self._positives = np.bincount(self._user[self._positive], minlength=len(self._count))
        first = np.cumsum(self._count) - self._count
        # Sorted by user, the user and the place of every row are the same for any score.
        self._by_user = np.repeat(np.arange(len(self._count)), self._count)
        self._place = np.arange(len(user)) - first[self._by_user]
        self._worth = _discount(self._place)
        self._at: dict[int, _Ideal] = {}  # by k

    @cached_property
    def users(self) -> int:
        """Users with a rating here."""
        return len(self._count)

    @cached_property
    def users_with_positive(self) -> int:
        """Users with a positive here: those NDCG is a mean over."""
        return int((self._positives > 0).sum())

    def auc(self, score: Scores) -> float | None:
        """The global AUC, as the function `auc`."""
        self._check(score)
        return auc_by_ranks(self._positive, *dense_rank(score))

    def user_auc(self, score: Scores) -> float | None:
        """AUC within a user, mean over the users with both classes; None without such a user."""
        self._check(score)
        order, start = self._ties(*dense_rank(score))
        both = (self._positives > 0) & (self._positives < self._count)
        if not both.any():
            return None
        positive = np.add.reduceat(self._positive[order].astype(np.int64), start)
        negative = np.diff(np.append(start, len(order))) - positive
        user = self._by_user[start]
        # Best group first: the negatives a group beats are its user's after it.
        after = np.cumsum(self._count - self._positives)[user] - np.cumsum(negative)
        won = np.bincount(user, weights=positive * (after + negative / 2), minlength=self.users)
        pairs = self._positives * (self._count - self._positives)
        return float(np.mean(won[both] / pairs[both]))

    def ndcg(self, score: Scores, k: int, all_users: bool = False) -> float | None:
        """Mean over users of DCG@k / ideal DCG@k.

        DCG@k = sum_{j <= k} rel_j / log2(j + 1) over the user's own ratings, best score first; rows
        with equal scores share their mean relevance. Ideal: min(P_u, k) positives on top.
        Users without a positive are left out; with `all_users` they count 0. None without users.

        Raises:
            TrainingError: a score is not a number.
        """
        self._check(score)
        return self._mean_ndcg(k, all_users, self._groups(*dense_rank(score)))

    def random_ndcg(self, k: int, all_users: bool = False) -> float | None:
        """E[NDCG@k] of a random scorer: E[DCG] = P_u / n_u * sum_{j <= min(k, n_u)} 1/log2(j+1)."""
        total = np.concatenate([[0.0], np.cumsum(_discount(np.arange(k)))])
        reached: FloatArray = total[np.minimum(k, self._count)]
        expected: FloatArray = reached * self._positives / self._count
        return self._mean_over_users(expected, k, all_users)

    def evaluate(self, score: Scores) -> dict[str, float | None]:
        """Every metric of `events.METRICS` for one score [n].

        Raises:
            TrainingError: a score is not a number.
        """
        self._check(score)
        rank, groups = dense_rank(score)
        found = self._groups(rank, groups)
        compute: dict[str, Callable[[], float | None]] = {
            "auc": lambda: auc_by_ranks(self._positive, rank, groups),
            "ndcg5": lambda: self._mean_ndcg(5, False, found),
            "ndcg10": lambda: self._mean_ndcg(10, False, found),
            "mse": lambda: mse(self.label, score),
            "log_loss": lambda: log_loss(self.label, score),
        }
        return {name: compute[name]() for name in METRICS}

    def _check(self, score: Scores) -> None:
        _checked_label(self.label, score)

    def _ties(self, rank: IntArray, groups: int) -> tuple[IntArray, IntArray]:
        """Rows by user, best score first, and where each group of equal scores starts."""
        key = self._user * max(groups, 1) - rank
        order = np.argsort(key)
        ordered = key[order]
        return order, starts(ordered)

    def _groups(self, rank: IntArray, groups: int) -> tuple[IntArray, FloatArray]:
        """Groups of equal scores of one user: where each starts, and its mean relevance."""
        order, start = self._ties(rank, groups)
        if not len(order):
            return start, np.zeros(0)
        size = np.diff(np.append(start, len(order)))
        return start, np.add.reduceat(self.label[order], start) / size

    def _mean_ndcg(
        self, k: int, all_users: bool, groups: tuple[IntArray, FloatArray]
    ) -> float | None:
        start, relevance = groups
        if not len(start):
            return None
        gain = relevance * np.add.reduceat(self._ideal(k).discount, start)
        sums = np.bincount(self._by_user[start], weights=gain, minlength=self.users)
        return self._mean_over_users(np.asarray(sums, dtype=np.float64), k, all_users)

    def _mean_over_users(self, dcg: FloatArray, k: int, all_users: bool) -> float | None:
        ideal = self._ideal(k)
        count = self.users if all_users else len(ideal.some)
        return float(np.sum(dcg[ideal.some] / ideal.best) / count) if count else None

    def _ideal(self, k: int) -> _Ideal:
        """What NDCG@k needs and no score changes."""
        if k not in self._at:
            total = np.concatenate([[0.0], np.cumsum(_discount(np.arange(k)))])
            best: FloatArray = total[np.minimum(k, self._positives)]
            some = np.flatnonzero(best > 0)
            discount = np.where(self._place < k, self._worth, 0.0)
            self._at[k] = _Ideal(discount, some, best[some])
        return self._at[k]


@dataclass(frozen=True)
class _Ideal:
    """discount [n] of each row's place, 0 from place k on; some: users with a positive, whose ideal
    DCG@k is best.
    """

    discount: FloatArray
    some: IntArray
    best: FloatArray


def _discount(place: NDArray[np.integer[Any]]) -> FloatArray:
    return np.asarray(1 / np.log2(place + 2.0), dtype=np.float64)


def _checked_label(label: FloatArray, score: Scores) -> NDArray[np.bool_]:
    if np.shape(score) != np.shape(label):
        raise ValueError(f"{np.shape(label)} labels, but {np.shape(score)} scores")
    if np.isnan(score).any():
        raise TrainingError(
            "the predictions are no longer numbers: the run has diverged; lower lr or lam"
        )
    return np.asarray(label) > 0.5
