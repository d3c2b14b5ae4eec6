"""Simulated data: fixed by hash, and true to the equations they promise."""

import hashlib
from itertools import pairwise

import numpy as np
import pytest
from scipy.integrate import quad
from scipy.special import expit, logit
from scipy.stats import norm

from engine.datasets.ratings import Ratings, Truth
from engine.datasets.simulated import (
    PRESETS,
    SIZES,
    Size,
    generate,
    oracle_weights,
    simulate,
)
from engine.errors import DataError

# The first 16 digits of SHA-256 of ids and labels, data_seed 0. They fix the presets: a change here
# means that results made before it are results on other data.
HASHES = {
    ("simulated-small", "none"): "2373a7c6c78e2aa2",
    ("simulated-small", "weak"): "dcc01e60dd621c96",
    ("simulated-small", "strong"): "3021970d01adf892",
    ("simulated-small", "misspecified"): "3021970d01adf892",
    ("simulated-coat", "none"): "ec78b9df3ab2ff64",
    ("simulated-coat", "weak"): "7d850f5a2942c5ef",
    ("simulated-coat", "strong"): "bb30a48fafa08c1f",
    ("simulated-coat", "misspecified"): "bb30a48fafa08c1f",
    ("simulated-music", "none"): "b5d4c285b4f4bd87",
    ("simulated-music", "weak"): "ebc501982ac5fb42",
    ("simulated-music", "strong"): "4fd7cc99f0fb7519",
    ("simulated-music", "misspecified"): "4fd7cc99f0fb7519",
}
FAST = [key for key in HASHES if key[0] != "simulated-music"]
SLOW = [pytest.param(key, marks=pytest.mark.slow) for key in HASHES if key not in FAST]
BIG = Size(800, 700, 56_000, 20_000)  # large enough for tight statistics, made in a tenth second


def digest(ratings: Ratings) -> str:
    """Ids and labels only: equal on every platform, unlike the last bits of floats."""
    state = hashlib.sha256()
    for array in (
        *(ratings.biased.user, ratings.biased.item, ratings.biased.rating.astype("<i8")),
        *(ratings.random.user, ratings.random.item, ratings.random.rating.astype("<i8")),
        truth(ratings).label,
    ):
        state.update(np.ascontiguousarray(array.astype("<i8" if array.ndim == 1 else "u1")))
    return state.hexdigest()[:16]


def truth(ratings: Ratings) -> Truth:
    assert ratings.truth is not None
    return ratings.truth


def squared_error(ratings: Ratings) -> np.ndarray:
    """e over D of a fixed predictor: constant a user, so that it varies with the effects."""
    prediction = np.linspace(0.05, 0.6, ratings.n_users)[:, None]
    return (prediction - truth(ratings).label) ** 2


@pytest.mark.parametrize("key", [*FAST, *SLOW], ids="-".join)
def test_presets_stay_what_they_are(key):
    assert digest(simulate(*key, data_seed=0)) == HASHES[key]


@pytest.mark.parametrize(
    ("preset", "spread", "nominal_spread", "given_sum"),
    [
        ("none", 0.032829, 0.032829, 440.095478),
        ("weak", 0.056342, 0.032149, 441.886),
        ("strong", 0.095686, 0.029894, 438.975169),
        ("misspecified", 0.095686, 0.029894, 400.0),
    ],
)
def test_propensities_stay_what_they_are(preset, spread, nominal_spread, given_sum):
    ratings = simulate("simulated-small", preset, 0)
    known = truth(ratings)
    assert known.true_propensity.std(dtype=np.float64) == pytest.approx(spread, abs=1e-6)
    assert known.nominal_propensity.std(dtype=np.float64) == pytest.approx(nominal_spread, abs=1e-6)
    assert ratings.given_propensity.sum() == pytest.approx(given_sum, abs=1e-4)
    assert known.id_share == pytest.approx(0.195403, abs=1e-6)


@pytest.mark.parametrize("name", ["simulated-small", "simulated-coat"])
def test_sizes_are_exact(name):
    ratings, size = simulate(name, "strong", 5), SIZES[name]
    assert (ratings.n_users, ratings.n_items) == (size.n_users, size.n_items)
    assert (len(ratings.biased), len(ratings.random)) == (size.n_biased, size.n_random)
    assert ratings.density == pytest.approx(size.density)


def test_presets_of_a_seed_differ_only_in_who_observed_what():
    worlds = [simulate("simulated-small", preset, 7) for preset in PRESETS]
    for a, b in pairwise(worlds):
        np.testing.assert_array_equal(truth(a).label, truth(b).label)
        np.testing.assert_array_equal(truth(a).hidden, truth(b).hidden)
        np.testing.assert_array_equal(a.random.code(200), b.random.code(200))
    none, weak, strong, misspecified = (set(w.biased.code(200)) for w in worlds)
    assert none != weak != strong
    assert strong == misspecified
    # The same uniforms decide, so a small change of gamma moves few pairs.
    assert len(none & weak) > len(none & strong) > 2_000


def test_another_data_seed_is_another_world():
    a, b = (simulate("simulated-small", "strong", seed) for seed in (0, 1))
    assert (truth(a).label != truth(b).label).mean() > 0.2
    assert set(a.random.code(200)) != set(b.random.code(200))


