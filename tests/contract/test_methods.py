"""What every method promises, with every way to balance it and every balancing model.

Small runs on simulated ratings: four blocks an epoch, three epochs, float64.
"""

import functools
import math

import numpy as np
import pytest
import torch
from small_runs import assert_same_numbers, make, tiny, train

from engine import offers
from engine.config import changed
from engine.diagnostics import Deciles
from engine.errors import ConfigError
from engine.events import METRICS, GroupEpoch
from engine.jobs.building import tuned
from engine.methods import METHODS
from engine.presets import preset
from engine.training.balancer import Balancer
from engine.training.trainer import Trainer

BALANCED = [name for name, method in METHODS.items() if "learned" in method.info.balances]
UNBALANCED = [name for name in METHODS if name not in BALANCED]
ON_ALL = [name for name in BALANCED if METHODS[name].on_all]
MODELS = [{"weights_model": name} for name in ("log_linear", "mf", "ncf")]
MIXES = [
    {"weights_model": "mf", "weights_model_all": "ncf"},
    {"weights_model": "ncf", "weights_model_all": "mf"},
]
LEARNED = [
    *((method, {"balance": "learned", **model}) for method in BALANCED for model in MODELS),
    *((method, {"balance": "learned", **mix}) for method in ON_ALL for mix in MIXES),
]
EXACT = [(method, {"balance": "exact"}) for method in BALANCED]
UNIFORM = [(method, {"balance": "none", "lam": 0.0}) for method in METHODS]
BILEVEL = [(m, {"propensity": "bilevel"}) for m in ("ips", "dr")]
PAIRS = {"sampler": "pairs", "batch_size": 150}  # four batches an epoch, as there are blocks
BY_PAIRS = [
    *((m, {"balance": "learned", **PAIRS}) for m in BALANCED),
    *((m, {"balance": "learned", "weights_model": "mf", **PAIRS}) for m in ("ips", "dr")),
]
BY_PAIRS_BILEVEL = [(m, {**PAIRS, "propensity": "bilevel"}) for m in ("ips", "dr", "ltd")]
HELD = {"residuals": "held_out"}
CROSS = {"residuals": "cross_fitted", "folds": 3}


def named(cases):
    """Each case with an id that tells it."""
    return [
        pytest.param(*case, id="-".join([case[0], *map(str, _flat(case[1].values()))]))
        for case in cases
    ]


def _flat(values):
    for value in values:
        yield from value if isinstance(value, tuple) else (value,)


@functools.cache
def watched(method, changes):
    """A run's rows and end, and every block's multipliers as theta's loss had them."""
    seen = []
    step = Balancer.step

    def watching(self, *args):
        seen.append(step(self, *args))
        return seen[-1]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Balancer, "step", watching)
        rows, done = train(make(method, **dict(changes)))
    return rows, done["run0"], seen


def run_of(method, changes):
    return watched(method, tuple(changes.items()))


@pytest.mark.parametrize(
    ("method", "changes"),
    named(
        [
            *(*UNIFORM, *LEARNED, *EXACT, *BILEVEL, ("mf", HELD), ("dr", HELD)),
            *(*BY_PAIRS, *BY_PAIRS_BILEVEL),
        ]
    ),
)
def test_a_run_trains_and_finishes_with_finite_metrics(method, changes):
    rows, end, _ = run_of(method, changes)
    assert (end.state, end.epochs, end.error) == ("finished", 3, None)
    assert 1 <= end.best_epoch <= 3
    for part in (end.validation, end.test, end.test_clean):
        assert set(part) == set(METRICS)
        assert all(math.isfinite(value) for value in part.values())
    assert math.isfinite(end.true_loss)
    assert sorted(epoch for _, epoch in rows) == [1, 2, 3]
    numbers = [v for row in rows.values() for v in row.columns().values() if v is not None]
    assert np.isfinite(numbers).all()
    assert all(np.isfinite(values).all() for values in end.arrays.values())


