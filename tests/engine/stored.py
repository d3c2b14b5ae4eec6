"""What a store of runs holds while others train, and the same launch trained undisturbed."""

import time

import pytest

from engine import api
from engine.jobs.building import tuned
from engine.jobs.drive import drive
from engine.store.database import Store
from engine.store.interventions import record
from engine.store.launches import create_launch
from engine.store.processes import Process, Watch
from engine.store.queue import claim_next, reclaim


def wait_until(condition, seconds=120.0):
    """Seconds it took until `condition()` held."""
    began = time.monotonic()
    while not condition():
        assert time.monotonic() - began < seconds, "waited in vain"
        time.sleep(0.02)
    return time.monotonic() - began


def states(launch):
    return set(api.runs(launch.id).state)


def epoch(launch):
    return api.progress(launch.id).epoch


def train_here(store, builder):
    reclaim(store, Watch())
    while (claim := claim_next(store, Process.here())) is not None:
        assert drive(store, claim, builder) == "ended"


def undisturbed(tmp_path, configs, builder, moves=()):
    """The epochs of the same launch, trained in one go in this process.

    moves: of lam, as they were recorded of its first group: (which run, place, lam).
    """
    store = Store(tmp_path / "undisturbed")
    launch = create_launch(store, configs)
    with tuned():
        if moves:
            claim = claim_next(store, Process.here())
            with store.transaction() as db:
                for k, place, lam in moves:
                    record(db, claim, place, {launch.runs[k]: lam})
            assert drive(store, claim, builder) == "ended"
        train_here(store, builder)
    store.close()
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("COUNTERWEIGHT_RUNS", str(tmp_path / "undisturbed"))
        return numbers(launch), results(launch)


def numbers(launch):
    """Every number of every epoch but what a stopwatch gave."""
    frame = api.epochs(launch.all_runs)
    return frame.drop(columns=["run", *(c for c in frame if c.startswith("seconds_"))])


def results(launch):
    frame = api.runs(launch.id)
    return frame[[c for c in frame if c.startswith(("test_", "validation_", "best_", "true_"))]]
