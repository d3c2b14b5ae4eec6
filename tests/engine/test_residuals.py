"""Whose errors are balanced: held-out and cross-fitted ones, and those of covered pairs alone."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from small_runs import make, tiny, train

from engine.config import changed
from engine.datasets.folds import HELD_OUT, folds_of
from engine.datasets.ratings import Pairs, Ratings
from engine.errors import ConfigError
from engine.events import GroupEpoch
from engine.jobs.building import tuned
from engine.methods import METHODS
from engine.training.balancer import Balancer
from engine.training.blocks import BlockSampler
from engine.training.folds import FoldModels
from engine.training.nuisance import Nuisance
from engine.training.observing import Observer
from engine.training.trainer import Trainer
from engine.training.view import View

SHAPE = (60, 50)
BALANCED = [name for name, m in METHODS.items() if "learned" in m.info.balances]
# Weights that may leave uniform and do not: only the selection of pairs is left to see.
STILL = {"weights_model": "mf", "weights_lr": 1e-30}
HELD = {"residuals": "held_out"}
CROSS = {"residuals": "cross_fitted", "folds": 3}
# phi known beforehand, so that it carries no label of B: p given, g and m where they start.
KNOWN = {"propensity": "given"}


def known(method, **changes):
    """A run whose phi is not learned."""
    own = KNOWN if method in ("ips", "dr") else {}
    return make(method, **{**own, "phi_warmup": 99, **changes})


def flipped(where: np.ndarray) -> Ratings:
    """The ratings with the labels of some biased pairs changed."""
    ratings = tiny()
    rating = np.where(where, 1 - ratings.biased.rating, ratings.biased.rating)
    return replace(
        ratings, biased=Pairs(ratings.biased.user, ratings.biased.item, rating.astype(float))
    )


def held_pairs(config) -> np.ndarray:
    return folds_of(len(tiny().biased), HELD_OUT, config.block_seed) == 0


def watched(config, ratings=None):
    """Trainer and last pass of a run and its like; every block's selection and multipliers."""
    passes, blocks = [], []
    finish, step = Observer.finish, Balancer.step

    def finishing(self, *args):
        passes.append(finish(self, *args))
        return passes[-1]

    def stepping(self, lanes, batch, chosen, x, target):
        blocks.append((chosen, step(self, lanes, batch, chosen, x, target)))
        return blocks[-1][1]

    with pytest.MonkeyPatch.context() as patch, tuned():
        patch.setattr(Observer, "finish", finishing)
        patch.setattr(Balancer, "step", stepping)
        trainer = Trainer({"a": config, "b": config}, tiny() if ratings is None else ratings)
        for event in trainer.events():
            if isinstance(event, GroupEpoch):
                row = event.runs[0]
                if event.epoch == config.epochs - 1:
                    break
    return trainer, passes[-1], blocks, row


def test_folds_are_of_nearly_equal_size_and_follow_from_the_seed():
    for n, folds in ((600, 5), (601, 5), (23, 10), (7, 2)):
        sizes = np.bincount(folds_of(n, folds, 0), minlength=folds)
        assert len(sizes) == folds
        assert sizes.max() - sizes.min() <= 1
    np.testing.assert_array_equal(folds_of(50, 5, 3), folds_of(50, 5, 3))
    assert (folds_of(50, 5, 3) != folds_of(50, 5, 4)).any()


@pytest.mark.parametrize("balance", ["learned", "exact"])
@pytest.mark.parametrize("method", BALANCED)
def test_held_pairs_have_no_weight_in_thetas_loss(method, balance):
    """Nowhere, also in blocks of so few pairs that all of them are held; the others have mean
    weight 1 over all pairs of the block."""
    config = known(method, balance=balance, **HELD, block_users=4, block_items=5)
    _, _, blocks, _ = watched(config)
    assert any(chosen.held.all() for chosen, _ in blocks)
    for chosen, multipliers in blocks:
        weights = multipliers["observed"]
        assert (weights[:, chosen.held] == 0).all()
        if not chosen.held.all():
            assert (weights[:, ~chosen.held] > 0).all()
            torch.testing.assert_close(weights.mean(1), torch.ones(2).double())


