"""Real worker processes: killed, told to end, orphaned, paused; the numbers stay the same."""

import contextlib
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from fake_trainer import FakeTrainer
from stored import epoch, numbers, results, states, train_here, undisturbed, wait_until

from engine import api
from engine.jobs.building import build
from engine.store.processes import Process
from engine.store.roster import cores

ROOT = Path(__file__).parents[2]
FAKE = Path(__file__).with_name("fake_trainer.py")
posix = pytest.mark.skipif(os.name != "posix", reason="signals are POSIX's")


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch):
    monkeypatch.setenv("COUNTERWEIGHT_RUNS", str(tmp_path / "runs"))
    monkeypatch.setenv("COUNTERWEIGHT_CHECKPOINT_SECONDS", "0.2")
    monkeypatch.setenv("FAKE_BLOCK_SECONDS", "0.004")
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    return tmp_path / "runs"


@pytest.fixture
def start(home):
    """Starts workers; ends those that still live afterwards."""
    started = []

    def start_one(*arguments, real=False):
        what = ["-m", "engine.jobs.worker", "--home"] if real else [str(FAKE)]
        worker = subprocess.Popen([sys.executable, *what, str(home), *arguments])
        started.append(worker)
        return worker

    yield start_one
    for worker in started:
        worker.kill()
        worker.wait(10)


def a_second():
    """One second of a machine that is free; more where others keep its cores busy."""
    load = os.getloadavg()[0] if hasattr(os, "getloadavg") else 0.0
    return max(1.0, load / cores())


@posix
def test_killed_in_mid_run_it_goes_on_with_the_same_numbers(start, tmp_path):
    """The real trainer: kill -9 between two checkpoints, then to the end, against one clean go."""
    changes = {"epochs": 25, "patience": 0, "dtype": "float32"}
    configs = [api.preset("simulated-small", lam=lam, seed=3, **changes) for lam in (1.0, 16.0)]
    launch = api.launch(configs)
    worker = start(real=True)
    wait_until(lambda: epoch(launch) >= 8)
    os.kill(worker.pid, signal.SIGKILL)
    worker.wait(10)
    assert states(launch) == {"running"}  # nobody was there to say otherwise
    start(real=True)
    wait_until(lambda: states(launch) == {"finished"})
    clean, clean_results = undisturbed(tmp_path, configs, build)
    assert len(clean) == 3 * 25
    assert numbers(launch).equals(clean)
    assert results(launch).equals(clean_results)


@posix
def test_killed_after_lam_was_moved_it_moves_there_again(start, tmp_path):
    """The real trainer: kill -9 a while after a move, against one clean go with the same move."""
    config = api.preset("simulated-small", lam=1.0, epochs=40, patience=0)
    launch = api.launch([config])
    worker = start(real=True)
    wait_until(lambda: epoch(launch) >= 6)
    api.set_lam(launch.id, 64.0)
    wait_until(lambda: len(api.interventions(launch.id)))
    (moved,) = api.interventions(launch.id).itertuples()
    wait_until(lambda: epoch(launch) >= moved.epoch + 2)
    os.kill(worker.pid, signal.SIGKILL)
    worker.wait(10)
    start(real=True)
    wait_until(lambda: states(launch) == {"finished"})
    assert len(api.interventions(launch.id)) == 1
    assert api.epochs([launch.runs[0]]).lam.tolist()[moved.epoch + 1 :] == [64.0] * (
        39 - moved.epoch
    )
    place = (moved.epoch, moved.block, moved.half)
    clean, _ = undisturbed(tmp_path, [config], build, [(0, place, 64.0)])
    assert numbers(launch).equals(clean)


@posix
def test_steps_of_a_real_worker_come_within_a_second(start):
    launch = api.launch(
        [api.preset("simulated-small", epochs=500, propensity="bilevel")], paused=True
    )
    start(real=True)
    wait_until(lambda: len(api.workers()) == 1)
    api.step(launch.id, "epoch")
    wait_until(lambda: api.progress(launch.id).asked is None)
    for what in ("phi", "w", "theta"):
        api.step(launch.id, what)
        assert wait_until(lambda: api.progress(launch.id).asked is None) < a_second()
        assert api.half_step(launch.id)[-1].what == what
    assert (epoch(launch), states(launch)) == (1, {"paused"})


@posix
def test_killed_again_and_again_the_numbers_stay(start, tmp_path):
    configs = [api.make_config(epochs=60, lam=lam) for lam in (0.5, 9.0)]
    launch = api.launch(configs)
    for until in (5, 30):
        worker = start()
        wait_until(lambda until=until: epoch(launch) >= until)
        worker.kill()
        worker.wait(10)
    train_here(api.open_runs(), FakeTrainer)
    assert states(launch) == {"finished"}
    assert numbers(launch).equals(undisturbed(tmp_path, configs, FakeTrainer)[0])


