"""Steps, half-steps and speed, as the store and the drivers do them."""

import threading
import time

import pytest
from played import ME, numbers, real, states, train, waiting
from small_runs import make

from engine import api
from engine.config import make_config
from engine.errors import ConfigError, StoreError
from engine.events import BlockDone, GroupEpoch
from engine.half_steps import HalfStep
from engine.store.queue import claim_next

pytestmark = pytest.mark.usefixtures("home")


def test_a_step_trains_one_epoch_and_stands_still():
    launch = api.launch([make_config(epochs=9)], paused=True)
    assert states(launch) == {"paused"}
    assert claim_next(api.open_runs(), ME) is None
    for epoch in (1, 2):
        api.step(launch.id, "epoch")
        told = api.progress(launch.id)
        assert (told.state, told.asked) == ("paused", "step")
        assert train() == "paused"
        told = api.progress(launch.id)
        assert (told.state, told.asked, told.epoch) == ("paused", None, epoch)
    api.resume(launch.id)
    assert train() == "ended"
    clean = api.launch([make_config(epochs=9)])
    train()
    assert numbers(launch).equals(numbers(clean))


def test_a_hundred_quick_clicks_are_a_hundred_steps():
    launch = api.launch([make_config(epochs=500)], paused=True)

    def click():
        for _ in range(25):
            api.step(launch.id, "epoch")

    hands = [threading.Thread(target=click) for _ in range(4)]
    for hand in hands:
        hand.start()
    for hand in hands:
        hand.join()
    assert train() == "paused"
    assert api.progress(launch.id).epoch == 100
    assert waiting() == []


def test_steps_asked_for_while_one_is_taken_are_taken_too():
    launch = api.launch([make_config(epochs=50)], paused=True)
    api.step(launch.id, "epoch")
    asked = []

    def one_more(event):
        if isinstance(event, GroupEpoch) and event.epoch < 4:
            asked.append(api.step(launch.id, "epoch"))

    assert train(on_event=one_more) == "paused"
    assert api.progress(launch.id).epoch == 4


def test_a_step_of_a_running_launch_stops_it_there():
    launch = api.launch([make_config(epochs=50)])

    def step_in_epoch_3(event):
        if isinstance(event, BlockDone) and (event.epoch, event.block) == (3, 2):
            api.step(launch.id, "epoch")

    assert train(on_event=step_in_epoch_3) == "paused"
    assert api.progress(launch.id).epoch == 3


@pytest.mark.parametrize("ask", [api.resume, api.pause])
def test_resume_and_pause_drop_the_steps_that_wait(ask):
    launch = api.launch([make_config(epochs=6)], paused=True)
    for _ in range(3):
        api.step(launch.id, "epoch")

    def interfere(event):
        if isinstance(event, GroupEpoch) and event.epoch == 1:
            ask(launch.id)

    assert train(on_event=interfere) == ("ended" if ask is api.resume else "paused")
    assert api.progress(launch.id).epoch == (6 if ask is api.resume else 1)


@pytest.mark.parametrize("events", [1, 3, 8, 14])
def test_no_step_is_lost_or_taken_twice_when_a_worker_dies(events):
    launch = api.launch([make_config(epochs=50)], paused=True)
    for _ in range(3):
        api.step(launch.id, "epoch")

    def die(event, left=[events]):  # noqa: B006 (a counter)
        left[0] -= 1
        if left[0] == 0:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        train(on_event=die)
    assert train() == "paused"
    assert api.progress(launch.id).epoch == 3


def test_a_step_goes_before_launches_that_train_and_leaves_them_their_turn():
    stepped = api.launch([make_config(epochs=50)], paused=True)
    other = api.launch([make_config(epochs=6, seed=1)])

    def step_meanwhile(event):
        if isinstance(event, BlockDone) and (event.epoch, event.block) == (2, 1):
            api.step(stepped.id, "epoch")

    assert train(on_event=step_meanwhile) == "queued"  # makes way
    assert train() == "paused"
    assert (api.progress(stepped.id).epoch, states(other)) == (1, {"queued"})
    api.resume(stepped.id)
    claim = claim_next(api.open_runs(), ME)  # no longer before others: the older goes first
    assert next(iter(claim.configs)) == stepped.runs[0]
    assert claim.priority == 1