@pytest.mark.parametrize("method", BALANCED)
def test_labels_of_held_pairs_never_reach_theta(method):
    """With weights that stay uniform, theta is the same whatever the held pairs' labels are."""
    config = known(method, **HELD, **STILL)
    held = held_pairs(config)
    assert held.sum() == 60
    _, plain = train(config)
    _, other = train(config, ratings=flipped(held))
    _, control = train(config, ratings=flipped(~held & (np.arange(600) < 60)))
    for name in ("theta.P", "theta.Q", "theta.b", "theta.c", "theta.mu"):
        ours = plain["run0"].arrays[name]
        np.testing.assert_allclose(other["run0"].arrays[name], ours, rtol=1e-12, atol=1e-15)
        assert not np.allclose(control["run0"].arrays[name], ours, rtol=1e-6)


def theta_with_imputed_labels(ratings: Ratings) -> dict[str, torch.Tensor]:
    """AutoDebias' theta, trained towards imputed labels that are not all alike: 0.2, 0.1, 0.8."""
    config = known("autodebias", **HELD, **STILL)
    with tuned():
        trainer = Trainer({"a": config}, ratings)
        pseudo = trainer._learners._nuisance.parts["pseudo"]
        pseudo.model.a += (
            torch.logit(torch.tensor([[0.2, 0.1, 0.8]], dtype=torch.float64)) - pseudo.base
        )
        ends = [e for e in trainer.events() if isinstance(e, GroupEpoch) and e.done]
    return ends[0].done[0].arrays


def test_imputed_labels_do_not_tell_theta_the_labels_of_held_pairs():
    """m is a table of missing, negative, positive: a held pair has to count as missing."""
    held = held_pairs(known("autodebias"))
    plain, other = (theta_with_imputed_labels(r) for r in (tiny(), flipped(held)))
    for name in ("theta.P", "theta.b", "theta.mu"):
        np.testing.assert_allclose(other[name], plain[name], rtol=1e-12, atol=1e-15)


LEARNING = [
    ("ips", {"propensity": "bilevel", "propensity_start": "given"}),
    ("ips", {"propensity": "bilevel", "propensity_start": "naive_bayes"}),
    ("ips", {"propensity": "naive_bayes", "normalise_propensity": True}),
    ("dr", {"propensity": "given"}),
    ("dr", {"propensity": "bilevel"}),
    ("dr", {"propensity": "bilevel", "imputation": "regression"}),
    ("autodebias", {}),
]
SAMPLERS = [{"sampler": "blocks"}, {"sampler": "pairs", "batch_size": 100}]


def learned_arrays(config, ratings: Ratings) -> dict[str, np.ndarray]:
    """All that a run and its twin end with, by "run0.theta.P"."""
    _, done = train(config, config.twin(), ratings=ratings)
    return {
        f"{run}.{name}": value for run, end in done.items() for name, value in end.arrays.items()
    }


@pytest.mark.parametrize("sampler", SAMPLERS)
@pytest.mark.parametrize(("method", "changes"), LEARNING)
def test_labels_of_held_pairs_reach_neither_theta_nor_phi(method, changes, sampler):
    """What is learned bi-level included, whose lower loss leaves them out; the twin sees them."""
    if sampler["sampler"] == "pairs" and changes.get("imputation") == "regression":
        pytest.skip("not to be had by pairs")
    config = make(method, **HELD, **STILL, **changes, **sampler, epochs=4, best_after=3)
    held = held_pairs(config)
    plain = learned_arrays(config, tiny())
    other = learned_arrays(config, flipped(held))
    control = learned_arrays(config, flipped(~held & (np.arange(600) < 60)))
    ours = [n for n in plain if n.startswith(("run0.theta.", "run0.phi."))]
    learns = method != "ips" or config.propensity == "bilevel"
    assert any(name.startswith("run0.phi.") for name in ours) == learns
    for name in ours:
        np.testing.assert_allclose(other[name], plain[name], rtol=1e-10, atol=1e-13, err_msg=name)
    moved = {name for name in ours if plain[name].any()}
    for name in moved:
        assert not np.allclose(control[name], plain[name], rtol=1e-6, atol=0), name
        twin = name.replace("run0", "run1")
        assert not np.allclose(other[twin], plain[twin], rtol=1e-6, atol=0), name


