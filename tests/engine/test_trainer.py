"""The trainer on simulated ratings: alone as in company, resumable, honest about its best epoch."""

import math

import numpy as np
import pytest
import small_runs
import torch

from engine.config import RunConfig
from engine.datasets import load
from engine.errors import ConfigError
from engine.events import BlockDone, GroupEpoch
from engine.presets import preset
from engine.training import telling
from engine.training.trainer import Trainer

FAST = {"epochs": 5, "patience": 0, "d": 4, "weights_dim": 4}


def make(**changes) -> RunConfig:
    method = changes.pop("method", "ips")
    return preset("simulated-small", method, **{**FAST, **changes})


def train(*configs: RunConfig):
    """All epoch rows by (run index, epoch), and the last word on each run."""
    runs = {f"run{i}": config for i, config in enumerate(configs)}
    rows, done = {}, {}
    for event in Trainer(runs, load(configs[0])).events():
        if isinstance(event, GroupEpoch):
            rows |= {(row.run, row.epoch): row for row in event.runs}
            done |= {end.run: end for end in event.done}
    return rows, done


def assert_same_numbers(one, other, tolerance):
    for left, right in zip(one, other, strict=True):
        small_runs.assert_same_numbers(left, right, tolerance)


COMPANY = [
    {"lam": 4.0, "seed": 1, "split_seed": 1},
    {"balance": "none", "lam": 0.0, "seed": 1, "split_seed": 1},
    {"lam": 0.25, "seed": 2},
    {"lam": 64.0, "seed": 3, "uniform_fraction": 0.1},
]


@pytest.mark.parametrize(
    ("method", "moments", "propensity"),
    [
        ("mf", ("e",), "constant"),
        ("ips", ("e", "r"), "naive_bayes"),
        ("ips", ("r",), "given"),
        ("ips", ("e",), "bilevel"),
    ],
)
def test_a_run_alone_equals_the_same_run_in_company(method, moments, propensity):
    shared = {"dtype": "float64", "moments": moments, "propensity": propensity, "method": method}
    configs = [make(**shared, **own) for own in COMPANY]
    together, _ = train(*configs)
    for i, config in enumerate(configs):
        alone, _ = train(config)
        ours = [together[f"run{i}", epoch] for epoch in range(1, 6)]
        # Entries the run did not ask for alone (a twin's violation) are the same object: None.
        assert_same_numbers([alone["run0", e] for e in range(1, 6)], ours, 1e-8)


def test_float32_in_company_keeps_the_auc_within_a_thousandth_after_20_epochs():
    configs = [make(epochs=20, **own) for own in COMPANY]
    together, _ = train(*configs)
    for i, config in enumerate(configs):
        alone, _ = train(config)
        a = alone["run0", 20].validation["auc"]
        assert a == pytest.approx(together[f"run{i}", 20].validation["auc"], abs=1e-3)


def test_the_same_seed_gives_the_same_numbers_and_another_seed_others():
    first, _ = train(make())
    again, _ = train(make())
    other, _ = train(make(seed=9))
    assert_same_numbers([first["run0", 5]], [again["run0", 5]], 0.0)
    assert first["run0", 5].loss != other["run0", 5].loss


@pytest.mark.parametrize("balance", [{"balance": "none"}, {"balance": "learned", "lam": 0.0}])
def test_without_lambda_the_base_methods_updates_are_exact(balance):
    """Beside a balanced run and alone, lam = 0 trains the base method to the last bit."""
    plain, plain_done = train(make(balance="none", lam=0.0))
    beside, beside_done = train(make(**{"lam": 0.0, **balance}), make(lam=16.0))
    for epoch in range(1, 6):
        a, b = plain["run0", epoch], beside["run0", epoch]
        assert a.loss == pytest.approx(b.loss, rel=1e-6)
        if b.entropy is not None:
            assert b.entropy == pytest.approx(1.0, abs=1e-6)
            assert b.blocks["observed"].largest == pytest.approx(1.0, abs=1e-5)
    for name, values in plain_done["run0"].arrays.items():
        np.testing.assert_allclose(values, beside_done["run0"].arrays[name], rtol=1e-4, atol=1e-6)


def test_balancing_moves_the_violation_towards_zero_and_spreads_the_weights():
    rows, _ = train(make(epochs=30, lam=64.0, d=10, weights_dim=10))
    last = rows["run0", 30]
    assert abs(last.violation) < 0.5 * abs(last.violation_uniform)
    assert last.entropy < 0.9999
    assert last.ess < 1
    assert last.histogram.sum() == 4000
    assert last.decile_map.shape == (12, 12)


def test_the_label_moment_is_balanced_too():
    rows, _ = train(make(epochs=30, lam=64.0, moments=("e", "r"), d=10, weights_dim=10))
    last = rows["run0", 30].moments["r"]
    assert abs(last[0]) < 0.5 * abs(last[1])


def test_the_best_epoch_is_a_copy_and_its_metrics_are_those_of_its_parameters():
    """Training goes on after the best epoch; what is kept must not follow it."""
    config = make(epochs=25, lr=0.05)
    rows, done = train(config)
    end = done["run0"]
    aucs = [rows["run0", epoch].validation["auc"] for epoch in range(1, 26)]
    assert end.best_epoch == int(np.argmax(aucs)) + 1  # the first of equals: strictly better only
    assert end.best_epoch < 25
    _, short_done = train(make(epochs=end.best_epoch, lr=0.05))
    np.testing.assert_allclose(
        end.arrays["theta.P"], short_done["run0"].arrays["theta.P"], rtol=1e-5, atol=1e-7
    )
    assert end.test == pytest.approx(short_done["run0"].test)
    assert end.true_loss == pytest.approx(short_done["run0"].true_loss)