def test_the_world_has_the_promised_moments():
    known = truth(generate(BIG, PRESETS["strong"], 0))
    assert known.label.mean() == pytest.approx(0.2, abs=4 * np.sqrt(0.16 / known.label.size))
    assert known.true_propensity.mean(dtype=np.float64) == pytest.approx(BIG.density, rel=1e-6)
    # 1,500 user and item effects make up a fifth of Var(h): its own noise is about 1 %.
    assert known.hidden.std() == pytest.approx(1, abs=0.02)
    assert known.id_share == pytest.approx(0.2, abs=0.02)
    rows, columns = known.hidden.mean(1).var(), known.hidden.mean(0).var()
    assert rows + columns == pytest.approx(known.id_share, abs=0.01)


def test_without_confounding_the_nominal_propensity_is_the_true_one():
    known = truth(simulate("simulated-small", "none", 0))
    np.testing.assert_allclose(known.nominal_propensity, known.true_propensity, rtol=1e-6)
    strong = truth(simulate("simulated-small", "strong", 0))
    assert np.corrcoef(strong.true_propensity.ravel(), strong.hidden.ravel())[0, 1] > 0.7


@pytest.mark.parametrize("preset", ["weak", "strong"])
def test_the_nominal_propensity_averages_the_true_one_over_the_hidden_confounder(preset):
    ratings = simulate("simulated-small", preset, 0)
    known, gamma = truth(ratings), PRESETS[preset].gamma
    for user, item in ((0, 0), (17, 133), (199, 5)):
        p, h = (float(a[user, item]) for a in (known.true_propensity, known.hidden))
        shared = logit(p) - gamma * h  # what is left is b + half the effects
        expected, _ = quad(lambda x, t=shared: expit(t + gamma * x) * norm.pdf(x), -12, 12)
        assert known.nominal_propensity[user, item] == pytest.approx(expected, rel=1e-5)


def test_pairs_are_observed_as_often_as_the_true_propensity_says():
    ratings = generate(BIG, PRESETS["strong"], 1)
    observed = np.zeros((BIG.n_users, BIG.n_items))
    observed[ratings.biased.user, ratings.biased.item] = 1
    p = truth(ratings).true_propensity.astype(np.float64).ravel()
    for cell in np.array_split(np.argsort(p), 20):
        expected, se = p[cell].sum(), np.sqrt((p[cell] * (1 - p[cell])).sum())
        assert abs(observed.ravel()[cell].sum() - expected) < 4 * se


def test_random_pairs_are_uniform_and_in_random_order():
    ratings = generate(BIG, PRESETS["strong"], 2)
    code = ratings.random.code(BIG.n_items)
    n, total = len(code), BIG.n_users * BIG.n_items
    assert len(np.unique(code)) == n
    assert abs(code.mean() / total - 0.5) < 4 / np.sqrt(12 * n)
    assert abs(np.corrcoef(np.arange(n), code)[0, 1]) < 4 / np.sqrt(n)
    positives = ratings.label(ratings.random).mean()
    assert abs(positives - truth(ratings).label.mean()) < 4 * np.sqrt(0.16 / n)


@pytest.mark.parametrize("preset", list(PRESETS))
def test_oracle_weights_reproduce_the_ideal_loss(preset):
    ratings = generate(BIG, PRESETS[preset], 3)
    e, p = squared_error(ratings), truth(ratings).true_propensity.astype(np.float64)
    pairs, given = ratings.biased, ratings.given_propensity
    weight = oracle_weights(ratings, given)
    # L_IPS of (weighted e) = sum_B w e / p_hat / |D|; Var of sum_B e / p~ is sum_D (1 - p~)/p~ e^2.
    estimate = (weight * e[pairs.user, pairs.item] / given).sum() / e.size
    se = np.sqrt(((1 - p) / p * e**2).sum()) / e.size
    assert abs(estimate - e.mean()) < 4 * se
    unweighted = (e[pairs.user, pairs.item] / given).sum() / e.size
    biased = preset != "none"
    assert (abs(unweighted - e.mean()) > 10 * se) == biased
    assert oracle_weights(ratings, given, normalised=True).mean() == pytest.approx(1)


def test_oracle_weights_need_a_known_truth():
    ratings = simulate("simulated-small", "weak", 0)
    real = Ratings("mine", 200, 200, ratings.biased, ratings.random, 1.0)
    with pytest.raises(DataError, match="simulated data, whose true propensity is known"):
        oracle_weights(real, ratings.given_propensity)


@pytest.mark.parametrize("preset", list(PRESETS))
def test_lemma_1_in_numbers(preset):
    """E[L_IPS] - L_ideal = Cov((p~ - p)/p, e) + mean·mean; E over o is a sum over D, exactly."""
    ratings = generate(BIG, PRESETS[preset], 4)
    known, e = truth(ratings), squared_error(ratings)
    true, p = (a.astype(np.float64) for a in (known.true_propensity, known.nominal_propensity))
    relative = (true - p) / p
    gap = (true * e / p).mean() - e.mean()
    covariance = np.cov(relative.ravel(), e.ravel(), bias=True)[0, 1]
    assert gap == pytest.approx(covariance + relative.mean() * e.mean(), abs=1e-10)
    # The draw of the data set is one draw of o.
    pairs = ratings.biased
    drawn = (e / p)[pairs.user, pairs.item].sum() / e.size
    se = np.sqrt((true * (1 - true) * (e / p) ** 2).sum()) / e.size
    assert abs(drawn - (gap + e.mean())) < 4 * se
    if preset == "none":
        assert abs(gap) < 1e-6
    else:
        assert covariance > 10 * se  # positives are seen more often, and this predictor is low
