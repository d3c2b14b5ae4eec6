"""Ranking and fit metrics: by hand, with ties, against scikit-learn, and at their edges."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import log_loss as sklearn_log_loss
from sklearn.metrics import ndcg_score, roc_auc_score

from engine.errors import TrainingError
from engine.events import METRICS
from engine.metrics import Ranking, auc, evaluate, log_loss, mse, ndcg, random_ndcg


def ratings(n: int, users: int, seed: int, levels: int = 0) -> tuple[np.ndarray, ...]:
    """n ratings in random order; scores take `levels` values, or differ all when 0."""
    rng = np.random.default_rng(seed)
    score = rng.integers(0, levels, n) / levels if levels else rng.random(n)
    return rng.integers(0, users, n), (rng.random(n) < 0.3).astype(float), score


def array(*values: float) -> np.ndarray:
    return np.array(values, dtype=float)


# AUC


def test_auc_by_hand() -> None:
    # Positives .8 and .4, negatives .6 and .2: of four pairs only (.4, .6) is the wrong way round.
    assert auc(array(1, 1, 0, 0), array(0.8, 0.4, 0.6, 0.2)) == 0.75


def test_a_tie_counts_half() -> None:
    # Pairs: (.5, .5) half, (.5, .1) won: 1.5 of 2.
    assert auc(array(1, 0, 0), array(0.5, 0.5, 0.1)) == 0.75


def test_a_constant_score_is_exactly_a_coin() -> None:
    assert auc(array(1, 0, 0, 1, 0), np.full(5, 0.3)) == 0.5


@pytest.mark.parametrize("label", [array(1, 1, 1), array(0, 0), array()])
def test_auc_does_not_exist_without_both_classes(label: np.ndarray) -> None:
    assert auc(label, np.linspace(0, 1, len(label))) is None


@settings(deadline=None, max_examples=60)
@given(st.integers(2, 300), st.integers(0, 10_000), st.sampled_from([0, 2, 5, 30]))
def test_auc_against_scikit_learn(n: int, seed: int, levels: int) -> None:
    _, label, score = ratings(n, 5, seed, levels)
    if 0 < label.sum() < n:
        assert auc(label, score) == pytest.approx(roc_auc_score(label, score), abs=1e-12)
        assert auc(label, score) + auc(1 - label, score) == pytest.approx(1.0)


def test_auc_depends_on_order_only() -> None:
    _, label, score = ratings(200, 5, 1)
    assert auc(label, score) == auc(label, np.exp(9 * score) - 4)
    assert auc(label, score.astype(np.float32)) == pytest.approx(auc(label, score), abs=1e-4)


def test_auc_per_user_is_the_mean_over_users_with_both_classes() -> None:
    user = np.array([3, 7, 3, 7, 9, 3])
    label = array(1, 0, 0, 1, 1, 0)
    score = array(0.5, 0.9, 0.5, 0.1, 0.7, 0.2)
    # User 3: 1.5 of 2 pairs; user 7: 0 of 1; user 9 has a positive only.
    assert Ranking(user, label).user_auc(score) == pytest.approx(0.375)
    assert Ranking(user[4:5], label[4:5]).user_auc(score[4:5]) is None


@settings(deadline=None, max_examples=40)
@given(st.integers(10, 200), st.integers(0, 10_000), st.sampled_from([0, 3]))
def test_auc_per_user_against_a_loop(n: int, seed: int, levels: int) -> None:
    user, label, score = ratings(n, 6, seed, levels)
    each = [auc(label[user == u], score[user == u]) for u in np.unique(user)]
    known = [value for value in each if value is not None]
    expected = np.mean(known) if known else None
    assert Ranking(user, label).user_auc(score) == (expected and pytest.approx(expected))


# NDCG


def test_ndcg_by_hand() -> None:
    # Ranked: positive, negative, positive. DCG@2 = 1, DCG@3 = 1 + 1/2; ideal = 1 + 1/log2(3).
    user, label, score = np.zeros(3, dtype=int), array(1, 1, 0), array(0.9, 0.1, 0.5)
    ideal = 1 + 1 / math.log2(3)
    assert ndcg(user, label, score, 2) == pytest.approx(1 / ideal)
    assert ndcg(user, label, score, 3) == pytest.approx(1.5 / ideal)
    assert ndcg(user, label, score, 1) == 1.0
    assert ndcg(user, label, score, 99) == ndcg(user, label, score, 3)


def test_ties_share_their_mean_relevance() -> None:
    # Two rows tie on top, one of them positive: each place is worth half a positive.
    user, label, score = np.zeros(3, dtype=int), array(0, 1, 0), array(0.5, 0.5, 0.1)
    assert ndcg(user, label, score, 5) == pytest.approx((1 + 1 / math.log2(3)) / 2)
    assert ndcg(user, label, score, 1) == pytest.approx(0.5)  # the tie crosses the cut


def test_each_user_ranks_only_their_own_items() -> None:
    user = np.array([4, 4, 8, 8])
    label = array(1, 0, 0, 1)
    assert ndcg(user, label, array(0.2, 0.1, 0.8, 0.9), 1) == 1.0
    assert ndcg(user, label, array(0.2, 0.1, 0.9, 0.8), 1) == 0.5


def test_users_without_a_positive_are_left_out_or_count_zero() -> None:
    user, label, score = np.array([0, 0, 1, 1, 2]), array(1, 0, 0, 0, 0), array(0.9, 1, 0.3, 0.2, 0)
    one = 1 / math.log2(3)
    assert ndcg(user, label, score, 5) == pytest.approx(one)
    assert ndcg(user, label, score, 5, all_users=True) == pytest.approx(one / 3)
    assert Ranking(user, label).users_with_positive == 1
    assert Ranking(user, label).users == 3


def test_ndcg_does_not_exist_without_a_positive() -> None:
    user, label = np.array([0, 1]), array(0, 0)
    assert ndcg(user, label, array(0.1, 0.2), 5) is None
    assert ndcg(user, label, array(0.1, 0.2), 5, all_users=True) == 0.0
    assert random_ndcg(user, label, 5) is None
    assert ndcg(user[:0], label[:0], label[:0], 5) is None
    assert ndcg(user[:0], label[:0], label[:0], 5, all_users=True) is None


@settings(deadline=None, max_examples=60)
@given(
    st.integers(8, 200),
    st.integers(0, 10_000),
    st.sampled_from([0, 2, 4]),
    st.sampled_from([1, 5, 10]),
)
def test_ndcg_against_scikit_learn(n: int, seed: int, levels: int, k: int) -> None:
    user, label, score = ratings(n, 4, seed, levels)
    own = [user == u for u in np.unique(user)]
    each = [
        ndcg_score([label[rows]], [score[rows]], k=k)
        for rows in own
        if rows.sum() > 1 and label[rows].any()
    ]
    if any(rows.sum() == 1 for rows in own) or not each:
        return  # scikit-learn refuses a single item
    assert ndcg(user, label, score, k) == pytest.approx(np.mean(each), abs=1e-12)
    everyone = np.sum(each) / len(own)
    assert ndcg(user, label, score, k, all_users=True) == pytest.approx(everyone, abs=1e-12)


@settings(deadline=None, max_examples=40)
@given(st.integers(1, 100), st.integers(0, 10_000))
def test_the_order_of_the_rows_does_not_matter(n: int, seed: int) -> None:
    user, label, score = ratings(n, 5, seed, 4)
    order = np.random.default_rng(seed).permutation(n)
    straight = evaluate(user, label, score)
    mixed = evaluate(user[order], label[order], score[order])
    for name in METRICS:
        assert straight[name] == (straight[name] and pytest.approx(mixed[name], abs=1e-12))


def test_the_best_order_scores_one_and_none_scores_more() -> None:
    user, label, score = ratings(500, 40, 2)
    assert ndcg(user, label, label, 5) == pytest.approx(1.0)
    assert ndcg(user, label, score, 5) < 1


# A scorer that knows nothing


def test_the_random_line_by_hand() -> None:
    # One positive of two items: E[DCG@1] = 1/2, E[DCG@2] = (1 + 1/log2(3)) / 2; ideal 1.
    user, label = np.zeros(2, dtype=int), array(1, 0)
    assert random_ndcg(user, label, 1) == pytest.approx(0.5)
    assert random_ndcg(user, label, 2) == pytest.approx((1 + 1 / math.log2(3)) / 2)


@pytest.mark.parametrize("k", [1, 5, 10])
def test_the_random_line_is_a_constant_scorer_and_the_mean_of_random_ones(k: int) -> None:
    user, label, _ = ratings(600, 60, 3)
    rank = Ranking(user, label)
    line = rank.random_ndcg(k)
    assert rank.ndcg(np.zeros(600), k) == pytest.approx(line, abs=1e-12)
    rng = np.random.default_rng(4)
    drawn = [rank.ndcg(rng.random(600), k) for _ in range(300)]
    assert np.mean(drawn) == pytest.approx(line, abs=4 * np.std(drawn) / math.sqrt(300))
    share = rank.users_with_positive / rank.users
    assert rank.random_ndcg(k, all_users=True) == pytest.approx(line * share)


# Fit


def test_squared_error_and_log_loss_by_hand() -> None:
    label, score = array(1, 0), array(0.8, 0.4)
    assert mse(label, score) == pytest.approx((0.04 + 0.16) / 2)
    assert log_loss(label, score) == pytest.approx(-(math.log(0.8) + math.log(0.6)) / 2)


def test_log_loss_clips_scores_to_a_thousandth() -> None:
    assert log_loss(array(1, 0), array(-3, 7)) == pytest.approx(-math.log(1e-3))
    assert log_loss(array(1, 0), array(7, -3)) == pytest.approx(-math.log(1 - 1e-3))


def test_log_loss_against_scikit_learn() -> None:
    _, label, score = ratings(300, 5, 6)
    inside = np.clip(score, 1e-3, 1 - 1e-3)
    assert log_loss(label, score) == pytest.approx(sklearn_log_loss(label, inside))


def test_fit_does_not_exist_without_ratings() -> None:
    assert mse(array(), array()) is None
    assert log_loss(array(), array()) is None


# All together


def test_evaluate_gives_every_metric_of_the_store() -> None:
    user, label, score = ratings(300, 20, 7)
    told = evaluate(user, label, score)
    assert tuple(told) == METRICS
    assert told["auc"] == auc(label, score)
    assert told["ndcg5"] == ndcg(user, label, score, 5)
    assert told["ndcg10"] == ndcg(user, label, score, 10)
    assert told["mse"] == mse(label, score)
    assert told["log_loss"] == log_loss(label, score)
    assert Ranking(user, label).evaluate(score) == told


def test_an_empty_part_has_no_metric() -> None:
    empty = np.zeros(0)
    assert evaluate(empty.astype(int), empty, empty) == dict.fromkeys(METRICS)


def test_scores_that_are_not_numbers_are_refused() -> None:
    with pytest.raises(TrainingError, match="diverged"):
        evaluate(np.array([0, 0]), array(0, 1), array(0.3, math.nan))


def test_scores_of_another_length_are_a_mistake() -> None:
    with pytest.raises(ValueError, match=r"\(3,\) labels, but \(2,\) scores"):
        auc(array(0, 1, 1), array(0.1, 0.2))