@pytest.mark.parametrize("checkpoint", [False, True])
def test_the_best_epoch_has_its_exact_weights_even_where_they_were_not_due(monkeypatch, checkpoint):
    """Solved for at the end, or at a checkpoint, at the models of the best epoch."""
    config = make(epochs=6, lam=16.0)
    _, done = train(config)
    assert done["run0"].best_epoch not in (5, 10)
    monkeypatch.setattr(telling, "SOME", 0)  # exact weights every fifth epoch from here on
    monkeypatch.setattr(telling, "MANY", 10**6)
    trainer = Trainer({"run0": make(epochs=7, lam=16.0, patience=0)}, load(config))
    for event in trainer.events():
        if isinstance(event, GroupEpoch) and event.epoch == 6:
            assert event.runs[0].exact_kl is None
            if checkpoint:
                facts = trainer.state()[1]["best"]["run0"]["facts"]
            trainer.stop("run0")
        if isinstance(event, GroupEpoch) and event.done and not checkpoint:
            facts = event.done[0].facts
    for name in ("exact_kl", "exact_violation", "exact_feasible", "exact_bound"):
        assert facts[name] == pytest.approx(done["run0"].facts[name]), name


def test_patience_ends_a_run_and_the_others_train_on():
    rows, done = train(
        make(epochs=40, patience=3, seed=0), make(epochs=40, patience=3, seed=4, lam=4.0)
    )
    for run, end in done.items():
        assert end.state == "finished"
        last = max(epoch for name, epoch in rows if name == run)
        assert end.epochs == last
        assert last == 40 or last == end.best_epoch + 3


@pytest.mark.parametrize(
    ("propensity", "weights_model"),
    [("given", "log_linear"), ("given", "mf"), ("bilevel", "log_linear")],
)
@pytest.mark.parametrize("after", [1, 7, 16, 17, 33])
def test_a_restored_group_goes_on_bit_for_bit(after, propensity, weights_model):
    """Interrupt after so many events (in mid-epoch and between epochs), restore, compare."""
    shared = {"moments": ("e", "r"), "propensity": propensity, "weights_model": weights_model}
    configs = {
        "a": make(lam=16.0, **shared),
        "b": make(balance="none", lam=0.0, seed=1, **shared),
    }
    ratings = load(make())
    whole = [e for e in Trainer(configs, ratings).events() if isinstance(e, GroupEpoch)]
    first = Trainer(configs, ratings)
    events = first.events()
    for _ in range(after):
        next(events)
    tensors, meta = first.state()
    for _ in range(3):
        next(events)  # what the state holds must not move with the trainer it came from
    second = Trainer(configs, ratings)
    second.restore(tensors, meta)
    rest = [e for e in second.events() if isinstance(e, GroupEpoch)]
    assert 0 < len(rest) <= len(whole)
    for ours, theirs in zip(rest, whole[-len(rest) :], strict=True):
        assert_same_numbers(ours.runs, theirs.runs, 0.0)
        assert [d.test for d in ours.done] == [d.test for d in theirs.done]


def test_stopping_one_run_keeps_its_best_epoch_and_lets_the_other_finish():
    configs = {"a": make(lam=1.0), "b": make(lam=2.0)}
    trainer = Trainer(configs, load(make()))
    done = {}
    for event in trainer.events():
        if isinstance(event, BlockDone) and event.epoch == 3 and event.block == 2:
            trainer.stop("a")
        if isinstance(event, GroupEpoch):
            done |= {end.run: end for end in event.done}
    assert done["a"].state == "stopped"
    assert done["a"].epochs == 2
    assert done["a"].test["auc"] is not None
    assert done["b"].state == "finished"
    assert done["b"].epochs == 5


def test_a_run_whose_loss_explodes_fails_in_words_and_keeps_its_history():
    wild = {"optimizer": "sgd", "lr": 0.06, "intercept": False, "weight_decay": 0.0, "epochs": 30}
    rows, done = train(make(**wild), make(**wild, seed=1))
    for run, end in done.items():
        assert end.state == "failed"
        assert "lower lr" in end.error
        assert end.epochs > 1  # else there would be no history to keep
        assert all(math.isfinite(rows[run, e].loss) for e in range(1, end.epochs))


def test_runs_of_different_groups_do_not_train_together():
    with pytest.raises(ConfigError, match="one group"):
        Trainer({"a": make(d=4), "b": make(d=5)}, load(make()))


def test_target_standard_error_is_clustered_by_user():
    """Against the definition: sqrt(sum over users of (sum of centred errors)^2) / |U|."""
    config = make(epochs=2, dtype="float64")
    ratings = load(config)
    trainer = Trainer({"a": config}, ratings)
    row = next(e for e in trainer.events() if isinstance(e, GroupEpoch)).runs[0]
    lanes, theta = trainer._lanes, trainer._learners.theta
    error = (theta.score(lanes.uniform_user, lanes.uniform_item) - lanes.uniform_label).square()
    error, user = error[0].numpy(), lanes.uniform_user[0].numpy()
    sums = [np.sum(error[user == u] - error.mean()) for u in np.unique(user)]
    assert row.target == pytest.approx(error.mean())
    assert row.target_se == pytest.approx(np.sqrt(np.sum(np.square(sums))) / len(error))
    assert torch.isfinite(torch.as_tensor(row.true_loss))
