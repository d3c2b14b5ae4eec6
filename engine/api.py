"""The surface of the engine: catalogue, launch, control, read. Importing it does not import torch.

Ids are strings the store gave out; a mistaken one raises StoreError with a sentence. Training
happens in worker processes (`ensure_workers`), so nothing here blocks for long.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence

import pandas as pd

from engine.config import LAM_GRID, LAM_MAX, RunConfig, allowed, changed, make_config, options
from engine.datasets import DatasetInfo, catalogue, data_home
from engine.datasets import get as get_dataset
from engine.errors import (
    ConfigError,
    CounterweightError,
    DataError,
    FieldError,
    StoreError,
    TrainingError,
)
from engine.events import (
    ENDED,
    EPOCH_COLUMNS,
    HISTOGRAM_EDGES,
    MAP_SIZE,
    METRICS,
    Event,
    RunState,
)
from engine.forecast import Forecast, forecast
from engine.inspection import OwnWeights, Weights, binned, diagnose, read_weights
from engine.methods import MethodInfo
from engine.offers import check, methods
from engine.presets import preset
from engine.store import controls, frontiers, history, reports, roster
from engine.store import weights as kept_weights
from engine.store.database import Store, runs_home
from engine.store.launches import create_launch
from engine.store.launches import find_launch as _find_launch
from engine.store.processes import Watch
from engine.store.queue import reclaim
from engine.store.rebuild import open_store, rebuild
from engine.store.records import Launch, Priority, RunRecord, Snapshot
from engine.store.reports import Progress
from engine.store.roster import WorkerInfo

_lock = threading.Lock()
_stores: dict[str, Store] = {}
_watch = Watch()


def open_runs() -> Store:
    """The store at `runs_home()`, opened once a process and again when its file was moved away.

    Raises:
        StoreError: it cannot be opened.
    """
    home = runs_home()
    with _lock:
        store = _stores.get(str(home))
        if store is None or not store.is_current():
            if store is not None:
                store.close()
            store = _stores[str(home)] = open_store(home)
        return store


def datasets() -> list[DatasetInfo]:
    """Every data set, installed or not."""
    return catalogue()


def launch(
    configs: Sequence[RunConfig],
    *,
    twins: bool = True,
    priority: Priority = "lab",
    token: str | None = None,
) -> Launch:
    """Queue runs and their twins: identical configs with uniform weights, shared where equal.

    Args:
        token: of a press of Start; the same one again gives the same launch.

    Raises:
        ConfigError: no configs, or an unknown priority. StoreError: the store cannot be written.
    """
    return create_launch(open_runs(), configs, twins=twins, priority=priority, token=token)


def train_here(
    configs: Sequence[RunConfig],
    on_event: Callable[[Event], object] = lambda event: None,
    *,
    twins: bool = True,
    on_launch: Callable[[Launch], object] = lambda launch: None,
) -> Launch:
    """Train in this process (this imports torch) and return when the last run has ended.

    The runs are stored like any others; `on_event` gets every event once it is stored. Ctrl-C
    leaves them in the queue, where a worker goes on from the last checkpoint.

    Raises:
        ConfigError: no configs. StoreError: the store cannot be written.
    """
    from engine.jobs import local

    return local.train_here(
        open_runs(), configs, twins=twins, on_launch=on_launch, on_event=on_event
    )


def find_launch(id: str) -> Launch:
    """The launch with that id; StoreError when there is none."""
    return _find_launch(open_runs(), id)


def pause(launch_id: str) -> None:
    """Checkpoint and leave the worker free; StoreError when there is no such launch."""
    _ask(launch_id, "pause")


def resume(launch_id: str) -> None:
    """Queue a paused launch again, or take back a pause that has not come about yet."""
    _ask(launch_id, "resume")


def stop(launch_id: str) -> None:
    """End a launch for good; its runs keep their best epoch and are tested on it."""
    _ask(launch_id, "stop")


def _ask(launch_id: str, kind: controls.Kind) -> None:
    store = open_runs()
    reclaim(store, _watch)  # a group whose worker has died is changed at once
    controls.ask(store, launch_id, kind)


def runs(launch: str | None = None, limit: int = 1000, state: str | None = None) -> pd.DataFrame:
    """One row a run: ids, state, times, config fields, results (NaN until it has ended).

    Newest first; those of one launch in its order. `twin_of`: the runs it is the twin of, a tuple.
    """
    return reports.read_runs(open_runs(), launch, limit, state)


def run(id: str) -> RunRecord:
    """Everything of one run but its epochs; StoreError when there is none."""
    return reports.read_run(open_runs(), id)


def epochs(
    runs: Sequence[str],
    columns: Sequence[str] | None = None,
    after: Mapping[str, int] | None = None,
) -> pd.DataFrame:
    """Stored epochs in long form: run, epoch and `columns` (EPOCH_COLUMNS), NaN for missing.

    Args:
        after: run -> the last epoch the caller has; only later ones come. A run that resumed from
            a checkpoint tells earlier epochs anew, with the same numbers.
    """
    return history.read_epochs(open_runs(), runs, columns, after)


def snapshot(run: str, epoch: int | None = None) -> Snapshot:
    """The weights of one epoch in aggregate, of the latest kept when `epoch` is None."""
    return history.read_snapshot(open_runs(), run, epoch)


def snapshot_epochs(run: str) -> list[int]:
    """The epochs that `snapshot` knows of, in order; StoreError when there is no such run."""
    return kept_weights.snapshot_epochs(open_runs(), run)


def frontier(run: str, epoch: int) -> pd.DataFrame:
    """What no weights can beat at that epoch's models: lam, entropy and violation of exact ones.

    Raises:
        StoreError: no such run, or no frontier was kept of that epoch.
    """
    return frontiers.read_frontier(open_runs(), run, epoch)


def frontier_epochs(run: str) -> list[int]:
    """The epochs that `frontier` knows of, in order; StoreError when there is no such run."""
    return frontiers.frontier_epochs(open_runs(), run)


def weights(run: str) -> Weights:
    """An ended run's weights at its best epoch, pair by pair, with everything to judge them by.

    Raises:
        StoreError: no such run, or it keeps no weights. DataError: its ratings are not here.
    """
    return kept_weights.read_weights(open_runs(), run)


def progress(launch_id: str) -> Progress:
    """How far a launch is, and when it should be done."""
    return reports.read_progress(open_runs(), launch_id)


def ensure_workers(n: int | None = None) -> list[int]:
    """Start the missing of `n` worker processes (default one a core), tied to this process."""
    return roster.ensure_workers(open_runs(), n)


def workers() -> list[WorkerInfo]:
    """The living workers of this store, whoever started them."""
    return roster.alive_workers(open_runs())


def rebuild_runs() -> int:
    """List ended runs again from their files; how many were added."""
    return rebuild(open_runs())


__all__ = [
    "ENDED",
    "EPOCH_COLUMNS",
    "HISTOGRAM_EDGES",
    "LAM_GRID",
    "LAM_MAX",
    "MAP_SIZE",
    "METRICS",
    "ConfigError",
    "CounterweightError",
    "DataError",
    "DatasetInfo",
    "Event",
    "FieldError",
    "Forecast",
    "Launch",
    "MethodInfo",
    "OwnWeights",
    "Priority",
    "Progress",
    "RunConfig",
    "RunRecord",
    "RunState",
    "Snapshot",
    "Store",
    "StoreError",
    "TrainingError",
    "Weights",
    "WorkerInfo",
    "allowed",
    "binned",
    "changed",
    "check",
    "data_home",
    "datasets",
    "diagnose",
    "ensure_workers",
    "epochs",
    "find_launch",
    "forecast",
    "frontier",
    "frontier_epochs",
    "get_dataset",
    "launch",
    "make_config",
    "methods",
    "open_runs",
    "options",
    "pause",
    "preset",
    "progress",
    "read_weights",
    "rebuild_runs",
    "resume",
    "run",
    "runs",
    "runs_home",
    "snapshot",
    "snapshot_epochs",
    "stop",
    "train_here",
    "weights",
    "workers",
]