@pytest.mark.parametrize(("method", "changes"), named([*LEARNED, *EXACT, *BY_PAIRS]))
def test_masses_hold_and_every_term_has_its_weights(method, changes):
    """In every block weights are positive with mean 1; at an epoch's end those on B are, too."""
    rows, _, seen = run_of(method, changes)
    supports = METHODS[method].info.supports
    assert len(seen) == 12
    for multipliers in seen:
        assert tuple(multipliers) == supports
        for weights in multipliers.values():
            assert (weights > 0).all()
            torch.testing.assert_close(weights.mean(1), torch.ones(1).double(), rtol=1e-12, atol=0)
    counts = Deciles.of(tiny()).counts
    for row in rows.values():
        assert set(row.blocks) == set(supports)
        for block in row.blocks.values():
            assert 0 < block.entropy <= 1 + 1e-12
            assert 0 < block.ess <= 1 + 1e-12
            assert block.largest >= 1 - 1e-12
        mean = np.nansum(row.decile_map * counts) / counts.sum()
        assert mean == pytest.approx(1, abs=1e-5)
    assert all(block.cv > 1e-6 for block in rows["run0", 3].blocks.values())


@pytest.mark.parametrize(("method", "changes"), named(UNIFORM))
def test_without_balancing_there_are_no_weights_to_tell_of(method, changes):
    rows, end, seen = run_of(method, changes)
    assert seen == []
    for row in rows.values():
        assert (row.blocks, row.violation, row.histogram) == ({}, None, None)
        assert math.isfinite(row.violation_uniform)
    assert not any(name.startswith("xi.") for name in end.arrays)


@pytest.mark.parametrize(
    "kind", [{}, HELD, {"residuals": "cross_fitted"}, PAIRS], ids=lambda k: "-".join(map(str, k))
)
@pytest.mark.parametrize("method", BALANCED)
def test_lambda_zero_gives_exactly_the_base_methods_updates(method, kind):
    shared = {**kind, "propensity": "bilevel"} if method in ("ips", "dr") else kind
    _, plain, _ = run_of(
        method, {**shared, "residuals": "in_sample", "balance": "none", "lam": 0.0}
    )
    rows, end, _ = run_of(method, {**shared, "balance": "learned", "lam": 0.0})
    assert end.best_epoch == plain.best_epoch
    assert end.arrays.keys() == plain.arrays.keys()
    for name, values in plain.arrays.items():
        np.testing.assert_allclose(end.arrays[name], values, rtol=1e-10, atol=0)
    assert rows["run0", 3].entropy == pytest.approx(1, abs=1e-12)


def test_the_base_methods_differ_from_each_other_and_from_their_balanced_selves():
    """Else nothing above could fail: one method's updates under every name."""
    ends = [run_of(m, c)[1] for m, c in [*UNIFORM, ("mf", {"lam": 64.0}), ("dr", {"lam": 64.0})]]
    first = [end.arrays["theta.b"] for end in ends]
    for i, one in enumerate(first):
        assert all(not np.allclose(one, other, rtol=1e-6) for other in first[:i])


@pytest.mark.parametrize("weights_model", ["mf", "ncf"])
@pytest.mark.parametrize("method", BALANCED)
def test_learned_weights_stop_at_the_exact_ones_where_theta_and_phi_stand_still(
    method, weights_model
):
    """One block of all ratings and its own residual: weight steps alone solve the problem, so both
    terms have to enter it with their masses."""
    still = {"lr": 1e-300, "phi_warmup": 99, "block_users": 60, "block_items": 50, "lam": 1.0}
    config = make(method, **still, weights_model=weights_model, penalty="block", epochs=100)
    rows, _ = train(changed(config, weights_dim=8, weights_lr=3e-2))
    last = rows["run0", 100]
    assert abs(last.exact_violation) < 0.8 * abs(last.violation_uniform)
    gap = abs(last.violation - last.exact_violation)
    assert gap < 0.1 * abs(last.violation_uniform)
    assert last.exact_kl < 2e-3


