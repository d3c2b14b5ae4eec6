"""Training on a real Dask cluster: same numbers as here, through kills, pauses and mistakes."""

import contextlib
import http.server
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
from dask_processes import ROOT, DaskCluster
from stored import epoch, numbers, results, states, wait_until

from engine import api
from engine.errors import ClusterError, ConfigError
from engine.jobs.cluster import serve_cluster
from engine.jobs.version import version
from engine.store.processes import Process
from engine.store.roster import stop_workers

posix = pytest.mark.skipif(os.name != "posix", reason="signals are POSIX's")
SMALL = {"dtype": "float64", "patience": 0, "d": 4}


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch):
    monkeypatch.setenv("COUNTERWEIGHT_RUNS", str(tmp_path / "runs"))
    monkeypatch.setenv("COUNTERWEIGHT_CHECKPOINT_SECONDS", "0.5")
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    return tmp_path / "runs"


@pytest.fixture(scope="module")
def cluster(tmp_path_factory):
    """One scheduler with two workers."""
    found = DaskCluster(tmp_path_factory.mktemp("dask"))
    found.start_workers(2)
    yield found
    found.close()


@pytest.fixture
def own_cluster(tmp_path):
    """A scheduler without workers, which a test may break."""
    (tmp_path / "dask").mkdir()
    found = DaskCluster(tmp_path / "dask")
    yield found
    found.close()


class Driver:
    """The driver in a thread of this process; what it told, and what it raised."""

    def __init__(self, home, address):
        self.told, self.raised = [], None
        self.leave = threading.Event()
        self.thread = threading.Thread(target=self._serve, args=(home, address))
        self.thread.start()

    def _serve(self, home, address):
        try:
            serve_cluster(
                *(home, address),
                quit_asked=self.leave.is_set,
                on_trouble=self.told.append,
                checkpoint_seconds=0.5,
            )
        except Exception as error:
            self.raised = error

    def quit(self):
        self.leave.set()
        self.thread.join(60)
        assert not self.thread.is_alive()


@pytest.fixture
def drive(home):
    """Starts drivers in this process; asks those that still serve to quit afterwards."""
    drivers = []

    def start(address):
        drivers.append(Driver(home, address))
        return drivers[-1]

    yield start
    for driver in drivers:
        driver.quit()


def make(**changes):
    return api.preset("simulated-small", **{**SMALL, "epochs": 5, **changes})


def wait_to_finish(*launches):
    wait_until(lambda: {s for x in launches for s in states(x)} <= api.ENDED)
    rows = api.runs().query("state != 'finished'")
    assert rows.empty, rows.error.to_list()


def assert_as_here(launch, configs):
    """The launch tells the numbers of the same runs trained in this process, to the last bit."""
    clean = api.train_here(configs)
    assert len(numbers(launch)) == len(launch.all_runs) * configs[0].epochs
    assert numbers(launch).equals(numbers(clean))
    assert results(launch).equals(results(clean))


def test_the_numbers_are_those_of_training_here(cluster, drive):
    """Two groups of one launch, one of a study, one that starts from a finished run."""
    first = api.train_here([make(epochs=4, seed=9)], twins=False).runs[0]
    pair = [make(lam=2.0), make(lam=2.0, d=3)]
    study, warm = [make(method="dr", seed=2)], [make(seed=3, initial=first)]
    launches = [api.launch(pair), api.launch(study, priority="study"), api.launch(warm)]
    driver = drive(cluster.address)
    wait_to_finish(*launches)
    for launch, configs in zip(launches, (pair, study, warm), strict=True):
        assert_as_here(launch, configs)
    driver.quit()
    assert (driver.told, driver.raised) == ([], None)
    assert api.workers() == []


def test_ratings_of_files_travel_to_workers_that_do_not_have_them(
    cluster, drive, tmp_path, monkeypatch
):
    monkeypatch.chdir(tmp_path)  # where the workers are not
    lines = [f"{u},{i},{(3 * u + i) % 5 + 1},biased" for u in range(30) for i in range(0, 20, 2)]
    lines += [f"{u},{i},{(u + i) % 5 + 1},uniform" for u in range(30) for i in range(1, 20, 2)]
    (tmp_path / "own.csv").write_text("\n".join(["user,item,rating,source", *lines]))
    settings = {"method": "mf", "balance": "none", "dtype": "float64", "patience": 0}
    settings["propensity"] = "naive_bayes"
    configs = [api.make_config(dataset="csv:own.csv", epochs=2, **settings)]
    launch = api.launch(configs)
    drive(cluster.address)
    wait_to_finish(launch)
    assert_as_here(launch, configs)


