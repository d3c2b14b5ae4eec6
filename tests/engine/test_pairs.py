"""Batches of single pairs, and updates row by row: unbiased, and the dense ones where they can be.

What is compared with is torch's own: automatic differentiation, torch.optim on dense parameters.
"""

from itertools import pairwise

import numpy as np
import pytest
import torch
from small_runs import make, tiny, train

from engine.config import changed
from engine.datasets.ratings import Pairs, Ratings
from engine.errors import ConfigError
from engine.jobs.building import tuned
from engine.models import MatrixFactorization, RowwiseFactorization, RowwiseLinear
from engine.training.ahead import look_ahead
from engine.training.levels import Levels
from engine.training.pairs import PairSampler
from engine.training.rowwise import RowOptimizer
from engine.training.trainer import Trainer

F64, CPU = torch.float64, torch.device("cpu")
PAIRS = {"sampler": "pairs", "batch_size": 100}


def test_an_epoch_has_every_rating_once_in_batches_of_nearly_equal_size():
    plan = PairSampler(1003, 100, seed=2).epoch(1)
    sizes = [draw.n_observed for draw in plan.blocks]
    assert (len(sizes), max(sizes) - min(sizes) <= 1, sum(sizes)) == (10, True, 1003)
    assert sorted(plan.order.tolist()) == list(range(1003))
    assert [draw.start for draw in plan.blocks[1:]] == [draw.stop for draw in plan.blocks[:-1]]
    assert len({draw.seed for draw in plan.blocks}) == 10
    again, other = PairSampler(1003, 100, seed=2), PairSampler(1003, 100, seed=3)
    np.testing.assert_array_equal(again.epoch(1).order, plan.order)
    assert not np.array_equal(again.epoch(2).order, plan.order)
    assert not np.array_equal(other.epoch(1).order, plan.order)


def test_fewer_ratings_than_a_batch_are_one_batch():
    assert [d.n_observed for d in PairSampler(7, 100, seed=0).epoch(1).blocks] == [7]


def test_levels_of_any_pair_are_found_among_the_observed_ones():
    user, item = torch.tensor([0, 2, 1]), torch.tensor([1, 0, 1])
    levels = Levels(user, item, torch.tensor([1, 2, 1], dtype=torch.int32), n_items=2)
    found = levels.of(torch.tensor([0, 0, 1, 1, 2, 2]), torch.tensor([0, 1, 0, 1, 0, 1]))
    assert found.tolist() == [0, 1, 0, 1, 2, 0]


def scattered(trainer, seed=5):
    """All parameters away from their starts, the same for the same seed and names."""
    learners = trainer._learners
    models = {"theta": learners.theta}
    models |= {name: part.model for name, part in learners._nuisance.parts.items()}
    for name, model in sorted(models.items()):
        generator = torch.Generator().manual_seed(seed + len(name))
        for _, value in sorted(model.parameters().items()):
            value += 0.3 * torch.randn(value.shape, generator=generator, dtype=F64)
    return learners


def batches(trainer, epoch):
    plan = trainer._sampling.epoch(epoch)
    view = trainer._sampling.view(plan, trainer._lanes)
    return [view.batch(piece) for piece in plan.blocks]


def gradient(trainer, batch):
    """Of theta's loss on a batch with uniform weights, as one row of numbers."""
    learners, lanes = trainer._learners, trainer._lanes
    values = learners._nuisance.values(batch)
    terms = learners._nuisance.terms(batch, batch.scores(learners.theta), values)
    learners._add_gradients(batch, terms, {}, lanes, learners._scale(batch), 0.0)
    return taken(learners.theta)