@pytest.mark.parametrize("sampler", SAMPLERS)
def test_labels_of_held_pairs_are_no_part_of_the_first_bilevel_step(sampler):
    """AutoDebias' imputed labels, which a held pair would have a part in by its level."""
    config = make("autodebias", **HELD, **sampler, epochs=1)
    held = held_pairs(config)
    steps = []
    for ratings in (tiny(), flipped(held)):
        with tuned():
            trainer = Trainer({"a": config}, ratings)
            next(trainer.events())
            steps.append(trainer._learners._nuisance.parameters())
    for name, value in steps[0].items():
        torch.testing.assert_close(steps[1][name], value, rtol=1e-12, atol=1e-15)
    assert steps[0]["pseudo.a"].any()


def test_a_run_that_starts_from_another_has_no_pair_to_hold_out():
    with pytest.raises(ConfigError, match="residuals: got 'held_out'"):
        make("ips", **HELD, initial="some-run")
    make("ips", **HELD, initial="some-run", balance="none")


@pytest.mark.parametrize("method", BALANCED)
def test_labels_of_held_pairs_reach_the_weights(method):
    """They are what the weights are fitted on: with weights that learn, theta does change."""
    config = known(method, **HELD, lam=64.0)
    _, plain = train(config)
    _, other = train(config, ratings=flipped(held_pairs(config)))
    assert not np.allclose(plain["run0"].arrays["xi.m"], other["run0"].arrays["xi.m"], rtol=1e-3)
    assert not np.allclose(plain["run0"].arrays["theta.b"], other["run0"].arrays["theta.b"])


@pytest.mark.parametrize("residuals", [HELD, CROSS])
@pytest.mark.parametrize("method", BALANCED)
def test_the_twin_trains_on_every_pair(method, residuals):
    config = make(method, **residuals)
    _, beside = train(config, config.twin())
    _, alone = train(make(method).twin())
    for name, values in alone["run0"].arrays.items():
        np.testing.assert_allclose(values, beside["run1"].arrays[name], rtol=1e-10, atol=1e-14)


def in_sample_by_hand(trainer, told) -> float:
    """s sum w e / (n p) - mean over U of e, with theta's own errors and theta's own weights."""
    lanes, theta = trainer._lanes, trainer._learners.theta
    error = (theta.score(lanes.user, lanes.item) - lanes.label)[0].square()
    left = (told.weights[0] * error * lanes.inverse_propensity[0]).sum() / told.weights[0].sum()
    uniform = theta.score(lanes.uniform_user, lanes.uniform_item) - lanes.uniform_label
    return float(tiny().density * left - uniform[0].square().mean())


@pytest.mark.parametrize("residuals", [HELD, CROSS])
def test_the_violation_in_sample_is_told_beside_that_of_others(residuals):
    config = make("ips", lam=64.0, **residuals)
    trainer, told, _, row = watched(config)
    assert row.violation_in_sample == pytest.approx(in_sample_by_hand(trainer, told))
    assert abs(row.violation_in_sample - row.violation) > 1e-3


def test_in_sample_there_is_one_violation():
    config = make("ips", lam=64.0)
    trainer, told, _, row = watched(config)
    assert row.violation_in_sample is None
    assert row.violation == pytest.approx(in_sample_by_hand(trainer, told))


class Stage:
    """FoldModels of one group with all they need, on given ratings; phi away from its start."""

    def __init__(self, method: str, ratings: Ratings, runs: int = 2, **changes) -> None:
        config = known(method, **CROSS, **changes)
        configs = [changed(config, seed=k) for k in range(runs)]
        trainer = Trainer({f"run{k}": c for k, c in enumerate(configs)}, ratings)
        self.lanes, self.method = trainer._lanes, METHODS[method]
        self.nuisance = Nuisance(config, SHAPE, list(range(runs)), self.lanes)
        generator = torch.Generator().manual_seed(0)
        for part in self.nuisance.parts.values():
            for value in part.model.parameters().values():
                value += 0.3 * torch.randn(value.shape, generator=generator, dtype=value.dtype)
        self.models = FoldModels(config, SHAPE, list(range(runs)), self.lanes)
        pairs = ratings.biased
        self.sampler = BlockSampler(pairs.user, pairs.item, SHAPE, (30, 25), config.block_seed)

    def train(self, epochs: int = 2) -> "Stage":
        """Some epochs with uniform weights."""
        for epoch in range(epochs):
            plan = self.sampler.epoch(epoch)
            view = View(plan, self.lanes, self.method.on_all)
            for block in plan.blocks:
                batch = view.batch(block)
                ones = {"observed": self.ones(block.n_observed), "all": self.ones(block.n_all)}
                values = self.nuisance.values(batch)
                self.models.step(batch, self.nuisance, values, ones, 1.0)
        return self

    def ones(self, n: int) -> torch.Tensor:
        return torch.ones(len(self.lanes.lam), n, dtype=torch.float64)


