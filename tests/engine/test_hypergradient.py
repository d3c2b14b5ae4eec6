"""The hypergradient of every part of phi against backward through the assumed step, in float64.

The reference is written pair by pair from METHOD section 3; it shares no arithmetic with the code.
"""

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import pytest
import torch
from small_runs import make, tiny

from engine.jobs.building import tuned
from engine.models import MatrixFactorization
from engine.presets import preset
from engine.training.batch import Batch, Grid, Rectangle
from engine.training.lanes import Lanes
from engine.training.nuisance import Nuisance
from engine.training.trainer import Trainer

F64, CPU = torch.float64, torch.device("cpu")
SHAPE, RUNS = (6, 5), 2
USERS, ITEMS = [4, 0, 2], [3, 1, 4, 0]  # of the block
OBSERVED = [(0, 1), (0, 0), (4, 3), (2, 4), (4, 0)]  # pairs of B in the block, then the others
ELSEWHERE = [(1, 2), (3, 3), (5, 0)]
LABEL = [1, 0, 1, 0, 0, 1, 0, 1]
UNIFORM = [[(0, 2, 1), (2, 1, 0), (4, 4, 0), (5, 3, 1)], [(2, 0, 1), (0, 3, 0), (1, 1, 1)]]
SERVES = [UNIFORM[0][:3], UNIFORM[1]]  # phi: the first run splits its sample
DENSITY, ETA, C = 8 / 30, 0.05, 0.3
P_MIN = 0.02
PAIRS = [*OBSERVED, *ELSEWHERE]


def lanes() -> Lanes:
    """Two runs with samples of 4 and 3 uniform ratings, the second padded; three serve phi."""
    padded = [[*sample, *[(0, 0, 0)] * (4 - len(sample))] for sample in UNIFORM]
    user, item, label = (torch.tensor([[row[k] for row in s] for s in padded]) for k in range(3))
    whole, part = (
        torch.tensor([[(j < len(s)) / len(s) for j in range(4)] for s in which], dtype=F64)
        for which in (UNIFORM, SERVES)
    )
    p = torch.tensor([[0.3, 0.1, 0.6, 0.25, 0.4, 0.2, 0.5, 0.3]], dtype=F64)
    flags = torch.zeros(RUNS, dtype=torch.bool)
    return Lanes(
        *(torch.tensor([pair[k] for pair in PAIRS]) for k in range(2)),
        torch.tensor([LABEL], dtype=F64),
        torch.tensor(LABEL) + 1,
        1 / p,
        *(user, item, label.to(F64), whole, part, whole),
        *(torch.zeros(RUNS, dtype=F64), flags, flags, DENSITY, None, None),
    )