@posix
def test_a_killed_worker_costs_no_run_and_no_number(own_cluster, drive):
    workers = own_cluster.start_workers(2)
    configs = [make(epochs=80), make(epochs=80, d=3)]  # still training when one is killed
    launch = api.launch(configs, priority="study")
    driver = drive(own_cluster.address)
    wait_until(lambda: min(epochs_of(launch)) >= 5)
    os.kill(workers[0].pid, signal.SIGKILL)
    wait_until(lambda: driver.told)
    assert "is gone" in driver.told[0]
    assert "failed" not in states(launch)
    wait_to_finish(launch)
    assert_as_here(launch, configs)
    driver.quit()
    assert driver.raised is None


def epochs_of(launch):
    return list(api.runs(launch.id).epochs_done)


def test_pause_resume_and_stop_keep_their_meaning(cluster, drive):
    drive(cluster.address)
    launch = api.launch([make(epochs=10_000)])
    wait_until(lambda: epoch(launch) >= 3)
    api.pause(launch.id)
    wait_until(lambda: states(launch) == {"paused"})
    paused_at = epoch(launch)
    other = api.launch([make(epochs=2, seed=1)], twins=False)
    wait_until(lambda: states(other) == {"finished"})
    assert epoch(launch) == paused_at
    api.resume(launch.id)
    wait_until(lambda: epoch(launch) > paused_at)
    api.stop(launch.id)
    wait_until(lambda: states(launch) == {"stopped"})
    record = api.run(launch.runs[0])
    assert record.best_epoch is not None
    assert record.test["auc"] is not None


def test_what_a_trainer_raises_there_fails_its_runs_in_the_same_words(cluster, drive):
    """Found by the driver, or by the worker's trainer; the worker trains the next group."""
    first = api.train_here([make(epochs=1)], twins=False).runs[0]
    mistakes = [make(initial="nowhere"), make(d=3, initial=first)]
    launches = [api.launch([config], twins=False) for config in mistakes]
    fine = api.launch([make(epochs=2)], twins=False)
    driver = drive(cluster.address)
    wait_until(lambda: states(fine) == {"finished"})
    wait_until(lambda: {s for x in launches for s in states(x)} == {"failed"})
    here = [api.train_here([config], twins=False) for config in mistakes]
    for there, same in zip(launches, here, strict=True):
        assert api.run(there.runs[0]).error == api.run(same.runs[0]).error != ""
    assert driver.told == []


COMMAND = [sys.executable, "-m", "engine", "worker", "--scheduler"]


@posix
def test_a_driver_that_is_killed_leaves_workers_and_groups_to_the_next(cluster):
    configs = [make(epochs=25), make(epochs=25, d=3)]
    launch = api.launch(configs)
    driver = subprocess.Popen([*COMMAND, cluster.address])
    try:
        wait_until(lambda: min(epochs_of(launch)) >= 3)
    finally:
        driver.kill()
        driver.wait(10)
    assert states(launch) == {"running"}
    driver = subprocess.Popen([*COMMAND, cluster.address])
    try:
        wait_until(lambda: states(launch) == {"finished"})
        waiting = api.launch([make(epochs=10_000)], twins=False)
        wait_until(lambda: epoch(waiting) >= 1)
    finally:
        driver.terminate()
    assert driver.wait(60) == 0
    assert states(waiting) == {"queued"}
    assert_as_here(launch, configs)


class Deaf(http.server.BaseHTTPRequestHandler):
    def log_message(self, *arguments):
        pass


def test_an_address_without_a_scheduler_is_one_sentence_within_five_seconds(home, cluster):
    """A port where nothing listens, one where something else does, and none at all."""

    def ask(address):
        began = time.monotonic()
        with pytest.raises(ConfigError, match=r"^scheduler: got .*tcp://host:port") as told:
            api.check_scheduler(address)
        assert told.value.got == address
        return time.monotonic() - began

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Deaf) as other, socket.socket() as mute:
        threading.Thread(target=other.serve_forever).start()
        mute.bind(("127.0.0.1", 0))
        ports = (mute.getsockname()[1], other.server_address[1])
        addresses = [*(f"tcp://127.0.0.1:{port}" for port in ports), "carrier-pigeon://loft"]
        try:
            with ThreadPoolExecutor() as pool:
                assert max(pool.map(ask, addresses)) < 5
        finally:
            other.shutdown()
    with pytest.raises(ConfigError, match=r"^scheduler: got "):
        serve_cluster(home, addresses[-1])
    assert api.check_scheduler(cluster.address).workers == 2