@pytest.mark.parametrize("runs", [1, 2])
@pytest.mark.parametrize("method", BALANCED)
def test_a_fold_model_never_sees_the_labels_of_its_fold(method, runs):
    """Labels of fold 1 changed: every run's second model is the same, its others are not."""
    fold = folds_of(600, 3, 0)
    with tuned():
        plain = Stage(method, tiny(), runs).train().models.theta
        other = Stage(method, flipped(fold == 1), runs).train().models.theta
    for name, values in plain.parameters().items():
        for row in range(3 * runs):
            same = torch.allclose(values[row], other.parameters()[name][row], 1e-10, 1e-12)
            assert same == (row % 3 == 1), (name, row)


def test_a_fold_models_loss_is_as_large_as_one_over_all_pairs():
    """Two of three folds count 3/2 each: with tiny steps mu moves by -lr 3/2 sum 2e/p over them."""
    stage = Stage("ips", tiny(), 1, optimizer="sgd", lr=1e-9, weight_decay=0.0)
    lanes, theta = stage.lanes, stage.models.theta
    error = theta.score(lanes.user, lanes.item) - lanes.label
    sees = torch.as_tensor(folds_of(600, 3, 0) != np.arange(3)[:, None])
    wanted = (1.5 * sees * 2 * error * lanes.inverse_propensity).sum(1)
    stage.train(epochs=1)
    torch.testing.assert_close(theta.mu[:, 0] / -1e-9, wanted, rtol=1e-5, atol=0)


@pytest.mark.parametrize("runs", [1, 2])
def test_predictions_of_a_pair_are_those_of_the_model_that_misses_it(runs):
    stage = Stage("ips", tiny(), runs).train()
    lanes, theta = stage.lanes, stage.models.theta
    found = stage.models.predictions(lanes, torch.zeros(runs, 600, dtype=torch.float64))
    fold = torch.as_tensor(folds_of(600, 3, 0))
    every = theta.score(lanes.user, lanes.item).view(runs, 3, 600)
    wanted = every[:, fold, torch.arange(600)]
    torch.testing.assert_close(found, wanted)


def test_the_target_told_is_that_of_the_fold_models():
    trainer, _, _, row = watched(make("ips", **CROSS))
    lanes, folds = trainer._lanes, trainer._learners._folds.theta
    user, item, label = (
        values.repeat_interleave(3, 0)
        for values in (lanes.uniform_user, lanes.uniform_item, lanes.uniform_label)
    )
    error = (folds.score(user, item) - label).square()
    assert row.target == pytest.approx(float(error[:3].mean()))
    own = trainer._learners.theta.score(lanes.uniform_user, lanes.uniform_item)
    assert row.target != pytest.approx(float((own - lanes.uniform_label)[0].square().mean()))


def test_the_target_is_the_mean_over_the_fold_models():
    """Mean over the models of the mean over U of e, one a run."""
    stage = Stage("ips", tiny(), 2).train()
    lanes = stage.lanes
    found = stage.models.uniform_mean(
        lanes,
        torch.zeros_like(lanes.uniform_label),
        lambda prediction: (prediction - lanes.uniform_label).square().unsqueeze(-1),
    )
    user, item = (
        index.repeat_interleave(3, 0) for index in (lanes.uniform_user, lanes.uniform_item)
    )
    error = stage.models.theta.score(user, item) - lanes.uniform_label.repeat_interleave(3, 0)
    wanted = error.square().view(2, 3, -1).mean(1)
    torch.testing.assert_close(found[..., 0], wanted)


