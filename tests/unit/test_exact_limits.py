"""Exact weights at their limits: targets out of reach, caps, dead moments, bad input."""

import math

import numpy as np
import pytest
from scipy.optimize import linprog

from engine.errors import ConfigError
from engine.exact import ExactWeights, solve_exact
from tests.unit.exact_problems import COVARIANCE, S, errors, three_moments

# Out of reach, caps, moments that cannot move


@pytest.mark.parametrize("target", [-1.0, 0.0, 0.08, 50.0])
def test_a_target_out_of_reach_is_said_in_words(target: float) -> None:
    solved = solve_exact([np.linspace(0, 1, 50)], [S], [target], names=["e"])
    assert not solved.feasible
    assert "the left side of e can only lie between 0 and 0.08" in solved.message
    assert f"its target is {target:.4g}" in solved.message
    assert np.isfinite(solved.weights[0]).all()
    assert solved.weights[0].sum() == pytest.approx(S)
    edge = S if target > 0.04 else 0.0
    assert float(solved.weights[0] @ np.linspace(0, 1, 50)) == pytest.approx(edge, abs=0.01)


def test_out_of_reach_with_a_floor_stops_at_the_floor() -> None:
    solved = solve_exact([errors()], [S], [-1.0], ess_floor=0.25)
    assert not solved.feasible
    assert solved.bound == "ess"
    assert solved.ess[0] == pytest.approx(0.25, rel=1e-9)


def test_a_penalty_is_never_out_of_reach() -> None:
    solved = solve_exact([np.linspace(0, 1, 50)], [S], [50.0], lam=256.0)
    assert solved.feasible
    assert abs(solved.residual[0] + solved.mu[0] / 512) < 1e-10


def test_targets_that_exclude_each_other() -> None:
    x = np.random.default_rng(0).random(300)
    both = np.column_stack([x, np.sqrt(x)])  # E x >= (E sqrt x)^2 for any weights
    solved = solve_exact([both], [1.0], [0.3, 0.9])
    assert not solved.feasible
    assert "not all of them by the same weights" in solved.message
    assert np.isfinite(solved.weights[0]).all()
    beyond = solve_exact([both], [1.0], [0.3, 0.9], tolerance=0.5, covariance=np.eye(2) * 1e-6)
    assert not beyond.feasible
    within = solve_exact([both], [1.0], [0.3, 0.9], tolerance=2.0, covariance=np.eye(2) * 0.1)
    assert within.feasible


@pytest.mark.parametrize("seed", range(12))
def test_feasibility_is_what_a_linear_program_says(seed: int) -> None:
    rng = np.random.default_rng(seed)
    x = np.exp(rng.normal(size=(60, 3)))
    spread = x.std(axis=0)
    target = x.mean(axis=0) + rng.normal(size=3) * spread
    program = linprog(
        np.zeros(60),
        A_eq=np.vstack([(x / spread).T, np.ones(60)]),
        b_eq=np.append(target / spread, 1),
    )
    solved = solve_exact([x], [1.0], target)
    assert solved.feasible == (program.status == 0)
    assert solved.converged
    if solved.feasible:
        assert np.abs(solved.residual).max() < 1e-8


def test_a_penalty_next_to_the_impossible_is_solved_all_the_same() -> None:
    # Far beyond reach and lam huge: the weights collapse onto few pairs and plain Newton crawls.
    rng = np.random.default_rng(191)
    x = np.exp(rng.normal(size=(80, 4)))
    covariance = np.diag(x.var(axis=0)) * 1e-4
    target = x.mean(axis=0) + np.array([2, -3, 1, 4]) * x.std(axis=0)
    solved = solve_exact([x], [1.0], target, lam=65536.0, covariance=covariance)
    kkt = solved.residual + covariance @ solved.mu / (2 * 65536.0 * covariance[0, 0])
    assert solved.converged
    assert np.abs(kkt).max() < 1e-8


def test_the_cap_on_mu_is_flagged_only_where_it_binds() -> None:
    x = errors()
    target = S * x.mean() + 0.05
    free = solve_exact([x], [S], [target])
    bound = solve_exact([x], [S], [target], mu_max=free.mu[0] / 2)
    wide = solve_exact([x], [S], [target], mu_max=free.mu[0] * 2)
    assert bound.bound == "mu"
    assert bound.mu[0] == pytest.approx(free.mu[0] / 2)
    assert "cap on mu" in bound.message
    assert bound.feasible
    assert wide.bound is None
    assert wide.mu == free.mu


def test_the_floor_on_the_sample_size_is_kept_by_every_block() -> None:
    a, b = np.random.default_rng(1).random(500), errors(300)
    target = a.mean() + S * b.mean() + 0.3
    free = solve_exact([a, b], [1.0, S], [target])
    floor = min(free.ess) + 0.1
    bound = solve_exact([a, b], [1.0, S], [target], ess_floor=floor)
    assert bound.bound == "ess"
    assert min(bound.ess) == pytest.approx(floor, rel=1e-9)
    assert abs(bound.residual[0]) > 1e-3
    assert "effective sample size" in bound.message
    assert solve_exact([a, b], [1.0, S], [target], ess_floor=min(free.ess) - 0.01).bound is None


