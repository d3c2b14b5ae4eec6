"""The hypergradient against automatic differentiation, and a propensity that moves."""

import numpy as np
import pytest
import torch

from engine.bilevel import assumed_step, hypergradient, uniform_gradient
from engine.datasets import load
from engine.events import GroupEpoch
from engine.models import MatrixFactorization
from engine.presets import preset
from engine.training.trainer import Trainer

F64, CPU = torch.float64, torch.device("cpu")
ETA = 0.05


def model(intercept):
    m = MatrixFactorization((9, 8), 3, (0, 1), F64, CPU, intercept=intercept)
    for parameter in m.parameters().values():
        parameter += 0.3 * torch.randn(parameter.shape, dtype=F64)
    return m


@pytest.mark.parametrize("intercept", [True, False])
def test_hypergradient_is_that_of_backward_through_the_assumed_step(intercept):
    torch.manual_seed(0)
    theta = model(intercept)
    user, item = torch.randint(9, (12,)), torch.randint(8, (12,))
    label = torch.randint(2, (1, 12)).to(F64)
    logit = torch.randn(2, 12, dtype=F64, requires_grad=True)
    u_user, u_item = torch.randint(9, (2, 5)), torch.randint(8, (2, 5))
    u_label, share = torch.randint(2, (2, 5)).to(F64), torch.full((2, 5), 0.2, dtype=F64)

    leaves = {k: v.clone().requires_grad_() for k, v in theta.parameters().items()}
    error = MatrixFactorization.of(leaves).score(user, item) - label
    lower = (error.square() / torch.sigmoid(logit)).sum()
    grads = torch.autograd.grad(lower, list(leaves.values()), create_graph=True)
    moved = {k: v - ETA * g for (k, v), g in zip(leaves.items(), grads, strict=True)}
    upper = (share * (MatrixFactorization.of(moved).score(u_user, u_item) - u_label).square()).sum()
    upper.backward()

    raw = logit.detach().clone().requires_grad_()
    slope = 2 * (theta.score(user, item) - label) / torch.sigmoid(raw)
    ahead = assumed_step(theta, lambda: theta.accumulate(user, item, slope.detach()), ETA)
    v = uniform_gradient(ahead, u_user, u_item, u_label, share)
    (ours,) = hypergradient([slope, None], [theta.directional(v, user, item), None], ETA, [raw])
    torch.testing.assert_close(ours, logit.grad, rtol=1e-10, atol=1e-12)
    assert all((p.grad == 0).all() for p in theta.parameters().values())


def train(config, ratings):
    rows, done = [], []
    for event in Trainer({"a": config}, ratings).events():
        if isinstance(event, GroupEpoch):
            rows += event.runs
            done += event.done
    return rows, done[0]


def test_the_propensity_moves_on_coat(coat):
    """From a constant start: sd(p) above 0.02 after 60 epochs (METHOD 3)."""
    config = preset(
        "coat",
        propensity="bilevel",
        propensity_start="constant",
        balance="none",
        lam=0.0,
        **{"optimizer": "adamw", "loss_scale": "sum", "intercept": True},
        **{"lr": 1e-2, "weight_decay": 5.0},
        epochs=60,
        patience=0,
    )
    _, done = train(config, coat)
    assert done.facts["propensity_sd"] > 0.02
    assert 0.3 < done.facts["propensity_calibration"] < 3
    assert done.arrays["phi.propensity.P"].any()


def test_strong_decay_holds_the_propensity_where_it_started():
    config = preset(
        "simulated-small", propensity="bilevel", propensity_start="given", propensity_decay=90.0
    ).model_copy(update={"epochs": 20})
    ratings = load(config)
    _, done = train(config, ratings)
    assert done.facts["propensity_sd"] == pytest.approx(
        float(np.std(ratings.given_propensity)), rel=0.25
    )


def test_a_bilevel_run_can_be_balanced():
    config = preset("simulated-small", propensity="bilevel", lam=16.0).model_copy(
        update={"epochs": 30}
    )
    rows, done = train(config, load(config))
    assert done.state == "finished"
    assert abs(rows[-1].violation) < 0.5 * abs(rows[-1].violation_uniform)
    assert rows[-1].oracle_correlation is not None
