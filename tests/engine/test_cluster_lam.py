"""Lam moved while a Dask cluster trains, driven as the lab drives it: by a process of its own."""

import os
import signal

import pytest
from dask_processes import ROOT, DaskCluster
from stored import epoch, numbers, results, states, undisturbed, wait_until

from engine import api
from engine.jobs.building import build
from engine.store.roster import stop_workers

EPOCHS = 80


@pytest.fixture
def cluster(tmp_path, monkeypatch):
    """A cluster without workers yet; the driver ends with the test."""
    monkeypatch.setenv("COUNTERWEIGHT_RUNS", str(tmp_path / "runs"))
    monkeypatch.setenv("COUNTERWEIGHT_CHECKPOINT_SECONDS", "0.5")
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    (tmp_path / "dask").mkdir()
    found = DaskCluster(tmp_path / "dask")
    yield found
    stop_workers()
    found.close()


def make(**changes):
    small = {"dtype": "float64", "patience": 0, "d": 4, "epochs": EPOCHS}
    return api.preset("simulated-small", **{**small, "lam": 1.0, **changes})


def moved(launch, lam, run):
    """Have the run's lam moved in mid-training; the epochs trained before, and its place."""
    wait_until(lambda: epoch(launch) >= 5)
    api.set_lam(launch.id, lam, run)
    wait_until(lambda: len(api.interventions(launch.id)))
    (move,) = api.interventions(launch.id).itertuples()
    assert (move.run, move.old, move.new) == (run, 1.0, lam)
    assert 5 <= move.epoch < EPOCHS - 1
    return move.epoch, (move.epoch, move.block, move.half)


def assert_moved_there(launch, configs, lam, before, place, tmp_path):
    """Lam from its place on in the one run; every number that of the same move made here."""
    table = api.runs(launch.id).set_index("run")
    assert table.edited.to_dict() == {run: run == launch.runs[0] for run in launch.all_runs}
    for run, config in zip(launch.runs, configs, strict=True):
        later = lam if run == launch.runs[0] else config.lam
        expected = [config.lam] * before + [later] * (EPOCHS - before)
        assert api.epochs([run]).lam.tolist() == expected
    here = undisturbed(tmp_path, configs, build, [(0, place, lam)])
    assert numbers(launch).equals(here[0])
    assert results(launch).equals(here[1])


def test_lam_moves_there_where_it_was_recorded_and_that_run_alone_is_edited(cluster, tmp_path):
    cluster.start_workers(1)
    configs = [make(seed=seed) for seed in (0, 1)]
    launch = api.launch(configs)
    api.ensure_cluster(cluster.address)
    move = moved(launch, 64.0, launch.runs[0])
    wait_until(lambda: states(launch) == {"finished"})
    assert_moved_there(launch, configs, 64.0, *move, tmp_path)
    assert api.cluster_troubles() == []


@pytest.mark.skipif(os.name != "posix", reason="kills by signal")
def test_a_worker_killed_after_the_move_leaves_it_to_the_next_at_the_same_place(cluster, tmp_path):
    """To 0, where the weights go back to uniform."""
    (first,) = cluster.start_workers(1)
    launch = api.launch([make()])
    api.ensure_cluster(cluster.address)
    before, place = moved(launch, 0.0, launch.runs[0])
    wait_until(lambda: epoch(launch) >= before + 2)
    os.kill(first.pid, signal.SIGKILL)
    wait_until(lambda: api.cluster_troubles())
    assert "is gone" in api.cluster_troubles()[0]
    cluster.wanted -= 1
    cluster.start_workers(1)
    wait_until(lambda: states(launch) == {"finished"})
    assert len(api.interventions(launch.id)) == 1
    assert_moved_there(launch, [make()], 0.0, before, place, tmp_path)
