"""Exact weights for k moments at once, penalised, hard, and within a tolerance."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import minimize
from scipy.special import softmax

from engine.exact import solve_exact
from tests.unit.exact_problems import COVARIANCE, S, entropy_loss, errors, three_moments

# More than one moment


def test_k_moments_hard() -> None:
    x = three_moments()
    target = S * np.average(x, axis=0, weights=1 + 0.5 * (x[:, 0] > 1) + 0.2 * x[:, 1])
    solved = solve_exact([x], [S], target)
    assert solved.feasible
    assert solved.residual / x.std(axis=0) == pytest.approx(np.zeros(3), abs=1e-11)
    assert solved.weights[0] == pytest.approx(S * softmax(x @ solved.mu), rel=1e-8)


@pytest.mark.parametrize("lam", [1e-4, 1.0, 100.0, 65536.0])
def test_k_moments_penalised_root(lam: float) -> None:
    x = three_moments()
    target = S * x.mean(axis=0) * [1.2, 1.3, 1.001]
    solved = solve_exact([x], [S], target, lam=lam, covariance=COVARIANCE)
    r = solved.weights[0] @ x - target
    kkt = r + COVARIANCE @ solved.mu / (2 * lam * COVARIANCE[0, 0])
    assert np.abs(kkt).max() < 1e-10
    assert not solved.ridged


@pytest.mark.parametrize("lam", [2.0, math.inf])
def test_k_moments_against_a_generic_solver(lam: float) -> None:
    x = three_moments(30)[:, :2]
    covariance = COVARIANCE[:2, :2]
    target = S * np.average(x, axis=0, weights=np.arange(30) + 20.0)
    whitened = np.linalg.inv(covariance) * covariance[0, 0]

    def objective(q: np.ndarray) -> float:  # of w = S q, so that the solver sees numbers near 1
        r = S * q @ x - target
        return entropy_loss(S * q) + (lam * float(r @ whitened @ r) if lam < math.inf else 0.0)

    constraints = [{"type": "eq", "fun": lambda q: q.sum() - 1}]
    if lam == math.inf:
        constraints.append({"type": "eq", "fun": lambda q: q @ x - target / S})
    found = minimize(
        objective,
        np.full(30, 1 / 30),
        bounds=[(1e-9, None)] * 30,
        constraints=constraints,
        options={"ftol": 1e-15, "maxiter": 1000},
    )
    solved = solve_exact([x], [S], target, lam=lam, covariance=covariance)
    assert solved.weights[0] / S == pytest.approx(found.x, abs=1e-5)
    assert objective(solved.weights[0] / S) <= found.fun + 1e-10


def test_one_column_equals_one_moment() -> None:
    x = errors()
    both = [
        solve_exact([form], [S], [S * x.mean() + 0.03], lam=16.0, covariance=np.array([[0.7]]))
        for form in (x, x[:, None])
    ]
    assert both[0].mu == both[1].mu


def test_a_second_moment_whose_target_is_loose_hardly_matters() -> None:
    x = three_moments()[:, :2]
    target = S * x.mean(axis=0) * 1.2
    alone = solve_exact([x[:, 0]], [S], target[:1], lam=16.0)
    loose = np.diag([1e-4, 1e4])
    pair = solve_exact([x], [S], target, lam=16.0, covariance=loose)
    assert pair.weights[0] == pytest.approx(alone.weights[0], rel=1e-5)


def test_the_units_of_moments_do_not_matter() -> None:
    x = three_moments()
    target = S * x.mean(axis=0) * [1.2, 1.3, 1.001]
    unit = np.array([1.0, 1e6, 1e-9])  # the first moment's unit is lam's
    plain = solve_exact([x], [S], target, lam=9.0, covariance=COVARIANCE)
    scaled = solve_exact(
        [x * unit], [S], target * unit, lam=9.0, covariance=COVARIANCE * np.outer(unit, unit)
    )
    assert scaled.weights[0] == pytest.approx(plain.weights[0], rel=1e-9)
    assert scaled.mu * unit == pytest.approx(plain.mu, rel=1e-7)


@settings(deadline=None, max_examples=60)
@given(st.integers(0, 10_000), st.floats(-3, 4.8), st.integers(2, 4))
def test_k_moments_kkt_for_any_numbers(seed: int, log_lam: float, k: int) -> None:
    rng = np.random.default_rng(seed)
    x = np.exp(rng.normal(size=(80, k)) * rng.uniform(0.1, 2, k)) * 10 ** rng.uniform(-4, 4, k)
    root = rng.normal(size=(k, k)) * S * x.std(axis=0)
    covariance = root.T @ root / 50 + np.diag((1e-3 * S * x.std(axis=0)) ** 2)
    target = S * x.mean(axis=0) + 3 * rng.multivariate_normal(np.zeros(k), covariance)
    lam = 10**log_lam / covariance[0, 0]
    solved = solve_exact([x], [S], target, lam=lam, covariance=covariance)
    kkt = solved.residual + covariance @ solved.mu / (2 * lam * covariance[0, 0])
    assert np.abs(kkt / (S * x.std(axis=0))).max() < 1e-8
    assert solved.feasible


# Tolerance


def test_tolerance_leaves_the_weights_alone_within_the_noise() -> None:
    x = errors()
    se = np.array([[0.01**2]])
    near = solve_exact([x], [S], [S * x.mean() + 0.019], tolerance=2.0, covariance=se)
    assert near.mu.tolist() == [0.0]
    assert near.feasible
    for sign in (1, -1):
        target = S * x.mean() + sign * 0.025
        far = solve_exact([x], [S], [target], tolerance=2.0, covariance=se)
        assert far.residual[0] == pytest.approx(-sign * 0.02, abs=1e-12)
        assert far.mu[0] * sign > 0
        assert far.feasible


def test_tolerance_of_k_moments_is_an_ellipse_met_on_its_edge() -> None:
    x = three_moments()
    target = S * x.mean(axis=0) + 5 * np.sqrt(COVARIANCE.diagonal()) * [0.2, 0.3, 0.1]
    inverse = np.linalg.inv(COVARIANCE)
    solved = solve_exact([x], [S], target, tolerance=1.0, covariance=COVARIANCE)
    r = solved.residual
    assert solved.feasible
    assert math.sqrt(r @ inverse @ r) == pytest.approx(1.0, rel=1e-8)
    # At the optimum mu is normal to the ellipse: mu = -gamma S^-1 r for one gamma > 0.
    gamma = -solved.mu / (inverse @ r)
    assert gamma == pytest.approx(np.full(3, gamma[0]), rel=1e-6)
    assert gamma[0] > 0
    assert solved.converged
    inside = solve_exact([x], [S], target, tolerance=100.0, covariance=COVARIANCE)
    assert inside.mu.tolist() == [0.0, 0.0, 0.0]


def test_no_tolerance_at_all_is_the_hard_constraint() -> None:
    x = three_moments()
    target = S * x.mean(axis=0) * [1.1, 1.2, 1.001]
    hard = solve_exact([x], [S], target)
    zero = solve_exact([x], [S], target, tolerance=1e-9, covariance=COVARIANCE)
    assert zero.weights[0] == pytest.approx(hard.weights[0], rel=1e-5)
