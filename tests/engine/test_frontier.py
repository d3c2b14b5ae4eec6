"""The phase plane: the frontier is the exact solver's, and no weights stand beyond it."""

import math
from dataclasses import replace

import numpy as np
import pytest
import torch
from scipy.interpolate import PchipInterpolator
from small_runs import make, tiny, train

from engine.balancing import moment_metric, shrunk
from engine.diagnostics import kl
from engine.exact import solve_exact
from engine.jobs.building import tuned
from engine.training import frontier as module
from engine.training.constraint import GlobalPass
from engine.training.frontier import frontier_due, frontiers, places
from engine.training.reference import exact_facts, exact_solution
from engine.training.telling import weight_blocks
from engine.training.trainer import Trainer

CASES = {
    "ips": {},
    "dr": {},
    "ips, two moments": {"moments": ("e", "r")},
    "dr, cross-fitted": {"residuals": "cross_fitted", "folds": 2},
    "ips, three moments": {"moments": ("e_by_popularity",)},
}


@pytest.fixture(params=CASES, ids=str)
def seen(request, monkeypatch) -> tuple[GlobalPass, list]:
    """The last global pass of a small run and its twin, with their configs."""
    config = make(request.param.split(",")[0], **CASES[request.param])
    passes = []
    original = module.places

    def spy(result, configs, epoch):
        passes.append((result, list(configs)))
        return original(result, configs, epoch)

    monkeypatch.setattr("engine.training.trainer.places", spy)
    with tuned():
        list(Trainer({"run": config, "twin": config.twin()}, tiny()).events())
    return passes[-1]


def solved(result: GlobalPass, lam: float):
    return solve_exact(
        [side.x[0].double().numpy() for side in result.sides],
        [side.mass for side in result.sides],
        result.target[0].numpy(),
        lam=lam,
        covariance=shrunk(result.covariance[:1])[0].numpy(),
    )


def test_the_frontier_is_made_of_exact_solutions(seen) -> None:
    result, _ = seen
    (points,) = frontiers(result, [0])
    assert len(points) > 6
    metric = moment_metric(result.covariance[:1])[0].numpy()
    most = sum(s.mass * math.log(s.x.shape[1]) for s in result.sides)
    for lam, entropy, violation in points[::4]:
        best = solved(result, float(lam))
        r = best.residual
        start = points[0, 2]  # Newton's steps end at 4e-4 of it
        assert violation == pytest.approx(math.sqrt(r @ metric @ r), rel=2e-3, abs=1e-3 * start)
        whole = sum(
            s.mass * h * math.log(s.x.shape[1])
            for s, h in zip(result.sides, best.entropy, strict=True)
        )
        assert entropy == pytest.approx(whole / most, abs=1e-6)
    assert points[0].tolist() == pytest.approx([0, 1, points[0, 2]])
    assert (np.diff(points[:, 2]) < 0).all()
    assert (np.diff(points[:, 1]) < 0).all()


def test_learned_weights_are_as_far_from_the_exact_ones_as_kl_says(seen) -> None:
    result, (config, _) = seen
    best = exact_solution(result, 0, config)
    apart = [
        kl(side.log_q[0].double().exp().numpy(), weights)
        for side, weights in zip(result.sides, best.weights, strict=True)
    ]
    assert max(apart) > 1e-9
    assert exact_facts(result, 0, config)["exact_kl"] == pytest.approx(max(apart), rel=1e-6)


def test_no_weights_stand_beyond_the_frontier(seen) -> None:
    """Any weights: the exact ones of a middling lam, disturbed; and those the run has learned."""
    result, configs = seen
    (points,) = frontiers(result, [0])
    generator = torch.Generator().manual_seed(0)
    for size in (0.0, 0.02, 0.1, 0.5):
        noise = [
            size * torch.randn(s.log_q.shape, generator=generator).to(s.log_q) for s in result.sides
        ]
        disturbed = result.weighted(
            tuple(
                torch.log_softmax(s.log_q + n, 1) for s, n in zip(result.sides, noise, strict=True)
            )
        )
        place = places(disturbed, configs, 3)[0]
        order = np.argsort(points[:, 2])
        curve = PchipInterpolator(points[order, 2], points[order, 1])
        if place.violation <= points[:, 2].max():
            lost = 1 - points[-1, 1]
            assert place.entropy <= curve(place.violation) + 4e-3 * lost  # between its points


def test_uniform_weights_stand_at_its_end_and_the_twin_has_none(seen) -> None:
    result, configs = seen
    own, twin = places(result, configs, 3)
    assert own.frontier is not None
    assert twin.frontier is None
    assert twin.entropy == pytest.approx(1.0)


def test_moments_that_do_not_vary_leave_a_frontier_of_one_point(seen) -> None:
    result, _ = seen
    flat = replace(result, sides=tuple(replace(s, x=torch.ones_like(s.x)) for s in result.sides))
    (points,) = frontiers(flat, [0])
    assert points[:, 1].tolist() == [1.0]


def test_parts_of_the_left_side_add_up_and_are_told() -> None:
    both = train(make("dr"))[0]["run0", 3]
    one = train(make("ips"))[0]["run0", 3]
    assert set(both.left) == {"all", "observed"}
    assert sum(both.left.values()) == pytest.approx(both.target + both.violation)
    assert set(one.left) == {"observed"}
    flat = one.columns()
    assert flat["left_observed"] == pytest.approx(one.target + one.violation)
    assert flat["constraint_violation"] == pytest.approx(abs(one.violation))
    assert flat["constraint_entropy"] == pytest.approx(one.entropy)


def test_frontiers_are_drawn_at_first_every_tenth_and_last() -> None:
    assert [n for n in range(1, 25) if frontier_due(n, 24)] == [1, 10, 20, 24]
    rows, _ = train(make("ips", epochs=2), make("ips", epochs=2, balance="none", lam=0.0))
    assert rows["run0", 1].frontier is not None
    assert rows["run1", 1].frontier is None
    assert rows["run1", 1].constraint_entropy is None


@pytest.mark.parametrize("residuals", ["in_sample", "held_out"])
def test_weights_collapsed_onto_one_pair_are_not_taken_for_held_out_ones(residuals) -> None:
    """In float32 all weights but one underflow; ESS is then 1/n, not that one pair's 100 %."""
    config = make("ips", dtype="float32", residuals=residuals)
    with tuned():
        trainer = Trainer({"run": config}, tiny())
        learners, lanes = trainer._learners, trainer._lanes
        result = learners.observe(learners.global_pass(lanes), lanes, [config], 0)
        batch = learners._whole.batch(lanes)
        side = result.observed
        score = torch.zeros_like(side.log_q)
        score[:, 0] = 500.0
        collapsed = result.weighted((torch.log_softmax(score, 1),))
        learners._observer._balancer = _Collapsed()
        found = weight_blocks(learners._observer.finish(collapsed, lanes, batch))
    n = int((~learners._selector.of(batch).held).sum()) if residuals == "held_out" else 600
    block = found[0]["observed"]
    assert block.ess == pytest.approx(1 / n, rel=1e-6)
    assert block.entropy == pytest.approx(0.0, abs=1e-6)
    assert block.largest == pytest.approx(n, rel=1e-6)


class _Collapsed:
    """Stands for a balancer whose weights on the pairs used are all on one of them."""

    def weights(self, lanes, support, batch, x, chosen, pick):
        whole = torch.zeros_like(x[..., 0])
        whole[:, pick[0]] = chosen.n_inside
        return whole