def test_half_steps_one_by_one_say_what_changed_and_end_in_the_same_numbers():
    config = make("ips", propensity="bilevel")
    launch = api.launch([config], paused=True)
    assert api.half_step(launch.id) == ()
    for what, so_far in (("phi", 1), ("w", 2), ("theta", 3), ("w", 2)):
        api.step(launch.id, what)
        assert train(real) == "paused"
        steps = api.half_step(launch.id)
        assert [step.what for step in steps] == ["phi", "w", "theta"][:so_far]
        assert steps[-1].what == what
        assert steps[-1].changes[0].run == launch.runs[0]
        assert steps[-1].changes[0].moved
    assert (steps[-1].epoch, steps[-1].block) == (1, 2)
    api.resume(launch.id)
    assert train(real) == "ended"
    clean = api.launch([config])
    train(real)
    assert numbers(launch).equals(numbers(clean))


@pytest.mark.parametrize(
    ("fields", "to", "said"),
    [
        ({}, "block", "allowed: one of epoch, phi, w, theta"),
        ({}, "phi", "epoch, w, theta of runs that learn no phi"),
        ({"balance": "none", "lam": 0.0}, "w", "epoch, theta of runs without weights"),
        ({"propensity": "bilevel", "phi_warmup": 5}, "phi", "since phi_warmup is 5"),
    ],
)
def test_a_step_that_cannot_be_is_refused_in_words(fields, to, said):
    launch = api.launch([make(**fields)], paused=True)
    with pytest.raises(ConfigError, match=said):
        api.step(launch.id, to)
    assert waiting() == []


def test_what_has_ended_or_is_not_there_is_said_in_words():
    launch = api.launch([make_config(epochs=1)])
    train()
    asks = (
        lambda name: api.step(name, "epoch"),
        lambda name: api.set_speed(name, 1.0),
        lambda name: api.set_lam(name, 2.0),
        api.branch,
    )
    for ask in asks:
        with pytest.raises(StoreError, match=r"has ended"):
            ask(launch.id)
        with pytest.raises(StoreError, match="There is no launch 'nope'"):
            ask("nope")
    for read in (api.half_step, api.interventions):
        with pytest.raises(StoreError, match="There is no launch 'nope'"):
            read("nope")


# Speed


def test_slow_motion_is_the_same_training_slowed():
    config = make_config(epochs=3)
    launch = api.launch([config], speed=200.0)
    assert api.progress(launch.id).speed == 200.0
    began = time.monotonic()
    assert train() == "ended"
    assert time.monotonic() - began >= 15 / 200.0
    clean = api.launch([config])
    train()
    assert numbers(launch).equals(numbers(clean))


def test_the_slowest_motion_goes_by_halves_and_hears_what_is_asked_while_it_waits():
    launch = api.launch([make(epochs=50)], speed=1.0)
    told, times = [], []

    def watch(event):
        told.append(event)
        times.append(time.monotonic())
        if len(told) == 2:
            api.set_speed(launch.id, None)
        if isinstance(event, GroupEpoch) and event.epoch == 2:
            api.pause(launch.id)

    began = time.monotonic()
    assert train(real, on_event=watch) == "paused"
    assert [type(event) for event in told[:2]] == [HalfStep, HalfStep]
    assert 0.3 < times[1] - times[0] < 1.0
    assert time.monotonic() - began < 10  # at a block a second two epochs would take as long
    assert api.half_step(launch.id)[-1] == told[1]


@pytest.mark.parametrize("speed", [0, -1, 1e9, "fast", True, float("nan")])
def test_a_speed_that_cannot_be_is_refused_in_words(speed):
    launch = api.launch([make_config()], paused=True)
    with pytest.raises(ConfigError, match=r"blocks a second from 0\.1 up to 1000"):
        api.set_speed(launch.id, speed)
