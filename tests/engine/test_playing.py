"""Steps, speed, lam moved while it trains, and branches, as the store and the drivers do them."""

import threading
import time

import pytest
from fake_trainer import FakeTrainer, build
from small_runs import make, tiny

from engine import api
from engine.config import make_config
from engine.errors import ConfigError, StoreError
from engine.events import BlockDone, GroupEpoch
from engine.half_steps import HalfStep
from engine.jobs.building import tuned
from engine.jobs.drive import drive
from engine.store.interventions import record
from engine.store.processes import Process
from engine.store.queue import claim_next
from engine.training.trainer import Trainer

ME = Process.here()


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch):
    monkeypatch.setenv("COUNTERWEIGHT_RUNS", str(tmp_path / "runs"))
    monkeypatch.setattr("engine.jobs.drive.POLL_SECONDS", 0.0)
    return tmp_path / "runs"


def real(configs):
    return Trainer(configs, tiny())


def train(builder=build, **options):
    """Let one worker's turn pass; how it left the group."""
    claim = claim_next(api.open_runs(), ME)
    assert claim is not None
    with tuned():
        return drive(api.open_runs(), claim, builder, **options)


def leave_at(epoch, block=0):
    """`quit_asked`, true once a number of blocks is trained."""
    seen = [0, 0]

    def watch(event):
        if isinstance(event, BlockDone):
            seen[:] = [event.epoch - 1, event.block]
        elif isinstance(event, GroupEpoch):
            seen[:] = [event.epoch, 0]

    return {"on_event": watch, "quit_asked": lambda: seen >= [epoch, block]}


def numbers(launch, upto=None):
    frame = api.epochs(launch.all_runs)
    frame = frame if upto is None else frame[frame.epoch <= upto]
    seconds = [c for c in frame if c.startswith("seconds_")]
    return frame.drop(columns=["run", *seconds]).reset_index(drop=True)


def states(launch):
    return set(api.runs(launch.id).state)


def waiting():
    return api.open_runs().read("SELECT * FROM controls")


# Steps


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


# Lam moved while it trains


def moves(launch):
    frame = api.interventions(launch.id)
    return frame[["run", "epoch", "block", "half", "old", "new"]].to_numpy().tolist()


def move_lam_at(launch, where, lam, run=None):
    def watch(event):
        if isinstance(event, BlockDone) and (event.epoch, event.block) == where:
            api.set_lam(launch.id, lam, run)

    return watch


def test_lam_moves_where_it_was_recorded_and_the_run_is_edited():
    configs = [make(epochs=5, seed=s) for s in (0, 1)]
    launch = api.launch(configs)
    train(real, on_event=move_lam_at(launch, (3, 2), 64.0, launch.runs[0]))
    assert moves(launch) == [[launch.runs[0], 2, 2, 0, 4.0, 64.0]]
    table = api.runs(launch.id).set_index("run")
    assert table.edited.to_dict() == {run: run == launch.runs[0] for run in launch.all_runs}
    clean = api.launch(configs)
    train(real)
    same = {
        run: numbers_of(run, other)
        for run, other in zip(launch.all_runs, clean.all_runs, strict=True)
    }
    assert same == {run: run != launch.runs[0] for run in launch.all_runs}
    assert api.epochs([launch.runs[0]]).lam.tolist() == [4.0, 4.0, 64.0, 64.0, 64.0]


def numbers_of(run, other):
    """Whether two runs have the same epochs."""
    frames = [api.epochs([name]).filter(regex=r"^(?!seconds_|run)") for name in (run, other)]
    return frames[0].equals(frames[1])


def test_an_edited_run_is_found_by_no_fingerprint():
    config = make_config(epochs=4)
    launch = api.launch([config])
    train(on_event=move_lam_at(launch, (2, 1), 9.0))
    record = api.run(launch.runs[0])
    assert record.edited
    assert record.config == config
    found = api.open_runs().read(
        "SELECT id FROM runs WHERE fingerprint = ? AND state = 'finished'", (config.fingerprint(),)
    )
    assert found == []
    twin = api.run(launch.twins[launch.runs[0]])
    assert (twin.edited, twin.fingerprint) == (False, config.twin().fingerprint())


def test_the_file_of_an_edited_run_brings_its_moves_back(home):
    launch = api.launch([make_config(epochs=3)])
    train(on_event=move_lam_at(launch, (2, 1), 9.0))
    told = moves(launch)
    for path in home.glob("counterweight*"):
        path.unlink()
    again = api.find_launch(launch.id)
    assert moves(again) == told
    assert api.run(launch.runs[0]).edited


def broken_off(launch, builder, where, lam, events):
    """Move lam, die some events later, then train to the end from the last checkpoint."""

    def watch(event, left=[None]):  # noqa: B006 (a counter)
        if isinstance(event, BlockDone) and (event.epoch, event.block) == where:
            api.set_lam(launch.id, lam)
            left[0] = events
        elif left[0] is not None:
            left[0] -= 1
            if left[0] == 0:
                raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        train(builder, on_event=watch)
    assert train(builder) == "ended"