def taken(model):
    """A model's gradient of its tables, dense, and set back to 0."""
    if isinstance(model, RowwiseFactorization):
        dense = {name: torch.zeros_like(table) for name, table in model.tables().items()}
        for name, gradients in model.row_gradients.items():
            rows, values = gradients.take()
            dense[name].index_copy_(1, rows, values)
    else:
        dense = {name: grad for name, (_, grad) in model.stored().items() if name != "mu"}
    dense = {name: value.clone() for name, value in dense.items()}
    dense["users"][..., -1], dense["items"][..., -2] = 0.0, 0.0
    mu = model.mu.grad.clone()
    model.zero_grad()
    return torch.cat([dense["users"].flatten(), dense["items"].flatten(), mu.flatten()])


WHOLE = {"block_users": 60, "block_items": 50}


@pytest.mark.parametrize("loss_scale", ["sum", "mean"])
@pytest.mark.parametrize("method", ["mf", "ips", "dr", "autodebias"])
def test_gradients_are_unbiased_for_those_of_all_ratings_and_pairs(method, loss_scale):
    """One block of all of D against the mean over many epochs of batches, within 5 standard errors
    in every parameter; terms on B alone agree exactly in every epoch."""
    plain = make(method, balance="none", lam=0.0, loss_scale=loss_scale, **WHOLE)
    dense = Trainer({"run": plain}, tiny())
    sampled = Trainer({"run": changed(plain, **PAIRS)}, tiny())
    scattered(dense), scattered(sampled)
    (block,) = batches(dense, 1)
    wanted = gradient(dense, block)
    assert wanted.abs().max() > 1e-4
    exact = method in ("mf", "ips")
    found = []
    for epoch in range(1, 3 if exact else 300):
        pieces = batches(sampled, epoch)
        assert len(pieces) == 6
        combine = sum if loss_scale == "sum" else lambda each: sum(each) / 6
        found.append(combine([gradient(sampled, batch) for batch in pieces]))
    rows = torch.stack(found)
    if exact:
        torch.testing.assert_close(rows, wanted.expand_as(rows), rtol=1e-9, atol=1e-12)
        return
    error = rows.std(0) / len(rows) ** 0.5
    sure = error > 1e-12
    apart = (rows.mean(0) - wanted).abs()
    assert float((apart[sure] / error[sure]).max()) < 5
    assert float(apart[~sure].max() if (~sure).any() else 0) < 1e-9
    # Not because nothing could fail: the errors are small beside what is estimated.
    assert float(error.norm() / wanted.norm()) < 0.1


@pytest.mark.parametrize("method", ["ips", "dr"])
def test_the_look_ahead_is_that_of_automatic_differentiation(method):
    """delta = <grad r_hat, grad L_U(theta - eta grad L_B)>, of B_k, and of D_k times its worth."""
    config = make(method, propensity="bilevel", balance="none", lam=0.0, **PAIRS)
    trainer = Trainer({"a": config, "b": changed(config, seed=1, split_seed=1)}, tiny())
    learners, lanes = scattered(trainer), trainer._lanes
    batch, eta = batches(trainer, 1)[2], 0.05
    generator = torch.Generator().manual_seed(1)
    observed = torch.randn(2, len(batch.user), generator=generator, dtype=F64)
    drawn = batch.everything
    everywhere = None if drawn is None else torch.randn(2, 100, generator=generator, dtype=F64)
    slopes = (observed, everywhere)
    leaves = {k: v.clone().requires_grad_() for k, v in learners.theta.parameters().items()}
    model = MatrixFactorization.of(leaves)
    lower = (model.score(batch.user, batch.item) * observed).sum()
    if drawn is not None:
        lower = lower + drawn.worth * (model.score(drawn.user(), drawn.item()) * everywhere).sum()
    step = torch.autograd.grad(lower, list(leaves.values()))
    ahead = {
        k: (v - eta * g).detach().requires_grad_()
        for (k, v), g in zip(leaves.items(), step, strict=True)
    }
    error = (
        MatrixFactorization.of(ahead).score(lanes.uniform_user, lanes.uniform_item)
        - lanes.uniform_label
    )
    upper = (lanes.phi_share * error.square()).sum()
    v = dict(zip(ahead, torch.autograd.grad(upper, list(ahead.values())), strict=True))
    found = look_ahead(learners.theta, lanes, batch, slopes, eta)
    wanted = learners.theta.directional(v, batch.user, batch.item)
    torch.testing.assert_close(found[0], wanted, rtol=1e-9, atol=1e-12)
    assert wanted.abs().max() > 1e-4
    if drawn is not None:
        assert drawn.worth == pytest.approx(3000 / 600)
        wanted = drawn.worth * learners.theta.directional(v, drawn.user(), drawn.item())
        torch.testing.assert_close(found[1], wanted, rtol=1e-9, atol=1e-12)


