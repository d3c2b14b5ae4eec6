"""Launches, leases and controls: who trains what, and what becomes of it when plans change."""

import threading
from dataclasses import replace

import pytest
from fake_trainer import CRASHES, DIVERGES, FakeTrainer, build

from engine.config import make_config
from engine.errors import ConfigError, StoreError
from engine.events import BlockDone, GroupEpoch
from engine.jobs.drive import TrainerGone, drive
from engine.jobs.trains import LOG
from engine.store.controls import ask, pending
from engine.store.database import Store
from engine.store.history import read_epochs
from engine.store.launches import create_launch, find_launch
from engine.store.processes import FOREIGN_SECONDS, Process, Watch
from engine.store.queue import MOST_DEATHS, claim_next, reclaim
from engine.store.reports import read_run, read_runs

ME = Process.here()
GONE = Process(ME.host, ME.pid, ME.start - 1000.0)  # its id was given to another process since


@pytest.fixture
def store(tmp_path):
    store = Store(tmp_path)
    yield store
    store.close()


def states(store, launch):
    return set(read_runs(store, launch.id, 100, None).state)


def numbers(store, launch):
    return read_epochs(store, launch.all_runs).drop(columns="run")


def undisturbed(tmp_path, *configs):
    store = Store(tmp_path / "undisturbed")
    launch = create_launch(store, configs)
    while (claim := claim_next(store, ME)) is not None:
        drive(store, claim, build)
    frame = numbers(store, launch)
    store.close()
    return frame


def test_twins_are_shared_and_a_run_at_lambda_zero_is_a_twin(store):
    configs = [make_config(lam=lam, seed=s) for s in (0, 1) for lam in (0.0, 1.0, 2.0)]
    launch = create_launch(store, configs)
    assert len(launch.all_runs) == 6
    assert launch.twins == {
        launch.runs[1]: launch.runs[0],
        launch.runs[2]: launch.runs[0],
        launch.runs[4]: launch.runs[3],
        launch.runs[5]: launch.runs[3],
    }
    assert len(store.read("SELECT * FROM groups")) == 1
    alone = create_launch(store, configs[1:2], twins=False)
    assert (len(alone.all_runs), alone.twins) == (1, {})


def test_equal_configs_share_a_run_and_other_settings_another_group(store):
    launch = create_launch(store, [make_config(), make_config(), make_config(d=3)], twins=False)
    assert launch.runs[0] == launch.runs[1] != launch.runs[2]
    assert len(store.read("SELECT * FROM groups")) == 2


def test_a_double_press_of_start_is_one_launch(store):
    first = create_launch(store, [make_config()], token="press")
    again = create_launch(store, [make_config()], token="press")
    other = create_launch(store, [make_config()], token="another press")
    assert first == again == find_launch(store, first.id)
    assert other.id != first.id
    assert len(store.read("SELECT * FROM runs")) == 4


def test_mistakes_are_told_in_words(store):
    with pytest.raises(ConfigError, match="configs"):
        create_launch(store, [])
    with pytest.raises(ConfigError, match="lab, study"):
        create_launch(store, [make_config()], priority="urgent")
    with pytest.raises(StoreError, match="no launch 'nope'"):
        ask(store, "nope", "pause")


def test_the_lab_goes_before_studies_and_the_oldest_first(store):
    study = create_launch(store, [make_config()], priority="study")
    first = create_launch(store, [make_config()])
    second = create_launch(store, [make_config()])
    order = [claim_next(store, ME) for _ in range(3)]
    assert [next(iter(c.configs)) for c in order] == [x.runs[0] for x in (first, second, study)]
    assert claim_next(store, ME) is None


def test_two_workers_never_take_the_same_group(store):
    for seed in range(20):
        create_launch(store, [make_config(seed=seed)])
    taken = []

    def work():
        own = Store(store.home)
        while (claim := claim_next(own, ME)) is not None:
            taken.append(claim.group)
        own.close()

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(taken) == len(set(taken)) == 20


def test_a_dead_workers_group_goes_on_and_a_living_ones_is_left_alone(store):
    launch = create_launch(store, [make_config(epochs=3)])
    claim_next(store, GONE)
    assert reclaim(store, Watch()) == 1
    assert states(store, launch) == {"queued"}
    claim_next(store, ME)
    assert reclaim(store, Watch()) == 0
    assert states(store, launch) == {"running"}


def test_a_group_that_kills_its_workers_fails(store):
    launch = create_launch(store, [make_config(epochs=3)])
    for _ in range(MOST_DEATHS):
        assert claim_next(store, GONE) is not None
        reclaim(store, Watch())
    assert claim_next(store, ME) is None
    assert states(store, launch) == {"failed"}
    assert "memory" in read_run(store, launch.runs[0]).error


