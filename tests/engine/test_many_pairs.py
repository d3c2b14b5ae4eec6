"""All ratings of a large catalogue at once: the numbers are those of the plain ways, in less room.

Thresholds from which on pairs count as many are set to 0 here; what is compared with is the same
code with all pairs taken for few.
"""

import weakref
from dataclasses import replace

import numpy as np
import pytest
import torch
from small_runs import assert_same_numbers, make, tiny, train

from engine import balancing, diagnostics
from engine.balancing import dot
from engine.bench.scaling import MOST, scale, settings
from engine.bench.timing import apart, timed
from engine.jobs import building
from engine.jobs.building import keep_buffers_of, tuned
from engine.jobs.memory import MOST as KEPT
from engine.training import constraint, frontier, telling, tracing
from engine.training.batch import Sample
from engine.training.trainer import Trainer


def test_sums_in_parts_are_the_sums(monkeypatch):
    a, b = torch.randn(2, 3, 1000, dtype=torch.float64).unbind(0)
    whole, spread = dot(a, b), constraint._variance(a)
    torch.testing.assert_close(whole, torch.einsum("rn,rn->r", a, b))
    torch.testing.assert_close(spread, a.var(1, unbiased=False))
    monkeypatch.setattr(balancing, "MANY", 300)
    monkeypatch.setattr(constraint, "MANY", 300)
    torch.testing.assert_close(dot(a, b), whole)
    torch.testing.assert_close(constraint._variance(a), spread)
    monkeypatch.setattr(balancing, "compiled", lambda table: False)
    torch.testing.assert_close(dot(a, b), whole)


def sparse(monkeypatch):
    """D is looked at by a sample of 500 pairs."""
    monkeypatch.setattr(diagnostics, "PAIRS_MAX", 0)
    monkeypatch.setattr(diagnostics, "PAIRS_SAMPLE", 500)


@pytest.mark.parametrize("method", ["dr", "autodebias"])
def test_a_sample_of_d_is_scored_as_its_pairs_are(monkeypatch, method):
    sparse(monkeypatch)
    trainer = Trainer({"a": make(method), "b": make(method, seed=1)}, tiny())
    theta, batch = trainer._learners.theta, trainer._learners._whole.batch(trainer._lanes)
    theta.b.normal_(), theta.c.normal_()
    drawn = batch.everything
    assert isinstance(drawn, Sample)
    found = drawn.scores(theta)
    torch.testing.assert_close(found.index_select(1, drawn.cell), batch.rated(theta))
    assert torch.equal(drawn.own_scores(theta), drawn.own(found))


@pytest.mark.parametrize("sampler", ["blocks", "pairs"])
@pytest.mark.parametrize("method", ["ips", "dr", "autodebias"])
def test_a_run_tells_the_same_numbers_in_parts(monkeypatch, method, sampler):
    """Sums in parts; the frontier is compared apart."""
    config = make(method, weights_model="mf", sampler=sampler, batch_size=100)
    sparse(monkeypatch)
    real = replace(tiny(), truth=None)  # of a simulation all of D would be audited
    few, _ = train(config, ratings=real)
    for module, name in ((balancing, "MANY"), (constraint, "MANY"), (telling, "SLAB")):
        monkeypatch.setattr(module, name, 130)
    many, _ = train(config, ratings=real)
    for key, row in few.items():
        assert_same_numbers(row, many[key], 1e-7)


@pytest.mark.parametrize("method", ["ips", "dr"])
def test_the_frontier_of_many_pairs_is_that_of_each(monkeypatch, method):
    passes = []
    original = frontier.places
    monkeypatch.setattr(
        "engine.training.trainer.places",
        lambda result, *rest: (passes.append(result), original(result, *rest))[1],
    )
    train(make(method), make(method, seed=1))
    (few, *others) = frontier.frontiers(passes[-1], [1, 0])
    monkeypatch.setattr(tracing, "BINS", 512)
    (many, *again) = frontier.frontiers(passes[-1], [1, 0])
    assert len(again) == len(others) == 1
    assert not (few[1:] == many[1:]).any()  # it is another way
    start = few[0, 2]
    assert many[:, 1] == pytest.approx(few[:, 1], abs=1e-6)
    assert many[:, 2] == pytest.approx(few[:, 2], abs=1e-5 * start)
    assert many[1:-1, 0] == pytest.approx(few[1:-1, 0], rel=1e-3)


def test_values_that_do_not_vary_are_all_in_one_bin():
    mean, count = tracing.binned(np.full(10_000, 0.3))
    assert count.tolist() == [10_000]
    assert mean == pytest.approx([0.3])


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_bins_hold_every_value_once_and_its_mean(dtype):
    x = (np.random.default_rng(0).random(10_000) ** 3).astype(dtype)
    mean, count = tracing.binned(x)
    assert len(mean) == len(count) <= tracing.BINS
    assert count.sum() == 10_000
    assert (mean * count).sum() == pytest.approx(float(x.sum(dtype=np.float64)))
    assert (np.diff(mean) > 0).all()
    assert mean.min() >= x.min()
    assert mean.max() <= x.max()


def test_what_is_no_number_falls_into_a_bin_and_not_beside_it():
    """Of a run that ran away: its frontier is empty, and nothing else is hurt."""
    x = np.linspace(-1, 1, 5_000)
    x[[7, 70, 700]] = np.nan, np.inf, -np.inf
    _, count = tracing.binned(x)
    assert count.sum() == 5_000


@pytest.mark.parametrize(
    ("changes", "runs", "kept"),
    [
        ({"sampler": "blocks"}, 1, KEPT),
        # 4 x 1000 rows of 3 + 2 float64 a run
        ({"sampler": "pairs", "batch_size": 1000}, 1, 160_000),
        ({"sampler": "pairs", "batch_size": 1000}, 3, 480_000),
    ],
)
def test_a_step_of_pairs_keeps_no_more_than_its_own_buffers(monkeypatch, changes, runs, kept):
    asked = []
    monkeypatch.setattr(building, "keep_buffers", lambda *given: asked.append(given))
    keep_buffers_of([make(**changes)] * runs)
    assert asked == [(True, kept)]


@pytest.mark.parametrize("sampler", ["blocks", "pairs"])
def test_an_epochs_end_begins_without_its_plan_and_the_anchor(monkeypatch, sampler):
    """Both hold arrays of all ratings, and so does the global pass."""
    seen, plans = [], []
    trainer = Trainer({"a": make(sampler=sampler, batch_size=100)}, tiny())
    learners, sampling = trainer._learners, trainer._sampling
    measure, epoch = learners.measure, sampling.epoch

    def watched(lanes):
        seen.append((learners.anchored, sum(plan() is not None for plan in plans)))
        return measure(lanes)

    def planned(number):
        plan = epoch(number)
        plans.append(weakref.ref(plan))
        return plan

    monkeypatch.setattr(learners, "measure", watched)
    monkeypatch.setattr(sampling, "epoch", planned)
    with tuned():
        list(trainer.events())
    # The first pass comes before the first block, whose plan is made by then.
    assert seen == [(False, 1), (False, 0), (False, 0), (False, 0)]


def test_parts_of_an_epoch_are_told_apart():
    found = timed([make(epochs=12, weights_model="mf")], 2)
    parts = (found.training, found.anchor, found.evaluation, found.diagnostics)
    assert min(parts) > 0
    assert found.epoch == pytest.approx(sum(parts))


@pytest.mark.slow
def test_memory_stays_near_what_a_run_cannot_do_without():
    found = apart(scale, settings(), 3_000_000)
    assert found.ratio < MOST
