"""Half-steps: phi, w and theta one by one give the numbers of whole blocks, and say what moved."""

import pytest
from small_runs import make, tiny

from engine.config import changed, with_lam
from engine.errors import ConfigError
from engine.events import BlockDone, GroupEpoch
from engine.half_steps import HalfStep
from engine.jobs.building import tuned
from engine.training.trainer import Trainer

KINDS = {
    "ips": {},
    "ips, propensity learned": {"propensity": "bilevel"},
    "ips, sequential": {"propensity": "bilevel", "schedule": "sequential"},
    "ips, factor model": {"weights_model": "mf"},
    "ips, block penalty": {"weights_model": "mf", "penalty": "block"},
    "ips, held out": {"residuals": "held_out"},
    "ips, cross-fitted": {"residuals": "cross_fitted", "folds": 2},
    "ips, exact": {"balance": "exact"},
    "dr": {"method": "dr"},
    "autodebias": {"method": "autodebias"},
    "cause": {"method": "cause"},
    "mf": {"method": "mf"},
}


def plain(epoch):
    """What an epoch tells, but for what a stopwatch gave."""
    columns = epoch.columns()
    return {k: v for k, v in columns.items() if not k.startswith("seconds")}


def trained(kind, halves):
    """Rows of three epochs, and the half-steps, of a run and its twin. halves: asked each event."""
    config = make(**KINDS[kind])
    trainer = Trainer({"run": config, "twin": config.twin()}, tiny())
    rows, steps = [], []
    with tuned():
        trainer.by_halves(halves(0))
        for n, event in enumerate(trainer.events()):
            if isinstance(event, GroupEpoch):
                rows += [plain(row) for row in event.runs]
            elif isinstance(event, HalfStep):
                steps.append(event)
            trainer.by_halves(halves(n + 1))
    return rows, steps


@pytest.mark.parametrize("kind", KINDS)
def test_half_by_half_the_numbers_are_those_of_whole_blocks_to_the_bit(kind):
    whole, none = trained(kind, lambda n: False)
    halved, steps = trained(kind, lambda n: True)
    now_and_then, some = trained(kind, lambda n: n % 3 == 1)
    assert none == []
    assert 0 < len(some) < len(steps)
    assert len(whole) == 6
    assert halved == whole
    assert now_and_then == whole


def test_the_halves_of_a_block_come_in_the_order_of_the_algorithm():
    steps = trained("ips, propensity learned", lambda n: True)[1]
    first = [step for step in steps if (step.epoch, step.block) == (1, 1)]
    assert [step.what for step in first] == ["phi", "w", "theta"]
    sequential = trained("ips, sequential", lambda n: True)[1]
    n = sequential[0].n_blocks // 2
    assert [step.what for step in sequential[: n + 2]] == ["phi"] * n + ["w", "theta"]
    assert {step.what for step in trained("cause", lambda n: True)[1]} == {"theta"}


def test_each_half_says_what_it_changed_and_what_it_left_alone():
    steps = trained("ips, propensity learned", lambda n: True)[1]
    phi, w, theta = (step.changes[0] for step in steps[12:15])
    assert {phi.run, w.run, theta.run} == {"run"}
    assert (phi.quantity, w.quantity, theta.quantity) == ("propensity", "weight", "prediction")
    for change in (phi, w, theta):
        assert len(change.moved) == 3
        assert all(m.before != m.after for m in change.moved)
    assert w.numbers["entropy"][0] != w.numbers["entropy"][1]
    assert w.numbers["violation"][0] != w.numbers["violation"][1]
    assert theta.numbers["entropy"][0] == theta.numbers["entropy"][1] == w.numbers["entropy"][1]
    assert theta.numbers["loss"][1] < theta.numbers["loss"][0]  # it steps down that very loss
    by = [abs(m.after - m.before) for m in theta.moved]
    assert by == sorted(by, reverse=True)
    assert HalfStep.of(steps[13].as_json()) == steps[13]


def test_a_half_step_tells_of_the_twin_that_its_weights_stay():
    steps = trained("ips", lambda n: True)[1]
    twin = next(change for change in steps[0].changes if change.run == "twin")
    assert steps[0].what == "w"
    assert twin.moved == ()
    assert twin.numbers["entropy"] == (pytest.approx(1), twin.numbers["entropy"][0])