def test_a_worker_of_another_host_is_judged_by_its_heartbeat(monkeypatch):
    clock = [100.0]
    monkeypatch.setattr("engine.store.processes.time.monotonic", lambda: clock[0])
    watch, foreign = Watch(), replace(ME, host="elsewhere")
    assert not watch.dead(foreign, 1)
    clock[0] += FOREIGN_SECONDS - 1
    assert not watch.dead(foreign, 2)
    clock[0] += FOREIGN_SECONDS - 1
    assert not watch.dead(foreign, 2)
    clock[0] += 2
    assert watch.dead(foreign, 2)


def test_who_lost_the_lease_writes_nothing_more(store):
    launch = create_launch(store, [make_config(epochs=3)])
    claim = claim_next(store, GONE)
    reclaim(store, Watch())
    claim_next(store, ME)
    assert drive(store, claim, build) == "lost"
    assert len(read_epochs(store, launch.all_runs)) == 0
    assert states(store, launch) == {"running"}


@pytest.mark.parametrize("blocks", [1, 3, 5, 7, 12, 23])
def test_paused_anywhere_it_goes_on_with_the_same_numbers(store, tmp_path, blocks, monkeypatch):
    monkeypatch.setattr("engine.jobs.drive.POLL_SECONDS", 0.0)
    configs = [make_config(epochs=6, lam=lam, seed=1) for lam in (2.0, 0.5)]
    launch = create_launch(store, configs)
    seen = []

    def pause_at(event):
        seen.append(event)
        if sum(isinstance(e, BlockDone) for e in seen) == blocks:
            ask(store, launch.id, "pause")

    claim = claim_next(store, ME)
    assert drive(store, claim, build, on_event=pause_at) == "paused"
    assert states(store, launch) - {"finished"} == {"paused"}
    assert claim_next(store, ME) is None
    assert len(list((store.home / "checkpoints").iterdir())) == 1
    ask(store, launch.id, "resume")
    assert drive(store, claim_next(store, ME), build) == "ended"
    assert states(store, launch) == {"finished"}
    assert numbers(store, launch).equals(undisturbed(tmp_path, *configs))
    assert list((store.home / "checkpoints").iterdir()) == []


def test_broken_off_anywhere_it_goes_on_from_the_last_checkpoint(store, tmp_path):
    configs = [make_config(epochs=9, lam=lam, seed=1) for lam in (2.0, 4.0, 0.5)]
    launch = create_launch(store, configs)
    for events in (4, 12, 15, 12, 20):  # the 12th tells of an end, not checkpointed yet

        def break_off(event, left=[events]):  # noqa: B006 (a counter)
            left[0] -= 1
            if left[0] == 0:
                raise KeyboardInterrupt

        claim = claim_next(store, ME)
        with pytest.raises(KeyboardInterrupt):
            drive(store, claim, build, on_event=break_off)
        assert "queued" in states(store, launch)
    assert drive(store, claim_next(store, ME), build) == "ended"
    assert numbers(store, launch).equals(undisturbed(tmp_path, *configs))


def test_stopped_while_training_it_keeps_its_best_epoch(store, monkeypatch):
    monkeypatch.setattr("engine.jobs.drive.POLL_SECONDS", 0.0)
    launch = create_launch(store, [make_config(epochs=50)])

    def stop_in_epoch_3(event):
        if isinstance(event, GroupEpoch) and event.epoch == 2:
            ask(store, launch.id, "stop")

    assert drive(store, claim_next(store, ME), build, on_event=stop_in_epoch_3) == "ended"
    assert states(store, launch) == {"stopped"}
    record = read_run(store, launch.runs[0])
    assert (record.epochs_done, record.best_epoch) == (2, 2)
    assert record.test["auc"] is not None
    assert record.test["mse"] is None
    assert (store.home / "runs" / f"{record.run}.json").exists()


def test_stopped_in_the_queue_it_never_trains(store):
    launch = create_launch(store, [make_config()])
    ask(store, launch.id, "stop")
    assert states(store, launch) == {"stopped"}
    assert claim_next(store, ME) is None


def test_stopped_while_paused_it_is_tested_before_anything_else_trains(store, monkeypatch):
    monkeypatch.setattr("engine.jobs.drive.POLL_SECONDS", 0.0)
    launch = create_launch(store, [make_config(epochs=50)])

    def pause_in_epoch_4(event):
        if isinstance(event, GroupEpoch) and event.epoch == 3:
            ask(store, launch.id, "pause")

    drive(store, claim_next(store, ME), build, on_event=pause_in_epoch_4)
    other = create_launch(store, [make_config(seed=1)])
    busy = claim_next(store, ME)
    ask(store, launch.id, "stop")
    assert drive(store, busy, build) == "queued"  # makes way, checkpointed
    assert drive(store, claim_next(store, ME), build) == "ended"
    record = read_run(store, launch.runs[0])
    assert (record.state, record.epochs_done) == ("stopped", 3)
    assert record.test["auc"] is not None
    assert states(store, other) == {"queued"}