def stepped(name, decay, touched, steps, lr=0.05):
    """A small model after steps on given pairs, row by row; and the gradients it took, dense."""
    model = RowwiseFactorization((6, 5), 2, (0, 1), F64, CPU, intercept=True)
    optimizer = RowOptimizer(model, name, lr, decay)
    history = [{k: v.clone() for k, v in model.tables().items()}]
    for k in range(steps):
        user, item = touched(k)
        optimizer.catch_up({"users": user, "items": item})
        generator = torch.Generator().manual_seed(k)
        slope = torch.randn(2, len(user), generator=generator, dtype=F64)
        model.accumulate(user, item, slope)
        optimizer.step()
        history.append({n: v.clone() for n, v in model.tables().items()})
    optimizer.catch_up()
    return model, history


def dense_steps(name, decay, touched, steps, lr=0.05):
    """The same by automatic differentiation and torch.optim on all parameters at once."""
    start = MatrixFactorization((6, 5), 2, (0, 1), F64, CPU, intercept=True)
    leaves = {k: v.clone().requires_grad_() for k, v in start.parameters().items()}
    kind = {"adamw": torch.optim.AdamW, "adam": torch.optim.Adam, "sgd": torch.optim.SGD}[name]
    decays = [
        {"params": [v for k, v in leaves.items() if k != "mu"], "weight_decay": decay},
        {"params": [leaves["mu"]], "weight_decay": 0.0},
    ]
    optimizer = kind(decays, lr=lr)
    for k in range(steps):
        user, item = touched(k)
        generator = torch.Generator().manual_seed(k)
        slope = torch.randn(2, len(user), generator=generator, dtype=F64)
        optimizer.zero_grad()
        (MatrixFactorization.of(leaves).score(user, item) * slope).sum().backward()
        optimizer.step()
    return leaves


def everything(k):
    return torch.arange(6).repeat_interleave(5), torch.arange(5).repeat(6)


def some(k):
    """Row 5 of the users never; rows 0 and 1 of the items only now and then."""
    return torch.tensor([k % 3, 2, 2, 4]), torch.tensor([2 + k % 2, 4, 3, 0 if k % 4 == 0 else 4])


@pytest.mark.parametrize(
    ("name", "touched"),
    [("adamw", everything), ("adam", everything), ("sgd", everything), ("sgd", some)],
)
def test_rows_updated_alone_are_those_of_the_dense_optimizer(name, touched):
    """Of Adam where every row has a gradient in every step; of SGD always, decay and all."""
    model, _ = stepped(name, 0.3, touched, 9)
    wanted = dense_steps(name, 0.3, touched, 9)
    for key, value in model.parameters().items():
        torch.testing.assert_close(value, wanted[key].detach(), rtol=1e-10, atol=1e-12, msg=key)


def test_a_row_of_adam_counts_its_own_steps_and_decays_in_all():
    """User 1 has a gradient in steps 1, 4, 7 of 9 (k % 3 == 1)."""
    model, history = stepped("adamw", 0.3, some, 9)
    for before, after in pairwise(history):
        assert (before["users"][:, 5] == after["users"][:, 5]).all()  # not even looked at
    shrink = 1 - 0.05 * 0.3
    never = history[0]["users"][:, 5, :-1] * shrink**9
    torch.testing.assert_close(model.tables()["users"][:, 5, :-1], never, rtol=1e-12, atol=0)
    # Adam's first step is lr in every parameter with a gradient, whenever it comes.
    before = history[1]["users"][:, 1] * shrink ** torch.tensor([1.0, 1.0, 1.0, 0.0], dtype=F64)
    moved = history[2]["users"][:, 1] - before * torch.tensor([shrink] * 3 + [1.0], dtype=F64)
    torch.testing.assert_close(moved[:, :3].abs(), torch.full((2, 3), 0.05, dtype=F64), rtol=1e-5,
                               atol=0)  # fmt: skip
    assert (model.tables()["users"][..., -1] == 1).all()
    assert (model.tables()["items"][..., -2] == 1).all()