SPLIT = {"uniform_reuse": "split"}
ALONE = [
    *((method, {}) for method in METHODS),
    *BILEVEL,
    ("dr", {"imputation": "regression"}),
    *((m, {"schedule": "sequential", **c}) for m, c in [*BILEVEL, ("autodebias", {}), ("ltd", {})]),
    *((m, {**SPLIT, **c}) for m, c in [("mf", {}), *BILEVEL, ("autodebias", {})]),
    *((method, residuals) for method in BALANCED for residuals in (HELD, CROSS)),
    *((m, {"moments": ("e", "r")}) for m in BALANCED),
    *((m, {"moments": ("e", "r", "mass")}) for m in ("ips", "dr", "autodebias")),
    *((m, {"moments": ("e_by_popularity", "r")}) for m in ("ips", "dr", "autodebias")),
    *((m, {**model}) for m in ("mf", "dr") for model in MODELS[1:]),
    ("autodebias", MIXES[0]),
    ("dr", {"target_support": "covered"}),
    *((m, PAIRS) for m in BALANCED),
    *BY_PAIRS_BILEVEL,
    ("dr", {"weights_model": "mf", "optimizer": "adam", **PAIRS}),
    ("mf", {"weights_model": "mf", "optimizer": "sgd", "lr": 1e-3, **PAIRS}),
]


def company(method, changes):
    """Runs of one group: uniform weights, balanced, and another seed, sample, split and lam."""
    other = {"seed": 2, "split_seed": 1, "uniform_fraction": 0.1}
    if method in UNBALANCED:
        return [make(method, **changes), make(method, **changes, **other)]
    return [
        make(method, **changes, balance="none", lam=0.0),
        make(method, **changes, seed=1),
        make(method, **changes, **other, lam=64.0),
        make(method, **changes, **other, lam=1.0, balance="exact")
        if "weights_model" not in changes
        else make(method, **changes, seed=3, lam=1.0),
    ]


@pytest.mark.parametrize(("method", "changes"), named(ALONE))
def test_a_run_alone_equals_the_same_run_in_company(method, changes):
    configs = company(method, changes)
    together, ends = train(*configs)
    for i, config in enumerate(configs):
        alone, end = train(config)
        for epoch in (1, 2, 3):
            assert_same_numbers(alone["run0", epoch], together[f"run{i}", epoch], 1e-8)
        for name, values in end["run0"].arrays.items():
            ours = ends[f"run{i}"].arrays[name]
            np.testing.assert_allclose(values, ours, rtol=1e-8, atol=1e-8, err_msg=name)


@pytest.mark.parametrize("residuals", ["held_out", "cross_fitted"])
@pytest.mark.parametrize("method", BALANCED)
def test_a_run_may_stand_anywhere_in_its_group(method, residuals):
    """The balanced run first or last, its twin beside it: the same numbers."""
    balanced = make(method, residuals=residuals, folds=3)
    first, _ = train(balanced, balanced.twin())
    last, _ = train(balanced.twin(), balanced)
    for epoch in (1, 2, 3):
        assert_same_numbers(first["run0", epoch], last["run1", epoch], 1e-8)
        assert_same_numbers(first["run1", epoch], last["run0", epoch], 1e-8)


RESTORED = [
    ("dr", {"moments": ("e", "r"), "propensity": "bilevel"}),
    ("dr", {"weights_model": "mf", "weights_model_all": "ncf"}),
    ("dr", {"imputation": "regression", "schedule": "sequential"}),
    ("autodebias", {}),
    ("autodebias", {"schedule": "sequential", "balance": "exact"}),
    ("cause", {}),
    ("kd-label", {}),
    ("mf", HELD),
    ("ips", CROSS),
    ("dr", CROSS),
    ("autodebias", CROSS),
    ("ips", PAIRS),
    ("dr", {**PAIRS, "weights_model": "mf", "propensity": "bilevel"}),
    ("autodebias", {**PAIRS, "schedule": "sequential"}),
    ("mf", {**PAIRS, "optimizer": "sgd", "lr": 1e-3, "weights_model": "mf"}),
]


