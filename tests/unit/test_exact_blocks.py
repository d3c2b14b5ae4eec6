"""Several blocks of exact weights under one mu, and the tilted moments beneath."""

import math

import numpy as np
import pytest
from scipy.optimize import minimize
from scipy.special import softmax

from engine.diagnostics import ess_share, normalised_entropy
from engine.exact import solve_exact
from engine.exact.moments import Blocks
from tests.unit.exact_problems import S, entropy_loss, errors, three_moments

# Two blocks


def test_two_blocks_share_mu() -> None:
    rng = np.random.default_rng(5)
    a, b = rng.random(3000), errors(500)
    target = a.mean() + S * b.mean() + 0.05
    for lam in (4.0, math.inf):
        solved = solve_exact([a, b], [1.0, S], [target], lam=lam)
        mu = solved.mu[0]
        assert solved.weights[0] == pytest.approx(softmax(mu * a), rel=1e-9)
        assert solved.weights[1] == pytest.approx(S * softmax(mu * b), rel=1e-9)
        left = float(solved.weights[0] @ a + solved.weights[1] @ b)
        assert abs(left - target + mu / (2 * lam)) < 1e-10
        assert len(solved.entropy) == len(solved.ess) == 2
    assert solved.attainable[0] == pytest.approx([a.min() + S * b.min(), a.max() + S * b.max()])


def test_two_blocks_against_a_generic_solver() -> None:
    rng = np.random.default_rng(6)
    a, b = rng.random(12), errors(8)
    target, lam = a.mean() + 0.5 * b.mean() + 0.2, 3.0
    both = np.concatenate([a, b])

    def objective(w: np.ndarray) -> float:
        return entropy_loss(w) + lam * float(w @ both - target) ** 2

    found = minimize(
        objective,
        np.concatenate([np.full(12, 1 / 12), np.full(8, 0.5 / 8)]),
        bounds=[(1e-9, None)] * 20,
        constraints=[
            {"type": "eq", "fun": lambda w: w[:12].sum() - 1},
            {"type": "eq", "fun": lambda w: w[12:].sum() - 0.5},
        ],
        options={"ftol": 1e-14, "maxiter": 500},
    )
    solved = solve_exact([a, b], [1.0, 0.5], [target], lam=lam)
    ours = np.concatenate(solved.weights)
    assert ours == pytest.approx(found.x, abs=1e-5)
    assert objective(ours) <= found.fun + 1e-12


def test_chunks_change_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    x = three_moments(1000)
    given, nu = ((x, x[:300]), (1.0, S)), np.array([0.8, -1.5, 0.3])
    blocks = Blocks.of(*given)
    whole, weighed = blocks.tilt(nu), blocks.softmax(nu)
    monkeypatch.setattr("engine.exact.moments.KEPT", 0)
    monkeypatch.setattr("engine.exact.moments.CHUNK", 64)
    again = Blocks.of(*given)
    assert again._standard is None
    parts = again.tilt(nu)
    assert parts.potential == pytest.approx(whole.potential, rel=1e-12)
    assert parts.ceiling == whole.ceiling
    assert parts.left == pytest.approx(whole.left, rel=1e-10)
    assert parts.curvature == pytest.approx(whole.curvature, rel=1e-10)
    for one, other in zip(again.softmax(nu), weighed, strict=True):
        assert one.weights == pytest.approx(other.weights, rel=1e-12)
    assert again.left(weighed) == pytest.approx(blocks.left(weighed), rel=1e-12)


def test_weights_tell_their_numbers() -> None:
    """By their scores, what `engine.diagnostics` finds of the weights themselves."""
    x = three_moments(1000)
    blocks = Blocks.of((x, x[:300], x[:1]), (1.0, S, 0.5))
    nu = np.array([0.8, -1.5, 0.3])
    mu = nu / blocks.scale
    found = blocks.softmax(nu)
    for rows, mass, one in zip((1000, 300, 1), blocks.mass, found, strict=True):
        assert one.weights.sum() == pytest.approx(mass)
        assert one.entropy == pytest.approx(normalised_entropy(one.weights))
        assert one.ess == pytest.approx(ess_share(one.weights))
        assert one.weights / mass == pytest.approx(np.exp(x[:rows] @ mu - one.log_total))
    left = sum(one.weights @ x[: len(one.weights)] for one in found)
    assert blocks.left(found) == pytest.approx(left)


def test_the_tilt_is_the_gradient_and_hessian_of_its_potential() -> None:
    blocks = Blocks.of((three_moments(300),), (S,))
    nu, h = np.array([0.4, -0.2, 0.1]), 1e-5
    at = blocks.tilt(nu)
    for j, step in enumerate(np.eye(3) * h):
        up, down = blocks.tilt(nu + step), blocks.tilt(nu - step)
        assert (up.potential - down.potential) / (2 * h) == pytest.approx(at.left[j], rel=1e-6)
        assert (up.left - down.left) / (2 * h) == pytest.approx(at.curvature[j], rel=1e-5)
