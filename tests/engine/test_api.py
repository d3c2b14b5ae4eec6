"""The surface the dashboard stands on: light to import, quick to read, plain about mistakes."""

import os
import subprocess
import sys
import time

import numpy as np
import pytest
from fake_trainer import build

from engine import api
from engine.events import EPOCH_COLUMNS, EpochDone, GroupEpoch
from engine.jobs.drive import drive
from engine.store.history import record
from engine.store.processes import Process
from engine.store.queue import claim_next

ME = Process.here()


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch):
    monkeypatch.setenv("COUNTERWEIGHT_RUNS", str(tmp_path / "runs"))
    return tmp_path / "runs"


def train_next():
    claim = claim_next(api.open_runs(), ME)
    return drive(api.open_runs(), claim, build)


def test_importing_the_api_imports_neither_torch_nor_streamlit():
    code = "import sys, engine.api; print([m for m in ('torch', 'streamlit') if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_a_launch_from_start_to_end():
    config = api.preset("simulated-small", epochs=3, lam=0.5, seed=4)
    launch = api.launch([config], token="t")
    assert api.launch([config], token="t") == launch == api.find_launch(launch.id)
    assert api.progress(launch.id).state == "queued"
    assert api.runs(launch.id).state.tolist() == ["queued", "queued"]
    assert train_next() == "ended"
    frame = api.runs(launch.id)
    assert frame.run.tolist() == list(launch.all_runs)
    assert frame.twin_of.tolist() == [(), (launch.runs[0],)]
    assert frame.lam.tolist() == [0.5, 0.0]
    assert frame.seed.tolist() == [4, 4]
    assert frame.state.tolist() == ["finished", "finished"]
    assert frame.test_auc.notna().all()
    assert frame.test_clean_ndcg5.isna().all()
    assert frame.ended.ge(frame.started).all()
    record = api.run(launch.runs[0])
    assert record.config == config
    assert record.twin == launch.twins[launch.runs[0]]
    assert record.as_json()["config"]["lam"] == 0.5
    progress = api.progress(launch.id)
    assert (progress.state, progress.epoch, progress.eta_seconds) == ("finished", 3, 0.0)
    assert set(api.epochs(launch.all_runs).epoch) == {1, 2, 3}
    latest, first = api.snapshot(launch.runs[0]), api.snapshot(launch.runs[0], 1)
    assert (latest.epoch, first.epoch) == (3, 1)
    assert latest.histogram.tolist() == list(range(3, 53))
    assert latest.decile_map.shape == (12, 12)


def test_a_frontier_comes_back_as_it_was_told_of_the_epochs_that_have_one():
    launch = api.launch([api.preset("simulated-small", epochs=2, lam=0.5)], twins=False)
    claim = claim_next(api.open_runs(), ME)
    points = np.array([[0.0, 1.0, 0.05], [2.0, 0.99, 0.01]])
    for epoch, frontier in ((1, points), (2, None)):
        row = EpochDone(
            launch.runs[0], epoch, 0.5, 0.1, 0.01, 0.05, 0.2, {}, {},
            histogram=np.ones(50, np.int32), frontier=frontier,
        )  # fmt: skip
        record(api.open_runs(), claim, GroupEpoch(epoch, (row,)))
    assert api.frontier_epochs(launch.runs[0]) == [1]
    found = api.frontier(launch.runs[0], 1)
    assert found.columns.tolist() == ["lam", "entropy", "violation"]
    assert found.to_numpy().tolist() == points.tolist()
    with pytest.raises(api.StoreError, match="no frontier of epoch 2"):
        api.frontier(launch.runs[0], 2)


def test_runs_are_newest_first_and_can_be_narrowed():
    launches = [api.launch([api.make_config(seed=s)], twins=False) for s in range(3)]
    train_next()
    assert api.runs().seed.tolist() == [2, 1, 0]
    assert api.runs(limit=1).seed.tolist() == [2]
    assert api.runs(state="finished").launch.tolist() == [launches[0].id]


def test_no_runs_is_an_empty_frame_with_all_columns():
    frame = api.runs()
    assert len(frame) == 0
    assert {"run", "state", "dataset", "lam", "test_auc", "true_loss"} <= set(frame.columns)
    assert api.epochs([]).columns.tolist() == ["run", "epoch", *EPOCH_COLUMNS]


@pytest.mark.parametrize(
    "call",
    [
        lambda: api.run("nope"),
        lambda: api.runs("nope"),
        lambda: api.find_launch("nope"),
        lambda: api.progress("nope"),
        lambda: api.pause("nope"),
        lambda: api.resume("nope"),
        lambda: api.stop("nope"),
        lambda: api.epochs(["nope"]),
        lambda: api.snapshot("nope"),
    ],
)
def test_an_unknown_id_is_said_so_in_words(call):
    with pytest.raises(api.StoreError, match=r"^There is no (run|launch) 'nope' in .*\.$"):
        call()