@pytest.mark.parametrize("halves_done", [1, 2, 3, 4])
def test_left_within_a_block_it_goes_on_with_the_same_numbers(halves_done):
    config = make("ips", propensity="bilevel")
    clean = trained("ips, propensity learned", lambda n: False)[0]
    first = Trainer({"run": config, "twin": config.twin()}, tiny())
    with tuned():
        first.by_halves(True)
        events = first.events()
        while halves_done:
            halves_done -= isinstance(next(events), HalfStep)
        tensors, meta = first.state()
        again = Trainer({"run": config, "twin": config.twin()}, tiny())
        again.restore(tensors, meta)
        assert again.position == first.position
        rows = [plain(r) for e in again.events() if isinstance(e, GroupEpoch) for r in e.runs]
    assert rows == clean


def moved_at(where, lam, trainer):
    """Rows of a trainer whose first run gets another lam at a position."""
    rows = {}
    with tuned():
        for event in trainer.events():
            if isinstance(event, GroupEpoch):
                rows |= {(r.run, r.epoch): r for r in event.runs}
            if trainer.position == where:
                trainer.set_lam("run", lam)
    return rows


def test_lam_moves_one_run_and_leaves_the_others_alone():
    config = make(epochs=6)
    runs = {"run": config, "other": changed(config, seed=1), "twin": config.twin()}
    plainly = moved_at(None, 0.0, Trainer(runs, tiny()))
    moved = moved_at((2, 1, 0), 64.0, Trainer(runs, tiny()))
    for (run, epoch), row in moved.items():
        same = plain(row) == plain(plainly[run, epoch])
        assert same == (run != "run" or epoch <= 2), (run, epoch)
        assert row.edited == (run == "run" and epoch > 2)
        assert row.lam == (64.0 if row.edited else config.lam if run != "twin" else 0.0)
    last = moved["run", 6], plainly["run", 6]
    assert abs(last[0].violation) < abs(last[1].violation)


def test_lam_moved_before_the_first_block_is_a_run_at_that_lam():
    config = make()
    trainer = Trainer({"run": config}, tiny())
    trainer.set_lam("run", 16.0)
    moved = moved_at(None, 0.0, trainer)
    launched = moved_at(None, 0.0, Trainer({"run": changed(config, lam=16.0)}, tiny()))
    assert [plain(row) for row in moved.values()] == [plain(row) for row in launched.values()]


@pytest.mark.parametrize("model", ["mf", "log_linear"])
@pytest.mark.parametrize("balance", ["learned", "exact"])
def test_at_lam_0_the_weights_go_back_to_uniform_and_come_again(balance, model):
    config = make(balance=balance, weights_model=model, epochs=60)
    trainer = Trainer({"run": config, "twin": config.twin()}, tiny())
    entropy, at = {}, {10: 0.0, 40: 4.0}
    with tuned():
        for event in trainer.events():
            if isinstance(event, GroupEpoch):
                row = event.runs[0]
                entropy[event.epoch] = row.entropy
                assert (row.lam == 0) == (10 < event.epoch <= 40)
                if event.epoch in at:
                    trainer.set_lam("run", at[event.epoch])
                if event.done:
                    assert "weights.observed" in event.done[0].arrays
    gone = {epoch: 1 - value for epoch, value in entropy.items()}
    assert gone[40] < 0.05 * gone[10]
    assert gone[60] > 10 * gone[40]


@pytest.mark.parametrize("lam", [64.0, 0.0])
def test_a_checkpoint_keeps_the_moved_lam(lam):
    config = make(epochs=5)
    runs = {"run": config, "twin": config.twin()}
    clean = moved_at((1, 2, 0), lam, Trainer(runs, tiny()))
    first = Trainer(runs, tiny())
    with tuned():
        for event in first.events():
            if isinstance(event, BlockDone) and first.position == (1, 2, 0):
                first.set_lam("run", lam)
            if first.position == (2, 1, 0):
                break
        again = Trainer(runs, tiny())
        again.restore(*first.state())
    rest = moved_at(None, 0.0, again)
    assert {k: plain(v) for k, v in rest.items()} == {
        k: plain(v) for k, v in clean.items() if k[1] > 2
    }
    assert all(row.edited == (run == "run") for (run, _), row in rest.items())


@pytest.mark.parametrize(
    ("changes", "lam", "said"),
    [
        ({}, -1.0, "allowed: a finite number from 0 up to 65536"),
        ({}, 1e9, "allowed: a finite number from 0 up to 65536"),
        ({}, "much", "allowed: a finite number"),
        ({"lam": 0.0}, 1.0, "start it again with a lam above 0"),
        ({"balance": "none", "lam": 0.0}, 1.0, "name a balanced run"),
        ({"balance": "exact", "constraint": "hard"}, 1.0, "which no lam acts on"),
    ],
)
def test_a_lam_that_cannot_be_is_refused_in_words(changes, lam, said):
    config = make(**changes)
    with pytest.raises(ConfigError, match=said):
        with_lam(config, lam, config.balanced)