def pair_of(method, changes):
    """Two runs of one group; where it can be, one balanced and one not."""
    first = make(method, **changes)
    second = make(method, **changes, seed=1, split_seed=1)
    return {"a": first, "b": second.twin() if method in BALANCED else second}


def epochs_of(events):
    return [event for event in events if isinstance(event, GroupEpoch)]


@pytest.mark.parametrize("after", [2, 8])
@pytest.mark.parametrize(("method", "changes"), named(RESTORED))
def test_a_restored_group_goes_on_bit_for_bit(method, changes, after):
    """Interrupted in the first epoch and in a later one; the state moves with nobody."""
    configs, ratings = pair_of(method, changes), tiny()
    with tuned():
        whole = epochs_of(Trainer(configs, ratings).events())
        first = Trainer(configs, ratings)
        events = first.events()
        for _ in range(after):
            next(events)
        tensors, meta = first.state()
        assert meta["block"] > 0  # in mid-epoch
        for _ in range(4):
            next(events)
        second = Trainer(configs, ratings)
        second.restore(tensors, meta)
        rest = epochs_of(second.events())
    assert [event.epoch for event in rest] == list(range(meta["epoch"] + 1, 4))
    assert_same_events(rest, whole[-len(rest) :])


def assert_same_events(ours, theirs):
    for one, other in zip(ours, theirs, strict=True):
        for a, b in zip(one.runs, other.runs, strict=True):
            assert_same_numbers(a, b, 0.0)
        for a, b in zip(one.done, other.done, strict=True):
            assert (a.run, a.test, a.best_epoch) == (b.run, b.test, b.best_epoch)
            for name, values in a.arrays.items():
                np.testing.assert_array_equal(values, b.arrays[name], err_msg=name)


@pytest.mark.parametrize("stopped", ["a", "b"])
@pytest.mark.parametrize(("method", "changes"), named(RESTORED))
def test_a_group_that_has_lost_a_run_is_restored_bit_for_bit(method, changes, stopped):
    configs, ratings = pair_of(method, changes), tiny()
    with tuned():
        first = Trainer(configs, ratings)
        events = first.events()
        for _ in range(6):
            next(events)
        first.stop(stopped)
        while not any(end.run == stopped for end in getattr(next(events), "done", ())):
            pass
        next(events)
        tensors, meta = first.state()
        assert meta["runs"] == [run for run in configs if run != stopped]
        second = Trainer(configs, ratings)
        second.restore(tensors, meta)
        assert_same_events(epochs_of(second.events()), epochs_of(events))


@pytest.mark.parametrize("balance", ["learned", "exact"])
@pytest.mark.parametrize("method", UNBALANCED)
def test_balancing_where_there_is_no_constraint_is_refused(method, balance):
    with pytest.raises(ConfigError, match=f"^balance: got '{balance}'; allowed: none for "):
        offers.check(preset("simulated-small", method, balance=balance))


@pytest.mark.parametrize(
    ("method", "changes"), named([*UNIFORM, *LEARNED, *EXACT, *BILEVEL, *BY_PAIRS])
)
def test_everything_trained_here_is_on_offer(method, changes):
    offers.check(make(method, **changes))


@pytest.mark.parametrize("method", METHODS)
def test_a_propensity_that_a_method_does_not_take_is_refused(method):
    offered = METHODS[method].info.propensities
    taken = make(method, balance="none", lam=0.0)
    for propensity in {"constant", "naive_bayes", "given", "true", "bilevel"} - set(offered):
        with pytest.raises(ConfigError, match=f"^propensity: got '{propensity}'"):
            offers.check(changed(taken, propensity=propensity))