def test_a_pause_can_be_taken_back_and_a_queued_launch_paused(store):
    launch = create_launch(store, [make_config(epochs=3)])
    ask(store, launch.id, "pause")
    assert states(store, launch) == {"paused"}
    assert claim_next(store, ME) is None
    ask(store, launch.id, "resume")
    claim = claim_next(store, ME)
    ask(store, launch.id, "pause")
    ask(store, launch.id, "pause")
    assert [control.kind for control in pending(store, claim.group)] == ["pause"]
    ask(store, launch.id, "resume")
    assert drive(store, claim, build) == "ended"


def test_a_study_makes_way_for_the_lab_at_a_block(store, tmp_path, monkeypatch):
    monkeypatch.setattr("engine.jobs.drive.POLL_SECONDS", 0.0)
    config = make_config(epochs=5)
    study = create_launch(store, [config], priority="study")
    claim = claim_next(store, ME)
    lab = create_launch(store, [make_config(epochs=2, seed=7)])
    assert drive(store, claim, build) == "queued"
    assert next(iter(claim_next(store, ME).configs)) == lab.runs[0]
    assert drive(store, claim_next(store, ME), build) == "ended"
    assert numbers(store, study).equals(undisturbed(tmp_path, config))


@pytest.mark.parametrize(
    ("seed", "sentence", "logged"),
    [
        (CRASHES, "RuntimeError: the machine hiccuped", True),
        (DIVERGES, "The loss is not a number: lower lr.", False),
    ],
)
def test_a_trainer_that_raises_fails_its_runs_in_one_sentence(store, seed, sentence, logged):
    launch = create_launch(store, [make_config(epochs=9, seed=seed)])
    told = []
    assert drive(store, claim_next(store, ME), build, on_event=told.append) == "ended"
    record = read_run(store, launch.runs[0])
    assert (record.state, record.error, record.epochs_done) == ("failed", sentence, 2)
    assert len(read_epochs(store, launch.runs)) == 2
    assert [done.error for done in told[-1].done] == [sentence, sentence]
    log = store.home / LOG
    assert log.exists() == logged
    assert not logged or "Traceback" in log.read_text()


class Lost(FakeTrainer):
    """Out of reach in the second epoch."""

    died = True

    def events(self):
        for event in super().events():
            if self.epoch == 1:
                raise TrainerGone("The worker is gone.", died=self.died)
            yield event


class Unreachable(Lost):
    died = False


def test_a_trainer_out_of_reach_gives_its_group_back(store, tmp_path):
    config = make_config(epochs=3)
    launch = create_launch(store, [config])
    for _ in range(MOST_DEATHS + 1):
        with pytest.raises(TrainerGone):
            drive(store, claim_next(store, ME), Unreachable)
        assert states(store, launch) == {"queued"}
    assert drive(store, claim_next(store, ME), build) == "ended"
    assert numbers(store, launch).equals(undisturbed(tmp_path, config))


def test_a_group_whose_trainers_processes_die_fails(store):
    launch = create_launch(store, [make_config(epochs=3)])
    for _ in range(MOST_DEATHS):
        assert "failed" not in states(store, launch)
        with pytest.raises(TrainerGone):
            drive(store, claim_next(store, ME), Lost)
    assert claim_next(store, ME) is None
    assert states(store, launch) == {"failed"}
    assert f"died {MOST_DEATHS} times" in read_run(store, launch.runs[0]).error


def test_a_damaged_checkpoint_fails_the_run_in_words(store):
    launch = create_launch(store, [make_config(epochs=50)])
    drive(store, claim_next(store, ME), build, quit_asked=lambda: True)
    (path,) = (store.home / "checkpoints").iterdir()
    path.write_bytes(b"\0" * 99)
    assert drive(store, claim_next(store, ME), build) == "ended"
    assert "start the run anew" in read_run(store, launch.runs[0]).error


def test_a_trainer_that_just_ends_does_not_leave_its_runs_running(store):
    launch = create_launch(store, [make_config(epochs=3)])

    class Silent(FakeTrainer):
        def events(self):
            yield BlockDone(1, 1, 5)

    assert drive(store, claim_next(store, ME), Silent) == "ended"
    assert states(store, launch) == {"failed"}


def test_a_config_of_another_version_fails_alone_and_lets_the_queue_go_on(store):
    strange = create_launch(store, [make_config()], twins=False)
    fine = create_launch(store, [make_config()], twins=False)
    with store.transaction() as db:
        db.execute("UPDATE runs SET config = '{\"warp\": 9}' WHERE id = ?", (strange.runs[0],))
    assert claim_next(store, ME) is None
    assert next(iter(claim_next(store, ME).configs)) == fine.runs[0]
    rows = store.read("SELECT * FROM runs WHERE id = ?", (strange.runs[0],))
    assert rows[0]["state"] == "failed"
    assert "does not know" in rows[0]["error"]