def test_on_the_command_line_and_from_an_app_it_is_one_sentence_too():
    pid = api.ensure_cluster("tcp://127.0.0.1:9")
    try:
        done = subprocess.run(
            [*COMMAND, "tcp://127.0.0.1:9"], capture_output=True, text=True, timeout=120
        )
        assert done.returncode == 2
        assert done.stderr.startswith("scheduler: got 'tcp://127.0.0.1:9'; allowed: address of a")
        assert done.stderr.count("\n") == 1
        wait_until(lambda: Process.of(pid) is None)
        assert api.cluster_troubles() == done.stderr.splitlines()
    finally:
        stop_workers()


def test_without_distributed_it_is_one_sentence(monkeypatch, home):
    monkeypatch.setitem(sys.modules, "distributed", None)
    with pytest.raises(ClusterError, match=r"needs the package distributed.*\[cluster\]"):
        api.check_scheduler("tcp://127.0.0.1:9")
    with pytest.raises(ClusterError, match="needs the package distributed"):
        serve_cluster(home, "tcp://127.0.0.1:9")


def test_workers_of_another_version_train_nothing(own_cluster, drive, tmp_path):
    """And stay unharmed. One that fits trains; then the scheduler is lost: its group waits."""
    shutil.copytree(ROOT / "engine", tmp_path / "other" / "engine")
    with (tmp_path / "other" / "engine" / "bilevel.py").open("a") as file:
        file.write("\n# another\n")
    (tmp_path / "older" / "engine").mkdir(parents=True)
    (tmp_path / "older" / "engine" / "__init__.py").touch()
    for code in ("other", "older"):
        own_cluster.start_workers(1, tmp_path / code)
    launch = api.launch([make(epochs=10_000)], priority="study")
    driver = drive(own_cluster.address)
    driver.thread.join(120)
    assert isinstance(driver.raised, ClusterError)
    assert str(driver.raised).startswith("None of the 2 workers of the Dask scheduler tcp://127")
    older, other = sorted(driver.told, key=lambda told: "cannot run" not in told)
    assert older.startswith("The worker tcp://127.0.0.1:")
    assert re.search(r"cannot run Counterweight \S+ .*\(.*engine", older)  # what Python lacks there
    assert other.startswith("The worker tcp://127.0.0.1:")
    assert f"this is {version()}: it gets nothing to train" in other
    assert other.count("(sources ") == 2
    assert (states(launch), epoch(launch)) == ({"queued"}, 0)

    own_cluster.start_workers(1)
    assert api.check_scheduler(own_cluster.address).workers == 3
    driver = drive(own_cluster.address)
    wait_until(lambda: epoch(launch) >= 2)
    own_cluster.scheduler.kill()
    driver.thread.join(60)
    assert isinstance(driver.raised, ClusterError)
    assert "is gone" in str(driver.raised)
    assert states(launch) == {"queued"}
    assert len(driver.told) == 2  # of the workers with other versions, again


APP = """
import sys
from engine import api
address = sys.argv[1]
print(api.ensure_cluster(address), api.ensure_cluster(address), "distributed" in sys.modules)
sys.stdout.flush()
sys.stdin.readline()
"""


@posix
@pytest.mark.parametrize("way", ["leaves", "is killed"])
def test_a_driver_started_by_an_app_ends_with_it(cluster, way):
    app = subprocess.Popen(
        [sys.executable, "-c", APP, cluster.address],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    first, second, imported = app.stdout.readline().split()
    try:
        assert (first, imported) == (second, "False")
        launch = api.launch([make(epochs=10_000)], twins=False)
        wait_until(lambda: epoch(launch) >= 2)
        assert [worker.pid for worker in api.workers()] == [int(first)]
        if way == "leaves":
            app.communicate("\n", timeout=60)
        else:
            app.kill()
            app.wait(10)
        wait_until(lambda: Process.of(int(first)) is None)
        assert states(launch) == {"queued"}
        assert api.cluster_troubles() == []
    finally:
        app.kill()
        app.communicate()
        with contextlib.suppress(ProcessLookupError):
            os.kill(int(first), signal.SIGKILL)