@pytest.mark.parametrize("lam", [64.0, 0.0])
@pytest.mark.parametrize("events", [1, 2, 5, 9])
@pytest.mark.parametrize("checkpoint", [None, (1, 2)])
def test_broken_off_after_a_move_lam_moves_at_the_same_place_again(checkpoint, events, lam):
    config = make(epochs=5)
    clean = api.launch([config])
    train(real, on_event=move_lam_at(clean, (3, 1), lam))
    launch = api.launch([config])
    if checkpoint:
        assert train(real, **leave_at(*checkpoint)) == "queued"
    broken_off(launch, real, (3, 1), lam, events)
    assert [m[1:] for m in moves(launch)] == [m[1:] for m in moves(clean)]
    assert moves(clean)[0][1:4] == [2, 1, 0]
    assert numbers(launch).equals(numbers(clean))


@pytest.mark.parametrize("lam", [64.0, 0.0])
def test_a_checkpoint_after_a_move_keeps_the_new_lam(lam):
    config = make(epochs=5)
    clean = api.launch([config])
    train(real, on_event=move_lam_at(clean, (2, 1), lam))
    launch = api.launch([config])
    watch = leave_at(3, 2)
    move = move_lam_at(launch, (2, 1), lam)
    both = lambda event: (move(event), watch["on_event"](event))  # noqa: E731
    assert train(real, on_event=both, quit_asked=watch["quit_asked"]) == "queued"
    assert train(real) == "ended"
    assert numbers(launch).equals(numbers(clean))


def test_a_move_between_half_steps_is_replayed_between_them():
    config = make("ips", propensity="bilevel", epochs=2)
    launch = api.launch([config], paused=True)
    api.step(launch.id, "phi")
    train(real)
    api.set_lam(launch.id, 64.0)
    api.step(launch.id, "w")
    train(real)
    assert moves(launch)[0][1:4] == [0, 0, 1]
    api.resume(launch.id)
    train(real)
    replayed = api.launch([config])
    with api.open_runs().transaction() as db:
        claim = claim_next_in(db, replayed)
        record(db, claim, (0, 0, 1), {replayed.runs[0]: 64.0})
        db.execute("UPDATE groups SET state = 'queued', pid = NULL WHERE id = ?", (claim.group,))
    train(real)
    assert numbers(replayed).equals(numbers(launch))


def there_and_back(launch):
    """Lam to 0 in epoch 2 and to 16 in epoch 4."""
    moves = (move_lam_at(launch, (2, 1), 0.0), move_lam_at(launch, (4, 3), 16.0))
    return lambda event: [move(event) for move in moves]


def test_lam_goes_to_0_and_back_and_a_run_broken_off_in_between_does_the_same():
    config = make(epochs=6)
    clean = api.launch([config])
    assert train(real, on_event=there_and_back(clean)) == "ended"
    assert [m[1:] for m in moves(clean)] == [[1, 1, 0, 4.0, 0.0], [3, 3, 0, 0.0, 16.0]]
    assert api.epochs([clean.runs[0]]).lam.tolist() == [4.0, 0.0, 0.0, 16.0, 16.0, 16.0]
    launch = api.launch([config])
    move, watch = there_and_back(launch), leave_at(3, 2)
    both = lambda event: (move(event), watch["on_event"](event))  # noqa: E731
    assert train(real, on_event=both, quit_asked=watch["quit_asked"]) == "queued"
    assert train(real, on_event=move) == "ended"
    assert numbers(launch).equals(numbers(clean))


def test_a_run_that_began_at_lam_0_has_no_weights_and_says_so():
    launch = api.launch([make(lam=0.0)], paused=True)
    with pytest.raises(ConfigError, match="began at lam 0 and so has no weights"):
        api.set_lam(launch.id, 4.0)


def claim_next_in(db, launch):
    """A claim, within a transaction, of a launch's only group."""
    from engine.store.queue import begin

    row = db.execute("SELECT id FROM groups WHERE launch = ?", (launch.id,)).fetchone()
    db.execute(
        "UPDATE groups SET state = 'running', host = ?, pid = ?, start = ? WHERE id = ?",
        (ME.host, ME.pid, ME.start, row["id"]),
    )
    return begin(api.open_runs(), db, row["id"], ME)


def test_lam_asked_for_while_paused_moves_before_the_next_block():
    launch = api.launch([make_config(epochs=4)], paused=True)
    for lam in (2.0, 3.0, 9.0):
        api.set_lam(launch.id, lam)
    api.resume(launch.id)
    train()
    assert moves(launch) == [[launch.runs[0], 0, 0, 0, 1.0, 9.0]]


def test_lam_moved_to_where_it_is_is_no_move():
    launch = api.launch([make_config(epochs=4)])
    train(on_event=move_lam_at(launch, (2, 1), 1.0))
    assert moves(launch) == []
    assert not api.runs(launch.id).edited.any()


def test_a_lam_for_a_twin_an_ended_or_an_unknown_run_is_refused_in_words():
    launch = api.launch([make_config(epochs=20, lam=2.0), make_config(epochs=20)], paused=True)
    with pytest.raises(ConfigError, match="name a balanced run"):
        api.set_lam(launch.id, 2.0, launch.twins[launch.runs[0]])
    with pytest.raises(ConfigError, match="from 0 up to 65536"):
        api.set_lam(launch.id, 1e7)
    with pytest.raises(StoreError, match="no run 'nope'"):
        api.set_lam(launch.id, 2.0, "nope")
    api.resume(launch.id)
    train(**leave_at(4))  # the stand-in ends a run with lam 2 after epoch 2
    with pytest.raises(StoreError, match=r"has ended \(finished\)"):
        api.set_lam(launch.id, 4.0, launch.runs[0])


# Branches


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