@pytest.mark.parametrize("value", [0.0, 0.3, 1e9])
def test_a_constant_moment_leaves_the_weights_uniform(value: float) -> None:
    x = np.full(70, value)
    for lam in (5.0, math.inf):
        solved = solve_exact([x], [S], [S * value + 1.0], lam=lam)
        assert solved.weights[0] == pytest.approx(np.full(70, S / 70))
        assert solved.left_out == 1
        assert solved.feasible == (lam == 5.0)
        assert "no weights move them" in solved.message
    assert solve_exact([x], [S], [S * value]).feasible


@pytest.mark.parametrize("lam", [5.0, math.inf])
def test_collinear_moments_give_the_weights_of_the_independent_ones(lam: float) -> None:
    x = three_moments()[:, :2]
    target = S * x.mean(axis=0) * 1.2
    mix = np.array([[1, 0, 2.0, 0], [0, 1, -0.5, 0]])
    offset = np.array([0, 0, 7.0, 3.0])  # a third column that follows and a fourth that is constant
    many, aims = x @ mix + offset, target @ mix + S * offset
    covariance = mix.T @ COVARIANCE[:2, :2] @ mix
    few = solve_exact([x], [S], target, lam=lam, covariance=COVARIANCE[:2, :2])
    solved = solve_exact([many], [S], aims, lam=lam, covariance=covariance)
    assert solved.left_out == 2
    assert solved.feasible
    assert solved.weights[0] == pytest.approx(few.weights[0], rel=1e-6)


def test_collinear_moments_with_targets_that_contradict() -> None:
    x = errors()
    twice = np.column_stack([x, 2 * x])
    solved = solve_exact([twice], [S], [S * x.mean() * 1.1, S * x.mean() * 1.9])
    assert not solved.feasible
    assert solved.left_out == 1


def test_a_target_known_exactly_is_met_closely() -> None:
    x = three_moments()[:, :2]
    target = S * x.mean(axis=0) * 1.2
    solved = solve_exact([x], [S], target, lam=1.0, covariance=np.diag([1e-4, 0.0]))
    assert solved.ridged
    assert abs(solved.residual[1]) < 1e-4 * abs(solved.residual[0])


def test_a_single_pair_has_one_weight() -> None:
    solved = solve_exact([np.array([0.4])], [S], [0.1], lam=3.0)
    assert solved.weights[0].tolist() == [S]
    assert solved.entropy == (1.0,)
    assert solved.ess == (1.0,)


@pytest.mark.parametrize(
    ("field", "change"),
    [
        ("lam", {"lam": -1.0}),
        ("lam", {"lam": math.nan}),
        ("moments", {"moments": [np.array([0.1, math.nan])]}),
        ("moments", {"moments": [np.zeros((0, 1))]}),
        ("moments", {"moments": [np.zeros((3, 1)), np.zeros((3, 2))], "masses": [1.0, S]}),
        ("masses", {"masses": [0.0]}),
        ("masses", {"masses": [1.0, S]}),
        ("targets", {"targets": [0.1, 0.2]}),
        ("targets", {"targets": [math.inf]}),
        ("tolerance", {"tolerance": 2.0, "lam": 1.0}),
        ("tolerance", {"tolerance": -1.0, "covariance": np.eye(1)}),
        ("covariance", {"tolerance": 2.0}),
        ("covariance", {"tolerance": 2.0, "covariance": np.array([[math.nan]])}),
        ("covariance", {"tolerance": 2.0, "covariance": np.array([[-1.0]])}),
        ("mu_max", {"mu_max": 0.0}),
        ("ess_floor", {"ess_floor": 1.0}),
        ("names", {"names": ["e", "r"]}),
    ],
)
def test_what_cannot_be_used_is_named(field: str, change: dict[str, object]) -> None:
    given: dict[str, object] = {"moments": [errors()], "masses": [S], "targets": [0.1]}
    with pytest.raises(ConfigError) as caught:
        solve_exact(**{**given, **change})  # type: ignore[arg-type]
    assert caught.value.field == field


@pytest.mark.parametrize("covariance", [None, np.diag([0.0, 1.0]), np.array([[1, 2], [0, 1.0]])])
def test_a_penalty_on_several_moments_needs_their_covariance(covariance: np.ndarray | None) -> None:
    with pytest.raises(ConfigError) as caught:
        solve_exact([np.eye(2)], [S], [0.0, 0.1], lam=1.0, covariance=covariance)
    assert caught.value.field == "covariance"


def test_the_result_is_frozen() -> None:
    solved = solve_exact([errors()], [S], [0.1], lam=1.0)
    with pytest.raises(AttributeError):
        solved.mu = np.zeros(1)  # type: ignore[misc]
    assert isinstance(solved, ExactWeights)
