"""Branches, as the store and the drivers make them."""

import threading
import time

import pytest
from fake_trainer import FakeTrainer
from played import ME, leave_at, move_lam_at, moves, numbers, real, states, train, waiting
from small_runs import make

from engine import api
from engine.config import make_config
from engine.errors import StoreError
from engine.events import BlockDone
from engine.store.queue import claim_next

pytestmark = pytest.mark.usefixtures("home")


def test_a_branch_and_its_source_go_on_with_the_same_numbers():
    config = make("ips", propensity="bilevel", epochs=6)
    launch = api.launch([config, make("ips", propensity="bilevel", epochs=6, seed=1)])
    assert train(real, **leave_at(3, 2)) == "queued"
    branched = api.branch(launch.id)
    assert len(branched.all_runs) == len(launch.all_runs)
    assert not set(branched.all_runs) & set(launch.all_runs)
    assert numbers(branched).equals(numbers(launch))
    assert numbers(branched).epoch.max() == 3
    assert train(real) == train(real) == "ended"
    assert numbers(branched).equals(numbers(launch))
    for run, source in zip(branched.all_runs, launch.all_runs, strict=True):
        record, other = api.run(run), api.run(source)
        assert (record.branched_from, record.branched_epoch) == (source, 3)
        assert record.test == other.test
        assert record.fingerprint == other.fingerprint
        assert other.branched_from is None
    assert list((api.open_runs().home / "checkpoints").iterdir()) == []


def test_a_branch_with_another_lam_is_the_source_up_to_the_branch():
    launch = api.launch([make(epochs=6)])
    train(real, **leave_at(3))
    branched = api.branch(launch.id)
    api.set_lam(branched.id, 64.0)
    assert train(real) == train(real) == "ended"
    assert numbers(branched, 3).equals(numbers(launch, 3))
    assert not numbers(branched).equals(numbers(launch))
    assert api.run(branched.runs[0]).edited
    assert not api.run(launch.runs[0]).edited


def test_a_running_launch_is_asked_for_a_checkpoint_and_goes_on():
    launch = api.launch([make_config(epochs=40)])
    made, hands = [], []

    def branch_in_epoch_3(event):
        if isinstance(event, BlockDone) and (event.epoch, event.block) == (3, 2):
            hands.append(threading.Thread(target=lambda: made.append(api.branch(launch.id))))
            hands[0].start()
            while not waiting():
                time.sleep(0.01)

    assert train(on_event=branch_in_epoch_3) == "ended"
    hands[0].join()
    record = api.run(made[0].runs[0])
    assert (record.state, record.epochs_done, record.branched_epoch) == ("queued", 2, 2)
    assert train() == "ended"
    assert numbers(made[0]).equals(numbers(launch))


def test_a_branch_of_a_paused_launch_is_paused_and_takes_moves_along():
    launch = api.launch([make_config(epochs=9, lam=2.0), make_config(epochs=9, lam=5.0)])
    move = move_lam_at(launch, (2, 1), 7.0, launch.runs[1])
    watch = leave_at(4)
    both = lambda event: (move(event), watch["on_event"](event))  # noqa: E731
    train(on_event=both, quit_asked=watch["quit_asked"])
    api.pause(launch.id)
    api.set_lam(launch.id, 8.0)
    branched = api.branch(launch.id)
    assert states(branched) == {"paused", "finished"}  # lam 2 ends after epoch 2
    ended = api.run(branched.runs[0])
    assert ended.test == api.run(launch.runs[0]).test
    assert ended.arrays is not None
    assert moves(branched) == [[branched.runs[1], 1, 1, 0, 5.0, 7.0]]
    for one in (launch, branched):
        api.resume(one.id)
        train()
    assert numbers(branched).equals(numbers(launch))
    assert [m[1:] for m in moves(branched)] == [m[1:] for m in moves(launch)]
    assert moves(launch)[-1][-1] == 8.0


def test_a_press_of_branch_is_one_branch_and_one_before_the_first_block_starts_anew():
    launch = api.launch([make_config(epochs=3)], paused=True)
    first, again = api.branch(launch.id, token="x"), api.branch(launch.id, token="x")
    assert first == again
    assert api.branch(launch.id, token="y") != first
    api.resume(first.id)
    train(FakeTrainer)
    assert numbers(first).epoch.max() == 3


def test_a_worker_that_does_not_answer_is_said_in_words(monkeypatch):
    monkeypatch.setattr("engine.store.branches.PATIENCE", 0.05)
    launch = api.launch([make_config()])
    claim_next(api.open_runs(), ME)
    with pytest.raises(StoreError, match="pause the launch and branch from it then"):
        api.branch(launch.id)
