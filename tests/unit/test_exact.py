"""The exact weights of one moment: KKT conditions, hand arithmetic, limits, nasty numbers."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import softmax

from engine.exact import expected_left, lam_half, solve_exact
from tests.unit.exact_problems import S, entropy_loss, errors, three_moments

# One moment


def test_two_pairs_by_hand() -> None:
    # x = (0, 1), mass 1, target 3/4: w = (1/4, 3/4), so exp(mu) = 3.
    solved = solve_exact([np.array([0.0, 1.0])], [1.0], [0.75])
    assert solved.mu[0] == pytest.approx(math.log(3), rel=1e-12)
    assert solved.weights[0] == pytest.approx([0.25, 0.75], rel=1e-12)
    assert solved.ess[0] == pytest.approx(1 / (2 * (0.0625 + 0.5625)))
    assert solved.entropy[0] == pytest.approx(
        -(0.25 * math.log(0.25) + 0.75 * math.log(0.75)) / math.log(2)
    )
    assert solved.attainable.tolist() == [[0.0, 1.0]]
    assert solved.feasible
    assert solved.message == ""


def test_a_penalty_by_hand() -> None:
    # mu = -2 lam r: with w = (1/4, 3/4), mu = ln 3, lam = ln 3 / 2 the residual is -1, t = 7/4.
    solved = solve_exact([np.array([0.0, 1.0])], [1.0], [1.75], lam=math.log(3) / 2)
    assert solved.mu[0] == pytest.approx(math.log(3), rel=1e-12)
    assert solved.residual[0] == pytest.approx(-1.0, rel=1e-12)


@pytest.mark.parametrize("shift", [-0.03, -0.001, 0.001, 0.05])
def test_hard_weights_meet_the_target_exactly(shift: float) -> None:
    x = errors(7000)
    target = S * x.mean() + shift
    solved = solve_exact([x], [S], [target])
    (w,) = solved.weights
    assert w.sum() == pytest.approx(S, rel=1e-13)
    assert w @ x == pytest.approx(target, abs=1e-12)
    assert w == pytest.approx(S * softmax(solved.mu[0] * x), rel=1e-9)
    assert (w > 0).all()


@pytest.mark.parametrize("lam", [1e-6, 2.0**-9, 1.0, 64.0, 256.0, 65536.0])
def test_the_penalised_root_has_no_residual(lam: float) -> None:
    x = errors(7000)
    target = S * x.mean() + 0.04
    solved = solve_exact([x], [S], [target], lam=lam)
    left = float(solved.weights[0] @ x)
    assert abs(left - target + solved.mu[0] / (2 * lam)) < 1e-10
    assert solved.residual[0] == pytest.approx(left - target, abs=1e-13)
    assert solved.residual[0] * (S * x.mean() - target) > 0  # never beyond the target


def test_lam_zero_is_exactly_uniform() -> None:
    solved = solve_exact([errors()], [S], [0.5], lam=0.0)
    assert np.array_equal(solved.weights[0], np.full(400, S / 400))
    assert solved.entropy == (pytest.approx(1.0),)
    assert solved.mu.tolist() == [0.0]


def test_small_lam_is_nearly_uniform_and_large_lam_nearly_hard() -> None:
    x = errors()
    target = S * x.mean() + 0.02
    hard = solve_exact([x], [S], [target])
    near = solve_exact([x], [S], [target], lam=1e12)
    loose = solve_exact([x], [S], [target], lam=1e-9)
    assert near.weights[0] == pytest.approx(hard.weights[0], rel=1e-8)
    assert loose.weights[0] == pytest.approx(np.full(400, S / 400), rel=1e-6)


def test_more_lam_leaves_less_violation_at_less_entropy() -> None:
    x = errors()
    target = S * x.mean() + 0.02
    solved = [solve_exact([x], [S], [target], lam=2.0**k) for k in range(-9, 9)]
    assert np.all(np.diff([abs(one.residual[0]) for one in solved]) < 0)
    assert np.all(np.diff([one.entropy[0] for one in solved]) < 0)


def test_the_expected_share_left_holds_to_first_order() -> None:
    x = errors(5000)
    spread = float(x.var())
    start = 1e-5
    half = lam_half(S, spread)
    assert expected_left(half, S, spread) == pytest.approx(0.5)
    for lam in (half / 10, half, 10 * half):
        solved = solve_exact([x], [S], [S * x.mean() - start], lam=lam)
        assert solved.residual[0] / start == pytest.approx(expected_left(lam, S, spread), rel=1e-3)


def test_lam_half_is_infinite_where_nothing_varies() -> None:
    assert lam_half(S, 0.0) == math.inf
    assert expected_left(65536.0, S, 0.0) == 1.0


@settings(deadline=None, max_examples=150)
@given(
    st.lists(st.floats(-50, 50), min_size=2, max_size=60),
    st.floats(1e-3, 1.0),
    st.floats(0.01, 0.99),
    st.sampled_from([1e-9, 1e-3, 1.0, 1e3, 1e9]),
)
def test_kkt_for_any_numbers(values: list[float], s: float, where: float, unit: float) -> None:
    x = np.array(values) * unit
    if np.ptp(values) < 1e-3:
        return
    target = s * (x.min() + where * np.ptp(x))
    solved = solve_exact([x], [s], [target])
    assert solved.feasible
    assert abs(solved.residual[0]) < 1e-10 * s * np.abs(x).max()
    assert np.isfinite(solved.weights[0]).all()
    assert solved.weights[0].sum() == pytest.approx(s, rel=1e-12)


@settings(deadline=None, max_examples=100)
@given(st.integers(0, 10_000), st.floats(-0.02, 0.05), st.integers(1, 3))
def test_every_feasible_perturbation_has_lower_entropy(seed: int, shift: float, k: int) -> None:
    rng = np.random.default_rng(seed)
    x = three_moments(200, seed)[:, :k]
    towards = S * rng.dirichlet(np.ones(200) * 5) @ x  # attainable together, by construction
    solved = solve_exact([x], [S], towards)
    (w,) = solved.weights
    fixed = np.column_stack([np.ones(200), (x - x.mean(0)) / x.std(0)])
    step = rng.normal(size=200)
    step -= fixed @ np.linalg.lstsq(fixed, step, rcond=None)[0]  # keeps mass and moments
    step *= 0.3 * abs(shift + 0.01) * w.min() / np.abs(step).max()
    assert solved.feasible
    assert (x.T @ (w + step)) == pytest.approx(towards, rel=1e-9)
    assert entropy_loss(w + step) > entropy_loss(w)


def test_the_optimum_of_the_penalised_objective_beats_its_neighbours() -> None:
    x, lam = errors(100), 30.0
    target = S * x.mean() + 0.05
    (w,) = solve_exact([x], [S], [target], lam=lam).weights
    rng = np.random.default_rng(3)

    def objective(weights: np.ndarray) -> float:
        return entropy_loss(weights) + lam * float(weights @ x - target) ** 2

    for _ in range(50):
        step = rng.normal(size=100)
        step -= step.mean()
        assert objective(w + 0.2 * w.min() / np.abs(step).max() * step) > objective(w)


# Nasty numbers


def test_one_outlier_of_a_million() -> None:
    x = np.append(errors(), 1e6)
    for target in (0.03, 0.5, 10.0, 0.999 * S * 1e6):
        solved = solve_exact([x], [S], [target])
        assert solved.feasible
        assert solved.residual[0] == pytest.approx(0, abs=1e-10 * S * 1e6)


def test_a_target_a_hair_from_the_edge() -> None:
    x = errors()
    top = S * x.max()
    solved = solve_exact([x], [S], [top * (1 - 1e-9)])
    assert solved.feasible
    assert abs(solved.residual[0]) < 1e-12
    assert solved.ess[0] < 0.01


def test_huge_lam_on_huge_moments_does_not_overflow() -> None:
    x = errors() * 1e150
    with np.errstate(over="raise", invalid="raise", divide="raise"):
        solved = solve_exact([x], [S], [S * x.mean() * 1.2], lam=65536.0)
    assert abs(solved.residual[0]) < 1e-10 * x.max()


def test_single_precision_moments_are_summed_in_double() -> None:
    x = errors(5000).astype(np.float32)
    solved = solve_exact([x], [S], [S * float(x.mean()) * 1.1])
    assert abs(float(solved.weights[0] @ x.astype(np.float64)) - solved.targets[0]) < 1e-12