def test_an_unknown_column_and_weights_not_kept_are_said_so():
    launch = api.launch([api.make_config(epochs=2)])
    with pytest.raises(api.StoreError, match="no epoch column 'lambda'; there are lam, "):
        api.epochs(launch.runs, ["lambda"])
    with pytest.raises(api.StoreError, match="no weights yet"):
        api.snapshot(launch.runs[0])


def test_check_finds_what_training_would():
    api.check(api.preset("simulated-small"))
    with pytest.raises(api.ConfigError, match="propensity"):
        api.check(api.preset("simulated-small", "mf", propensity="given"))
    with pytest.raises(api.FieldError, match="dataset"):
        api.check(api.make_config(dataset="simulated-smal"))


def test_methods_and_data_sets_are_listed():
    assert [m.name for m in api.methods()] == list(api.options("method"))
    assert "simulated-small" in [d.name for d in api.datasets()]


def test_progress_tells_who_waits_and_how_long_it_takes():
    first = api.launch([api.make_config(epochs=100)])
    second = api.launch([api.make_config(epochs=100, seed=1)])
    assert (api.progress(first.id).ahead, api.progress(second.id).ahead) == (0, 1)
    assert api.progress(second.id).eta_seconds is None
    store, claim = api.open_runs(), claim_next(api.open_runs(), ME)
    for epoch in (1, 2):
        rows = tuple(told(run, epoch) for run in claim.configs)
        record(store, claim, GroupEpoch(epoch, rows), seconds=0.5)
    progress = api.progress(first.id)
    assert (progress.state, progress.epoch, progress.epochs) == ("running", 2, 100)
    assert progress.eta_seconds == pytest.approx(49.0)
    api.pause(first.id)
    assert api.progress(first.id).asked == "pause"
    api.resume(first.id)
    assert api.progress(first.id).asked is None


def told(run, epoch):
    validation = dict.fromkeys(api.METRICS, 0.5)
    seconds = {"weights": 0.1, "prediction": 0.1, "evaluation": 0.1}
    return EpochDone(run, epoch, 1.0, 0.1, 0.01, 0.2, 0.3, validation, seconds)


def test_eight_runs_of_two_thousand_epochs_are_read_within_a_tenth_of_a_second():
    launch = api.launch([api.make_config(lam=2.0**k) for k in range(8)], twins=False)
    store, claim = api.open_runs(), claim_next(api.open_runs(), ME)
    numbers = [claim.numbers[run] for run in launch.runs]
    width = len(EPOCH_COLUMNS)
    values = np.random.default_rng(0).random((2000, width)).tolist()
    with store.transaction() as db:
        db.executemany(
            f"INSERT INTO epochs VALUES (?, ?{', ?' * width})",
            [(n, e + 1, *row) for n in numbers for e, row in enumerate(values)],
        )
    seconds = []
    for _ in range(5):  # the best of a few, in processor time: others share the machine
        began = time.process_time()
        frame = api.epochs(launch.runs)
        seconds.append(time.process_time() - began)
    assert len(frame) == 16_000
    assert frame.loss.iloc[:2000].tolist() == [row[EPOCH_COLUMNS.index("loss")] for row in values]
    assert min(seconds) < 0.1


def test_a_store_moved_away_is_opened_anew(home):
    launch = api.launch([api.make_config()])
    home.rename(home.with_name("elsewhere"))
    assert len(api.runs()) == 0
    os.environ["COUNTERWEIGHT_RUNS"] = str(home.with_name("elsewhere"))
    assert api.find_launch(launch.id) == launch


def test_training_in_this_process_is_a_launch_like_any_other(home):
    events, launches = [], []
    config = api.preset("simulated-small", epochs=2, d=2, weights_dim=2)
    launch = api.train_here([config], events.append, on_launch=launches.append)
    assert launches == [launch]
    done = [end for e in events if isinstance(e, GroupEpoch) for end in e.done]
    assert {end.run for end in done} == set(launch.all_runs)
    assert api.runs(launch.id).state.tolist() == ["finished", "finished"]
    assert api.run(launch.runs[0]).test["auc"] == done[0].test["auc"]


def test_ctrl_c_leaves_everything_in_the_queue():
    def interrupt(event):
        raise KeyboardInterrupt

    configs = [api.preset("simulated-small", epochs=2, d=d) for d in (2, 3)]
    with pytest.raises(KeyboardInterrupt):
        api.train_here(configs, interrupt)
    assert set(api.runs().state) == {"queued"}
    store = api.open_runs()
    assert claim_next(store, ME) is not None
    assert claim_next(store, ME) is not None
