"""A whole study on a real Dask cluster, from the command line, a worker killed on the way."""

import json
import os
import subprocess
import sys

import pytest
from dask_processes import ROOT, DaskCluster
from stored import wait_until

from engine.store.database import Store

pytestmark = pytest.mark.skipif(os.name != "posix", reason="kills by signal")


@pytest.fixture
def cluster(tmp_path):
    (tmp_path / "dask").mkdir()
    found = DaskCluster(tmp_path / "dask")
    yield found
    found.close()


def study(home, *options):
    command = [sys.executable, "-m", "engine", "study", *options, "--runs", str(home)]
    return subprocess.Popen(
        command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )


def running_groups(store):
    return store.read("SELECT id FROM groups WHERE state = 'running' AND checkpoint_epoch >= 0")


def test_a_study_ends_though_a_worker_dies_and_its_second_stage_is_launched(cluster, tmp_path):
    """Table 3: nine systems that start from runs of the same study."""
    home = tmp_path / "runs"
    first, _ = cluster.start_workers(2)
    small = ("table3", "--seeds", "1", "--epochs", "8", "--json")
    process = study(home, *small, "--scheduler", cluster.address)
    wait_until(lambda: home.exists() and (home / "counterweight.sqlite3").exists())
    store = Store(home)
    wait_until(lambda: len(running_groups(store)) >= 1)
    first.kill()
    out, err = process.communicate(timeout=280)
    assert process.returncode == 0, err
    assert "12 of 12 runs to train" in err
    rows = [json.loads(line) for line in out.splitlines()]
    assert len({row["series"] for row in rows}) == 12
    states = {row["state"] for row in store.read("SELECT state FROM runs")}
    assert states == {"finished"}
    store.close()


def test_a_scheduler_that_is_not_there_leaves_the_study_as_it_was(tmp_path):
    process = study(tmp_path / "runs", "lambda", "--scheduler", "tcp://127.0.0.1:9")
    _, err = process.communicate(timeout=60)
    assert process.returncode == 2
    assert len(err.strip().splitlines()) == 1
    assert "scheduler" in err
    store = Store(tmp_path / "runs")
    assert not store.read("SELECT 1 FROM studies")
    store.close()