def test_cross_fitted_errors_are_larger_than_those_theta_has_fitted():
    """Without decay theta overfits: in-sample the violation hides, out of fold it is seen."""
    config = make("ips", **CROSS, lam=1e-9, epochs=60, weight_decay=0.0, d=8)
    rows, _ = train(config)
    last = rows["run0", 60]
    assert last.violation > last.violation_in_sample + 0.05


def halved() -> Ratings:
    """Random ratings of users 0 to 29 only."""
    ratings = tiny()
    return replace(ratings, random=ratings.random.take(np.flatnonzero(ratings.random.user < 30)))


COVERED = {"target_support": "covered", "uniform_fraction": 0.2}


@pytest.mark.parametrize("balance", ["learned", "exact"])
@pytest.mark.parametrize("method", BALANCED)
def test_pairs_outside_the_covered_ones_keep_their_weight(method, balance):
    config = known(method, **COVERED, balance=balance, lam=64.0)
    _, told, blocks, _ = watched(config, halved())
    inside = torch.as_tensor(tiny().biased.user < 30)
    for chosen, multipliers in blocks:
        apply = torch.zeros(multipliers["observed"].shape[1], dtype=torch.bool)
        apply[chosen.apply] = True
        assert (multipliers["observed"][:, ~apply] == 1).all()
        if apply.any():
            mean = multipliers["observed"][:, apply].mean(1)
            torch.testing.assert_close(mean, torch.ones(2).double())
    assert (told.weights[:, ~inside] == 1).all()
    assert ((told.weights[:, inside] - 1).abs() > 1e-6).any()
    if METHODS[method].on_all:
        everywhere = next(side for side in told.sides if side.support == "all")
        assert everywhere.x.shape[1] == 30 * 50


def test_the_constraint_is_that_of_the_covered_pairs():
    """Hard exact weights: sum over B inside of w e/p, times s inside, meets t to rounding."""
    config = known("ips", **COVERED, balance="exact", constraint="hard", ess_floor=0.0, epochs=2)
    trainer, told, _, row = watched(config, halved())
    lanes, theta = trainer._lanes, trainer._learners.theta
    inside = lanes.user < 30
    error = (theta.score(lanes.user, lanes.item) - lanes.label)[0].square()
    x = (told.weights[0] * error * lanes.inverse_propensity[0])[inside]
    left = x.sum() / (30 * 50)  # s inside, times the mean
    assert row.violation == pytest.approx(0, abs=1e-9)
    assert float(left) == pytest.approx(row.target, abs=1e-9)


@pytest.mark.parametrize("method", BALANCED)
def test_learned_weights_balance_the_covered_pairs(method):
    rows, _ = train(known(method, **COVERED, lam=64.0, epochs=12), ratings=halved())
    last = rows["run0", 12]
    assert abs(last.violation) < 0.5 * abs(last.violation_uniform)


@pytest.mark.parametrize("residuals", [HELD, CROSS])
def test_the_violation_in_sample_is_of_the_covered_pairs_too(residuals):
    config = known("ips", **COVERED, **residuals, lam=16.0)
    trainer, told, _, row = watched(config, halved())
    lanes, theta = trainer._lanes, trainer._learners.theta
    inside = lanes.user < 30
    error = (theta.score(lanes.user, lanes.item) - lanes.label)[0].square()
    weights = told.weights[0][inside]
    mean = (weights * (error * lanes.inverse_propensity[0])[inside]).sum() / weights.sum()
    uniform = theta.score(lanes.uniform_user, lanes.uniform_item) - lanes.uniform_label
    left = float(inside.sum()) / (30 * 50) * float(mean)
    wanted = left - float(uniform[0].square().mean())
    assert row.violation_in_sample == pytest.approx(wanted, abs=1e-9)


def test_a_target_that_covers_everything_changes_nothing():
    plain, _ = train(make("dr"))
    covered, _ = train(make("dr", target_support="covered"))
    assert covered["run0", 3].violation == pytest.approx(plain["run0", 3].violation, abs=1e-12)
    assert covered["run0", 3].loss == pytest.approx(plain["run0", 3].loss, abs=1e-12)