def test_the_linear_models_rows_get_their_sums():
    model = RowwiseLinear((4, 3), 1, F64, CPU)
    slope = torch.tensor([[1.0, 2.0, 4.0]], dtype=F64)
    model.accumulate(
        torch.tensor([2, 0, 2]), torch.tensor([1, 1, 0]), torch.tensor([0, 1, 1]), slope
    )
    taken = {name: gradients.take() for name, gradients in model.row_gradients.items()}
    assert [t.tolist() for t in taken["b"]] == [[0, 2], [[2.0, 5.0]]]
    assert [t.tolist() for t in taken["c"]] == [[0, 1], [[4.0, 3.0]]]
    assert model.a.grad.tolist() == [[1.0, 6.0, 0.0]]
    assert model.row_gradients["b"].take() is None


@pytest.mark.parametrize("method", ["ips", "dr", "autodebias"])
def test_by_pairs_a_run_comes_to_what_it_comes_to_by_blocks(method):
    """Same data, steps of the same loss: the validation error falls as far, within a tenth."""
    ends = {}
    for sampler in ("blocks", "pairs"):
        config = make(method, sampler=sampler, batch_size=100, epochs=15, weight_decay=1.0)
        rows, done = train(config)
        ends[sampler] = rows["run0", 15], done["run0"]
    (block, _), (pair, end) = ends["blocks"], ends["pairs"]
    assert pair.validation["mse"] == pytest.approx(block.validation["mse"], rel=0.1)
    assert end.state == "finished"
    # Weights meet the constraint better than uniform ones at the same model.
    assert abs(pair.violation) < abs(pair.violation_uniform)


def wide(n=3_000):
    """200,000 users and 100,000 items: 2e10 pairs, 20 GB at a byte each."""
    rng = np.random.default_rng(0)

    def pairs(n):
        code = np.unique(rng.integers(0, 2 * 10**10, n))
        user, item = np.divmod(code, 10**5)
        return Pairs(user, item, rng.integers(0, 2, len(code)).astype(float))

    return Ratings("wide", 2 * 10**5, 10**5, pairs(n), pairs(2_000), threshold=1.0)


@pytest.mark.parametrize("method", ["ips", "dr", "autodebias"])
def test_d_is_never_held(method):
    sparse = {"p_min": 1e-9, "lam": 1e-7}  # p is 1.5e-7, and so the scale of lam
    config = make(method, **sparse, sampler="pairs", batch_size=1000, epochs=1)
    config = changed(config, propensity="constant")
    if method != "autodebias":
        config = changed(config, propensity="bilevel", propensity_start="constant")
    with tuned():
        events = list(Trainer({"run": config}, wide()).events())
    row = events[-1].runs[0]
    assert events[-1].done[0].state == "finished"
    assert np.isfinite([row.violation, row.loss, row.exact_kl]).all()


@pytest.mark.parametrize(
    ("method", "changes"),
    [
        ("cause", {}),
        ("mf-uniform", {}),
        ("ips", {"residuals": "cross_fitted"}),
        ("dr", {"imputation": "regression"}),
        ("ips", {"target_support": "covered"}),
        ("dr", {"weights_model": "ncf"}),
    ],
)
def test_what_pairs_cannot_do_is_refused(method, changes):
    with pytest.raises(ConfigError, match="with sampler pairs"):
        make(method, **PAIRS, **changes)
