"""Weight diagnostics: by hand, invariant to the weights' mass, and sound at their edges."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.diagnostics import (
    EDGE_SLACK,
    clustered_covariance,
    clustered_mean,
    ess_share,
    kl,
    log2_histogram,
    log_correlation,
    normalised_entropy,
    sample_pairs,
    violation,
    weight_block,
)
from engine.events import HISTOGRAM_EDGES

WEIGHTS = np.array([1.0, 3.0])  # q = (1/4, 3/4)
BINS = len(HISTOGRAM_EDGES) + 1


# One block of weights


def test_a_block_by_hand() -> None:
    block = weight_block(WEIGHTS, np.array([3.0, 1.0]))
    entropy = -(0.25 * math.log(0.25) + 0.75 * math.log(0.75))
    assert block.entropy == pytest.approx(entropy / math.log(2))
    assert block.ess == pytest.approx(1 / (2 * (1 / 16 + 9 / 16)))
    assert block.ess_estimate == pytest.approx(1.0)  # w / p is constant here
    assert block.largest == pytest.approx(1.5)
    assert block.cv == pytest.approx(0.5)


def test_uniform_weights_score_one() -> None:
    block = weight_block(np.full(700, 0.08 / 700), np.array([1.0] * 350 + [3.0] * 350))
    assert (block.entropy, block.ess, block.largest) == pytest.approx((1.0, 1.0, 1.0))
    assert block.cv == pytest.approx(0.0, abs=1e-12)
    assert block.ess_estimate == pytest.approx(2**2 / 5)  # mean 2, mean square 5


def test_one_weight_alone_and_one_that_has_it_all() -> None:
    assert normalised_entropy(np.array([5.0])) == 1.0
    assert ess_share(np.array([5.0])) == 1.0
    alone = np.array([0.0, 0.0, 2.0, 0.0])
    assert normalised_entropy(alone) == 0.0
    assert ess_share(alone) == 0.25


@settings(deadline=None, max_examples=60)
@given(st.lists(st.floats(1e-3, 1e3), min_size=2, max_size=50), st.floats(1e-6, 1e6))
def test_the_mass_does_not_matter(values: list[float], mass: float) -> None:
    w = np.array(values)
    one, other = weight_block(w, w), weight_block(w * mass, w)
    for name in ("entropy", "ess", "ess_estimate", "largest", "cv"):
        assert getattr(one, name) == pytest.approx(getattr(other, name), rel=1e-9, abs=1e-9)
    assert 1 / len(w) - 1e-12 <= one.ess <= 1 + 1e-12
    assert 0 <= one.entropy <= 1 + 1e-12
    assert one.ess == pytest.approx(1 / (1 + one.cv**2))


def test_violation_is_signed_and_keeps_the_mass() -> None:
    assert violation(np.array([0.1, 0.3]), np.array([1.0, 2.0]), 0.5) == pytest.approx(0.2)
    assert violation(np.array([0.1, 0.3]), np.array([1.0, 2.0]), 1.0) == pytest.approx(-0.3)


# Histogram


def test_the_histogram_by_hand() -> None:
    counts = log2_histogram(np.array([1.0, 3.0]))  # mean 2: log2 of 1/2 and 3/2
    assert counts.dtype == np.int32
    assert counts.shape == (BINS,)
    assert counts.sum() == 2
    edges = np.array(HISTOGRAM_EDGES)
    assert counts[int(np.flatnonzero(edges == -1)[0]) + 1] == 1  # a bin holds its lower edge
    assert counts[np.searchsorted(edges, math.log2(1.5))] == 1


def test_weights_beyond_the_edges_are_counted_not_lost() -> None:
    w = np.ones(10_000)
    w[:3] = 0.0
    w[3:5] = 1e-4
    w[5] = 50.0
    counts = log2_histogram(w)
    assert counts[0] == 5
    assert counts[-1] == 1
    assert counts.sum() == 10_000


@pytest.mark.parametrize("n", [3, 49, 6960])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_uniform_weights_fall_in_one_bin(n: int, dtype: type) -> None:
    rounding = 1 + np.random.default_rng(0).choice([-1, 0, 1], n) * np.finfo(dtype).eps
    counts = log2_histogram((rounding / n).astype(dtype))
    assert counts.max() == n
    assert counts.argmax() == int(np.flatnonzero(np.array(HISTOGRAM_EDGES) == 0)[0]) + 1


@settings(deadline=None, max_examples=60)
@given(st.integers(1, 500), st.integers(0, 10_000))
def test_the_histogram_against_numpy(n: int, seed: int) -> None:
    w = np.exp(np.random.default_rng(seed).normal(size=n))
    log2 = np.log2(w / w.mean() / (1 - EDGE_SLACK))
    edges = [-np.inf, *HISTOGRAM_EDGES, np.inf]
    assert log2_histogram(w).tolist() == np.histogram(log2, edges)[0].tolist()


# Two sets of weights


def test_log_correlation_by_hand() -> None:
    w = np.array([1.0, 2.0, 4.0])
    assert log_correlation(w, w**3) == pytest.approx(1.0)
    assert log_correlation(w, 5 / w) == pytest.approx(-1.0)
    other = np.exp(np.array([0.0, 1.0, 0.0]))
    assert log_correlation(w, other) == pytest.approx(0.0, abs=1e-12)


def test_log_correlation_of_uniform_weights_does_not_exist() -> None:
    noise = (1 + 1e-7 * np.random.default_rng(0).normal(size=100)).astype(np.float32)
    other = np.random.default_rng(1).random(100)
    assert log_correlation(noise, other) is None
    assert log_correlation(other, np.full(100, 3.0)) is None
    assert log_correlation(np.array([1.0, 0.0]), np.array([1.0, 2.0])) is None


def test_log_correlation_leaves_weights_of_zero_out() -> None:
    w, other = np.array([0.0, 1.0, 2.0, 5.0]), np.array([9.0, 2.0, 1.0, 3.0])
    expected = np.corrcoef(np.log(w[1:]), np.log(other[1:]))[0, 1]
    assert log_correlation(w, other) == pytest.approx(expected)


def test_kl_by_hand() -> None:
    expected = 0.25 * math.log(0.25 / 0.5) + 0.75 * math.log(0.75 / 0.5)
    assert kl(WEIGHTS, np.array([7.0, 7.0])) == pytest.approx(expected)
    assert kl(WEIGHTS, 0.01 * WEIGHTS) == pytest.approx(0.0, abs=1e-15)
    assert kl(WEIGHTS, np.array([0.0, 1.0])) == math.inf
    assert kl(np.array([0.0, 1.0]), WEIGHTS) == pytest.approx(math.log(4 / 3))


# Means with clustered errors


def test_clusters_of_one_give_the_usual_error() -> None:
    x = np.random.default_rng(0).normal(size=50)
    mean, se = clustered_mean(x, np.arange(50))
    assert mean == pytest.approx(x.mean())
    assert se == pytest.approx(x.std(ddof=1) / math.sqrt(50))


def test_a_clustered_error_by_hand() -> None:
    # Mean 2; cluster sums of deviations -2, 0, +2: SE^2 = 3/2 * 8 / 16.
    mean, se = clustered_mean(np.array([1.0, 1.0, 2.0, 4.0]), np.array([7, 7, 3, 9]))
    assert (mean, se) == (pytest.approx(2.0), pytest.approx(math.sqrt(0.75)))


def test_repeating_every_rating_of_a_user_teaches_nothing() -> None:
    x = np.random.default_rng(1).normal(size=40)
    once = clustered_mean(x, np.arange(40))
    thrice = clustered_mean(np.repeat(x, 3), np.repeat(np.arange(40), 3))
    assert thrice == pytest.approx(once)


def test_a_single_cluster_tells_no_error() -> None:
    mean, se = clustered_mean(np.array([1.0, 3.0]), np.array([5, 5]))
    assert mean == 2.0
    assert math.isnan(se)


def test_the_covariance_of_several_means() -> None:
    rng = np.random.default_rng(2)
    x, user = rng.normal(size=(200, 3)), rng.integers(0, 30, 200)
    mean, covariance = clustered_covariance(x, user)
    for j in range(3):
        assert (mean[j], math.sqrt(covariance[j, j])) == pytest.approx(
            clustered_mean(x[:, j], user)
        )
    direction = np.array([1.0, -2.0, 0.5])  # the variance of a combination, both ways
    assert direction @ covariance @ direction == pytest.approx(
        clustered_mean(x @ direction, user)[1] ** 2
    )


def test_the_clustered_error_is_the_spread_of_the_mean() -> None:
    rng = np.random.default_rng(3)
    user = np.repeat(np.arange(60), 5)
    means, errors = [], []
    for _ in range(400):
        x = rng.normal(size=60)[user] + rng.normal(size=300)
        mean, se = clustered_mean(x, user)
        means.append(mean)
        errors.append(se)
    assert np.mean(errors) == pytest.approx(np.std(means), rel=0.1)


# Samples of D


def test_the_sample_of_pairs_is_fixed_and_only_for_large_data() -> None:
    assert sample_pairs(2_000_000) is None
    sample = sample_pairs(15_400_000)
    assert sample is not None
    assert len(sample) == 1_000_000
    assert sample.min() >= 0
    assert sample.max() < 15_400_000
    assert np.array_equal(sample, sample_pairs(15_400_000))
