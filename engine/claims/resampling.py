"""Every metric on many resamplings of the users at once.

A user drawn w times brings all of their test ratings w times. Metrics that are means over users or
ratings need sums by user only; AUC needs one sort and, per resampling, one cumulative sum.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import numpy as np
from numpy.typing import NDArray

from engine.claims.ratings import Contest, SeedTest
from engine.metrics import CLIP

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]

# Numbers held at once by the AUC of a chunk of resamplings.
CHUNK = 4_000_000


def user_weights(users: int, replicates: int, rng: np.random.Generator) -> FloatArray:
    """How often each user is drawn, [users, 1 + replicates]; the first column is the data itself.

    Every other column draws as many users as there are, with replacement.
    """
    drawn = rng.multinomial(users, np.full(users, 1 / users), size=replicates)
    return np.concatenate([np.ones((users, 1)), drawn.T], axis=1)


def resampled_metrics(contest: Contest, weights: FloatArray, users: IntArray) -> FloatArray:
    """Every method's metrics, [methods, metrics, seeds, columns of weights]; NaN: does not exist.

    Args:
        contest: what was scored.
        weights: [len(users), R], the same for every seed.
        users: the codes, sorted, of every user in some seed.
    """
    shape = (len(contest.methods), len(contest.metrics), len(contest.tests), weights.shape[1])
    out = np.empty(shape)
    for s, test in enumerate(contest.tests):
        code = np.searchsorted(users, test.user).astype(np.int64)
        for m, method in enumerate(contest.methods):
            for k, metric in enumerate(contest.metrics):
                out[m, k, s] = weighted_metric(metric, code, test, method, weights)
    return out


def weighted_metric(
    metric: str, code: IntArray, test: SeedTest, method: str, weights: FloatArray
) -> FloatArray:
    """One metric of one method in one seed for every column of weights, [R]; NaN: does not exist.

    Args:
        metric: a name of `events.METRICS`.
        code: the row of `weights` that each rating's user has, [n].
        test, method: whose scores on which ratings.
        weights: [users, R].
    """
    label = np.asarray(test.label, dtype=np.float64)
    score = np.asarray(test.scores[method], dtype=np.float64)
    if metric == "auc":
        return weighted_auc(code, label, score, weights)
    total, count = _BY_USER[metric](code, label, score, len(weights))
    return _ratio(total @ weights, count @ weights)


def weighted_auc(
    code: IntArray, label: FloatArray, score: FloatArray, weights: FloatArray
) -> FloatArray:
    """AUC by mid-ranks with every rating repeated as often as its user, [R].

    sum over positives i and negatives j of w_i w_j (1[s_i > s_j] + 1[s_i = s_j] / 2), over the sum
    of w_i w_j. Whole numbers until the division, so exact whatever the order or the chunks.
    """
    positive = label > 0.5
    order = np.argsort(score[~positive], kind="stable")
    negative_user, ladder = code[~positive][order], score[~positive][order]
    below = np.searchsorted(ladder, score[positive], side="left")
    up_to = np.searchsorted(ladder, score[positive], side="right")
    out = np.empty(weights.shape[1])
    step = max(CHUNK // max(len(score), 1), 1)
    for start in range(0, len(out), step):
        w = np.ascontiguousarray(weights[:, start : start + step])
        passed = np.zeros((len(ladder) + 1, w.shape[1]))
        np.cumsum(w[negative_user], axis=0, out=passed[1:])
        mine = w[code[positive]]
        won = np.einsum("pr,pr->r", mine, passed[below] + passed[up_to])
        out[start : start + step] = _ratio(won, 2 * mine.sum(axis=0) * passed[-1])
    return out


def ndcg_by_user(
    code: IntArray, label: FloatArray, score: FloatArray, users: int, k: int
) -> tuple[FloatArray, FloatArray]:
    """NDCG@k of every user as in `metrics.Ranking.ndcg`, and 1 where it exists; both [users]."""
    order = np.lexsort((-score, code))
    user, relevance, ranked = code[order], label[order], score[order]
    new = np.ones(len(order), dtype=bool)
    new[1:] = (user[1:] != user[:-1]) | (ranked[1:] != ranked[:-1])
    tie = np.cumsum(new) - 1
    shared = (np.bincount(tie, weights=relevance) / np.bincount(tie))[tie]
    place = np.arange(len(order)) - np.searchsorted(user, user)
    worth = np.where(place < k, 1 / np.log2(place + 2.0), 0.0)
    dcg = np.bincount(user, weights=shared * worth, minlength=users)
    positives = np.bincount(code, weights=label, minlength=users).astype(np.int64)
    best = np.concatenate([[0.0], np.cumsum(1 / np.log2(np.arange(k) + 2.0))])
    ideal = best[np.minimum(k, positives)]
    exists = positives > 0
    return np.divide(dcg, ideal, out=np.zeros(users), where=exists), exists.astype(np.float64)


def _mean_of(
    loss: Callable[[FloatArray, FloatArray], FloatArray],
) -> Callable[[IntArray, FloatArray, FloatArray, int], tuple[FloatArray, FloatArray]]:
    """Sums of a loss of one rating and the ratings' number, by user."""

    def by_user(
        code: IntArray, label: FloatArray, score: FloatArray, users: int
    ) -> tuple[FloatArray, FloatArray]:
        total = np.bincount(code, weights=loss(label, score), minlength=users)
        return total.astype(np.float64), np.bincount(code, minlength=users).astype(np.float64)

    return by_user


def _squared(label: FloatArray, score: FloatArray) -> FloatArray:
    return np.asarray((score - label) ** 2, dtype=np.float64)


def _negative_log(label: FloatArray, score: FloatArray) -> FloatArray:
    p = np.clip(score, CLIP, 1 - CLIP)
    return np.asarray(-np.log(np.where(label > 0.5, p, 1 - p)), dtype=np.float64)


def _ratio(total: FloatArray, count: FloatArray) -> FloatArray:
    """total / count, NaN where nothing was counted."""
    out = np.full(np.shape(count), np.nan)
    return np.asarray(np.divide(total, count, out=out, where=count > 0), dtype=np.float64)


_BY_USER: dict[str, Callable[..., tuple[FloatArray, FloatArray]]] = {
    "ndcg5": partial(ndcg_by_user, k=5),
    "ndcg10": partial(ndcg_by_user, k=10),
    "mse": _mean_of(_squared),
    "log_loss": _mean_of(_negative_log),
}