def test_pause_resume_and_stop_within_a_second(start):
    start()
    launch = api.launch([api.make_config(epochs=10_000)])
    wait_until(lambda: epoch(launch) >= 2)
    api.pause(launch.id)
    assert wait_until(lambda: states(launch) == {"paused"}) < a_second()
    paused_at = epoch(launch)
    other = api.launch([api.make_config(epochs=1, seed=1)])  # the worker is free for others
    wait_until(lambda: states(other) == {"finished"})
    assert epoch(launch) == paused_at
    api.resume(launch.id)
    wait_until(lambda: epoch(launch) > paused_at)
    api.stop(launch.id)
    assert wait_until(lambda: states(launch) == {"stopped"}) < a_second()
    assert api.runs(launch.id).test_auc.notna().all()
    checkpoints = api.open_runs().home / "checkpoints"
    wait_until(lambda: not list(checkpoints.iterdir()))


@posix
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_told_to_end_it_gives_its_group_back_within_a_second(start, tmp_path, number):
    configs = [api.make_config(epochs=40)]
    launch = api.launch(configs)
    worker = start()
    wait_until(lambda: epoch(launch) >= 3)
    worker.send_signal(number)
    began = time.monotonic()
    assert worker.wait(20) == 0
    assert time.monotonic() - began < a_second()
    assert states(launch) == {"queued"}
    assert api.workers() == []
    train_here(api.open_runs(), FakeTrainer)
    assert states(launch) == {"finished"}
    assert numbers(launch).equals(undisturbed(tmp_path, configs, FakeTrainer)[0])


def test_an_orphan_gives_its_group_back_and_ends(start):
    app = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
    try:
        launch = api.launch([api.make_config(epochs=10_000)])
        worker = start(str(Process.of(app.pid)))
        wait_until(lambda: epoch(launch) >= 2)
    finally:
        app.kill()
        app.wait(10)
    assert worker.wait(20) == 0
    assert states(launch) == {"queued"}


def test_two_workers_share_the_queue_and_take_each_group_once(start):
    start()
    start()
    wait_until(lambda: len(api.workers()) == 2)
    launches = [api.launch([api.make_config(epochs=30, seed=s)]) for s in range(4)]
    busy = set()

    def all_done():
        busy.update(w.pid for w in api.workers() if w.group is not None)
        return all(states(launch) == {"finished"} for launch in launches)

    wait_until(all_done)
    assert len(busy) == 2
    for launch in launches:
        assert len(api.epochs(launch.all_runs)) == 2 * 30


def test_a_worker_whose_store_is_moved_away_ends(start, home):
    launch = api.launch([api.make_config(epochs=1)])
    worker = start()
    wait_until(lambda: states(launch) == {"finished"})
    home.rename(home.with_name("elsewhere"))
    assert worker.wait(20) == 0


def test_a_store_that_cannot_be_used_ends_the_worker_with_a_sentence(home):
    home.mkdir()
    (home / "counterweight.sqlite3").write_text("no database " * 500)
    done = subprocess.run(
        [sys.executable, str(FAKE), str(home)], capture_output=True, text=True, timeout=30
    )
    assert done.returncode == 1
    assert "not a database" in done.stderr
    assert "Traceback" not in done.stderr


APP = """
import sys, time
from engine import api
first = api.ensure_workers(1)
again = api.ensure_workers(1)
print(*first, *again, flush=True)
sys.stdin.readline()
"""


@posix
@pytest.mark.parametrize("way", ["leaves", "is killed"])
def test_workers_started_by_an_app_end_with_it(way):
    app = subprocess.Popen(
        [sys.executable, "-c", APP], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    pids = [int(pid) for pid in app.stdout.readline().split()]
    try:
        assert pids[0] == pids[1]
        wait_until(lambda: {w.pid for w in api.workers()} == set(pids))
        assert not any(worker.ours for worker in api.workers())
        assert all(os.getsid(pid) == pid for pid in pids)  # Ctrl-C does not reach them
        launch = api.launch([api.preset("simulated-small", epochs=10_000, patience=0)])
        wait_until(lambda: epoch(launch) >= 2)
        if way == "leaves":
            app.communicate("\n", timeout=20)
        else:
            app.kill()
            app.wait(10)
        wait_until(lambda: all(Process.of(pid) is None for pid in set(pids)))
        assert states(launch) == {"queued"}
    finally:
        app.kill()
        app.communicate()
        for pid in set(pids):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
