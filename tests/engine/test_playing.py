"""Lam moved while it trains, as the store and the drivers do it."""

import pytest
from played import ME, leave_at, move_lam_at, moves, numbers, real, train
from small_runs import make

from engine import api
from engine.config import make_config
from engine.errors import ConfigError, StoreError
from engine.events import BlockDone
from engine.store.interventions import record

pytestmark = pytest.mark.usefixtures("home")


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