def block(data: Lanes, on_all: bool) -> Batch:
    """The observed pairs of USERS x ITEMS, with the grid where the method has a term on it."""
    n = len(OBSERVED)
    cell = torch.tensor([USERS.index(u) * len(ITEMS) + ITEMS.index(i) for u, i in OBSERVED])
    users, items = torch.tensor(USERS), torch.tensor(ITEMS)
    grid = Grid.of(users, items, cell, data.level[:n]) if on_all else None
    return Batch(
        *(data.user[:n], data.item[:n], torch.arange(n), data.level[:n]),
        label=data.label[:, :n],
        inverse=data.inverse_propensity[:, :n],
        mass=n / 12,
        n_all=12,
        everything=grid,
        block=Rectangle(users, items, cell // len(ITEMS), cell % len(ITEMS)),
    )


@pytest.fixture(params=[True, False], ids=["compiled", "tensors"])
def compiled(request, monkeypatch):
    """Both ways of going over pairs."""
    for module in ("engine.models.pairs", "engine.bilevel") if not request.param else ():
        monkeypatch.setattr(f"{module}.compiled", lambda table: False)
    return request.param


class Held:
    """An optimizer that leaves the gradients where they are."""

    def step(self) -> None:
        """Nothing."""


def problem(method: str, **changes) -> tuple[Nuisance, MatrixFactorization, Lanes, Batch]:
    """phi and theta away from their starts; the optimizers of phi do nothing."""
    settings = {"propensity": "bilevel"} if method != "autodebias" else {}
    dims = {"propensity_dim": 2, "imputation_dim": 2, "imputation_weight": C, "p_min": P_MIN}
    config = preset("simulated-small", method, **{**dims, **settings, "assumed_lr": ETA, **changes})
    data = lanes()
    nuisance = Nuisance(config, SHAPE, [0, 1], data)
    theta = MatrixFactorization(SHAPE, 3, (0, 1), F64, CPU, intercept=True)
    generator = torch.Generator().manual_seed(3)
    models = [part.model for part in nuisance.parts.values()]
    for model in [theta, *models]:
        for value in model.parameters().values():
            value += 0.4 * torch.randn(value.shape, generator=generator, dtype=F64)
    for part in nuisance.parts.values():
        part.optimizer = Held()
    return nuisance, theta, data, block(data, method != "ips")


Leaves = dict[str, torch.Tensor]


def factors(held: Leaves, run: int, u: int, i: int) -> torch.Tensor:
    """A factorisation's score of one pair."""
    score = (held["P"][run, u] * held["Q"][run, i]).sum() + held["b"][run, u] + held["c"][run, i]
    return score + held["mu"][run, 0] if "mu" in held else score


def everywhere() -> Iterator[tuple[int, int, int]]:
    """Pairs of the block with what is seen of them: 0 nothing, 1 negative, 2 positive."""
    for u in USERS:
        for i in ITEMS:
            yield u, i, 1 + LABEL[OBSERVED.index((u, i))] if (u, i) in OBSERVED else 0


def inverse_propensity(phi: dict[str, Leaves], run: int, k: int, data: Lanes) -> torch.Tensor:
    p = 1 / data.inverse_propensity[0, k]
    if "propensity" in phi:
        p = torch.sigmoid(torch.logit(p) + factors(phi["propensity"], run, *OBSERVED[k]))
    return 1 / torch.clamp(p, min=P_MIN)


def lower_ips(theta: Leaves, phi: dict[str, Leaves], run: int, data: Lanes) -> torch.Tensor:
    """sum_B e / p."""
    total = torch.zeros((), dtype=F64)
    for k, (u, i) in enumerate(OBSERVED):
        e = (factors(theta, run, u, i) - LABEL[k]) ** 2
        total = total + e * inverse_propensity(phi, run, k, data)
    return total


def lower_dr(theta: Leaves, phi: dict[str, Leaves], run: int, data: Lanes) -> torch.Tensor:
    """sum_D e_hat + sum_B (e - e_hat) / p, e_hat = (r_hat - stopgrad(r_hat) - g)^2."""

    def e_hat(u: int, i: int) -> torch.Tensor:
        r_hat = factors(theta, run, u, i)
        return (r_hat - r_hat.detach() - factors(phi["imputation"], run, u, i)) ** 2

    total = torch.zeros((), dtype=F64)
    for u, i, _ in everywhere():
        total = total + e_hat(u, i)
    for k, (u, i) in enumerate(OBSERVED):
        e = (factors(theta, run, u, i) - LABEL[k]) ** 2
        total = total + (e - e_hat(u, i)) * inverse_propensity(phi, run, k, data)
    return total


def lower_autodebias(theta: Leaves, phi: dict[str, Leaves], run: int, data: Lanes) -> torch.Tensor:
    """[c sum_D omega2 (r_hat - m)^2 + sum_B omega1 e] / (c + s), omega = exp(h / 5)."""

    def omega(held: Leaves, u: int, i: int, level: int) -> torch.Tensor:
        return torch.exp((held["b"][run, u] + held["c"][run, i] + held["a"][run, level]) / 5)

    rate = np.mean([row[2] for row in SERVES[run]])
    total = torch.zeros((), dtype=F64)
    for u, i, level in everywhere():
        m = torch.sigmoid(np.log(rate / (1 - rate)) + phi["pseudo"]["a"][run, level])
        gap = factors(theta, run, u, i) - m
        total = total + C * omega(phi["omega_all"], u, i, level) * gap**2
    for k, (u, i) in enumerate(OBSERVED):
        e = (factors(theta, run, u, i) - LABEL[k]) ** 2
        total = total + omega(phi["omega_observed"], u, i, 1 + LABEL[k]) * e
    return total / (C + DENSITY)


LOWER = {"ips": lower_ips, "dr": lower_dr, "autodebias": lower_autodebias}


def reference(
    method: str, nuisance: Nuisance, theta: MatrixFactorization, data: Lanes
) -> dict[str, Leaves]:
    """d L_U(theta - eta grad L_B) / d phi by automatic differentiation, run by run."""
    leaf = {k: v.clone().requires_grad_() for k, v in theta.parameters().items()}
    phi = {
        name: {k: v.clone().requires_grad_() for k, v in part.model.parameters().items()}
        for name, part in nuisance.parts.items()
    }
    upper = torch.zeros((), dtype=F64)
    for run in range(RUNS):
        lower = LOWER[method](leaf, phi, run, data)
        slope = torch.autograd.grad(lower, list(leaf.values()), create_graph=True)
        ahead = {k: v - ETA * g for (k, v), g in zip(leaf.items(), slope, strict=True)}
        for u, i, r in SERVES[run]:
            upper = upper + (factors(ahead, run, u, i) - r) ** 2 / len(SERVES[run])
    upper.backward()
    return {name: {k: v.grad for k, v in held.items()} for name, held in phi.items()}


def relative(ours: torch.Tensor, other: torch.Tensor) -> float:
    return float((ours - other).norm() / other.norm())


CASES = [
    ("ips", {}, ("propensity",)),
    ("dr", {}, ("propensity", "imputation")),
    ("dr", {"propensity": "given"}, ("imputation",)),
    ("dr", {"imputation": "regression"}, ("propensity",)),
    ("dr", {"intercept": False}, ("propensity", "imputation")),
    ("autodebias", {}, ("omega_observed", "omega_all", "pseudo")),
]


@pytest.mark.parametrize(("method", "changes", "learned"), CASES)
def test_hypergradient_is_that_of_backward_through_the_assumed_step(
    compiled, method, changes, learned
):
    """Accumulated over eta, in every parameter of every part that is learned bi-level."""
    nuisance, theta, data, batch = problem(method, **changes)
    wanted = reference(method, nuisance, theta, data)
    nuisance.step(theta, data, batch)
    assert set(learned) <= set(nuisance.parts)
    for name in learned:
        for k, value in nuisance.parts[name].model.parameters().items():
            assert wanted[name][k].norm() > 1e-6  # else there is nothing to compare
            assert relative(ETA * value.grad, wanted[name][k]) < 1e-10, (name, k)


@pytest.mark.parametrize("method", ["ips", "dr", "autodebias"])
def test_the_real_theta_neither_moves_nor_keeps_a_gradient(method):
    nuisance, theta, data, batch = problem(method)
    before = {k: v.clone() for k, v in theta.parameters().items()}
    nuisance.step(theta, data, batch)
    for name, value in theta.parameters().items():
        torch.testing.assert_close(value, before[name], rtol=0, atol=0)
        assert (value.grad == 0).all()


@pytest.mark.parametrize("method", ["ips", "dr", "autodebias"])
def test_a_method_that_states_no_derivatives_has_them_derived(method):
    stated, theta, data, batch = problem(method)
    derived, *_ = problem(method)
    assert derived._method.by_phi is not None
    derived._method = replace(derived._method, by_phi=None)
    for nuisance in (stated, derived):
        nuisance.step(theta, data, batch)
    for name, part in stated.parts.items():
        for k, value in part.model.parameters().items():
            assert value.grad.norm() > 1e-6
            other = derived.parts[name].model.parameters()[k].grad
            assert relative(value.grad, other) < 1e-12, (name, k)


def test_a_propensity_below_its_bound_gets_no_hypergradient():
    """Of user 2's one pair (2, 4): b moves no other pair, and its p is clipped."""
    nuisance, theta, data, batch = problem("ips")
    nuisance.parts["propensity"].model.b[:, 2] = -9.0
    wanted = reference("ips", nuisance, theta, data)["propensity"]
    nuisance.step(theta, data, batch)
    ours = nuisance.parts["propensity"].model
    assert (ours.b.grad[:, 2] == 0).all()
    assert (ours.b.grad[:, 0] != 0).all()
    assert relative(ETA * ours.b.grad, wanted["b"]) < 1e-10


def regression() -> tuple[Nuisance, MatrixFactorization, Lanes, Batch]:
    """DR's imputation fitted to U, with its own optimizer."""
    changes = {"imputation": "regression", "propensity": "given", "imputation_decay": 0.0}
    changes["imputation_lr"] = 1e-2
    nuisance, theta, data, batch = problem("dr", **changes)
    return Nuisance(nuisance._config, SHAPE, [0, 1], data), theta, data, batch


def gap_on_uniform(nuisance: Nuisance, theta: MatrixFactorization, data: Lanes) -> torch.Tensor:
    """sum share (g - (r - r_hat))^2, one a run."""
    g = nuisance.parts["imputation"].model.score(data.uniform_user, data.uniform_item)
    wanted = data.uniform_label - theta.score(data.uniform_user, data.uniform_item)
    return (data.phi_share * (g - wanted).square()).sum(1)


def test_regression_moves_the_imputation_towards_what_is_missing_on_the_uniform_ratings():
    nuisance, theta, data, batch = regression()
    start = gap_on_uniform(nuisance, theta, data)
    with tuned():
        for _ in range(200):
            nuisance.step(theta, data, batch)
    assert (gap_on_uniform(nuisance, theta, data) < 0.05 * start).all()


def test_regression_takes_the_gradient_of_the_mean_squared_gap():
    nuisance, theta, data, batch = problem("dr", imputation="regression", propensity="given")
    model = nuisance.parts["imputation"].model
    leaf = {k: v.clone().requires_grad_() for k, v in model.parameters().items()}
    total = torch.zeros((), dtype=F64)
    for run in range(RUNS):
        for u, i, r in SERVES[run]:
            missing = r - factors(theta.parameters(), run, u, i)
            total = total + (factors(leaf, run, u, i) - missing) ** 2 / len(SERVES[run])
    total.backward()
    nuisance.step(theta, data, batch)
    for name, value in model.parameters().items():
        assert relative(value.grad, leaf[name].grad) < 1e-12


def test_a_split_sample_serves_phi_and_the_target_with_a_half_each():
    """Halves that share no rating; a sample used at once serves both with all of it."""
    configs = [make(uniform_reuse=use, uniform_fraction=0.031) for use in ("split", "shared")]
    split, shared = (Trainer({"a": config}, tiny())._lanes for config in configs)
    assert split.uniform_share.shape == (1, 31)
    assert (split.phi_share[0, :15] == 1 / 15).all()
    assert (split.target_share[0, 15:] == 1 / 16).all()
    assert ((split.phi_share > 0) != (split.target_share > 0)).all()
    for share in (shared.phi_share, shared.target_share):
        torch.testing.assert_close(share, shared.uniform_share, rtol=0, atol=0)
