"""The surface of the engine: catalogue, launch, control, read. Importing it does not import torch.

Ids are strings the store gave out; a mistaken one raises StoreError with a sentence. Training
happens in worker processes (`ensure_workers`), so nothing here blocks for long.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING

import pandas as pd

from engine.claims import Claim
from engine.config import LAM_GRID, LAM_MAX, RunConfig, allowed, changed, make_config, options
from engine.datasets import DatasetInfo, catalogue, data_home
from engine.datasets import get as get_dataset
from engine.errors import (
    ClusterError,
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
from engine.half_steps import Change, HalfStep, Moved
from engine.inspection import (
    Block,
    OwnWeights,
    PairMap,
    Weights,
    binned,
    diagnose,
    read_weights,
)
from engine.methods import MethodInfo
from engine.offers import check, methods
from engine.presets import preset
from engine.published import published
from engine.reach import Reach, reach_of
from engine.store import (
    branches,
    controls,
    frontiers,
    history,
    playing,
    reports,
    roster,
)
from engine.store import (
    interventions as moves,
)
from engine.store import weights as kept_weights
from engine.store.database import Store, runs_home
from engine.store.launches import create_launch
from engine.store.launches import find_launch as _find_launch
from engine.store.opening import open_runs
from engine.store.processes import Watch
from engine.store.queue import reclaim
from engine.store.reaches import read_reaches
from engine.store.rebuild import rebuild
from engine.store.records import Launch, Priority, RunRecord, Snapshot
from engine.store.reports import Progress
from engine.store.roster import WorkerInfo
from engine.store.studies import StudyRecord
from engine.studies import KINDS, Plan, Series, make_plan
from engine.studies import VALUES as STUDY_VALUES
from engine.studies.claim_check import claims_from_json, claims_to_json
from engine.studies.estimate import Estimate
from engine.studies.facts import DataFacts, data_facts
from engine.studies.gallery import made_by
from engine.studies.paper_claims import PaperClaim
from engine.studies.running import Study
from engine.studies.shape import Shape, shape
from engine.studies.summary import Choice, choose, gain, strongest_base, summarise
from engine.studies.tables import Number, Table, TableRow
from engine.studies.tuned import with_tuned
from engine.study_api import (
    TABLE_FORMS,
    TABLE_TITLES,
    check_study,
    estimate,
    gallery,
    measured_text,
    paper_claims,
    pause_study,
    published_text,
    relative_text,
    resume_study,
    save_study,
    start_study,
    stop_study,
    studies,
    study,
    table,
    table_columns,
    table_text,
)

if TYPE_CHECKING:
    from engine.jobs.scheduler import ClusterInfo

_watch = Watch()


def datasets() -> list[DatasetInfo]:
    """Every data set, installed or not."""
    return catalogue()


def launch(
    configs: Sequence[RunConfig],
    *,
    twins: bool = True,
    priority: Priority = "lab",
    token: str | None = None,
    paused: bool = False,
    speed: float | None = None,
) -> Launch:
    """Queue runs and their twins: identical configs with uniform weights, shared where equal.

    Args:
        token: of a press of Start; the same one again gives the same launch.
        paused: train nothing until it is resumed or stepped. speed: as `set_speed`.

    Raises:
        ConfigError: no configs, an unknown priority, or a speed out of range.
        StoreError: the store cannot be written.
    """
    return create_launch(
        open_runs(),
        configs,
        twins=twins,
        priority=priority,
        token=token,
        paused=paused,
        speed=playing.checked_speed(speed),
    )


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
    controls.ask(_reclaimed(), launch_id, kind)


def _reclaimed() -> Store:
    """The store; a group whose worker has died counts as waiting, and is changed at once."""
    store = open_runs()
    reclaim(store, _watch)
    return store


def step(launch_id: str, to: str) -> None:
    """Train on by one step and stand still: "epoch", or until "phi", "w" or "theta" was updated.

    Steps asked for meanwhile wait their turn; `resume` and `pause` drop those that still wait.

    Raises:
        ConfigError: no such step for these runs. StoreError: no such launch, or it has ended.
    """
    playing.ask_step(_reclaimed(), launch_id, to)


def steps(config: RunConfig) -> tuple[str, ...]:
    """What `step` can go on to in a run of this config."""
    return playing.steps_of(config)


def half_step(launch_id: str) -> tuple[HalfStep, ...]:
    """What the updates of the block last stepped on changed, the latest last; () without any."""
    return playing.read_half_steps(open_runs(), launch_id)


def set_speed(launch_id: str, blocks_per_second: float | None) -> None:
    """Train so many blocks a second, up to 2 by half-steps; None: as fast as it goes.

    Raises:
        ConfigError: out of range. StoreError: no such launch, or it has ended.
    """
    playing.set_speed(open_runs(), launch_id, blocks_per_second)


def set_lam(launch_id: str, lam: float, run: str | None = None) -> None:
    """Move the lam of one run, or of all balanced ones, while they train; twins stay as they are.

    It acts from the next block on and is recorded with its place; the run is edited from then on.
    At 0 nothing but the entropy acts on the weights: they go back to uniform.

    Raises:
        ConfigError: lam is out of range, or no lam acts on the run.
        StoreError: no such launch or run, or it has ended.
    """
    playing.ask_lam(_reclaimed(), launch_id, lam, run)


def interventions(launch_id: str) -> pd.DataFrame:
    """Moves of lam: run, time, epoch, block, half (trained before it), old, new; oldest first."""
    return moves.read_interventions(open_runs(), launch_id)


def branch(launch_id: str, token: str | None = None) -> Launch:
    """A new launch that goes on from where this one is, and this one goes on; waits a moment.

    Of a paused launch the branch is paused too. Each run's record names the one it is
    `branched_from`.

    Args:
        token: of a press of the button; the same one again gives the same launch.

    Raises:
        StoreError: no such launch, it has ended, or its worker does not answer.
    """
    return branches.branch(_reclaimed(), launch_id, token)


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


def snapshot(run: str, epoch: int | None = None, block: Block = "observed") -> Snapshot:
    """The weights of one epoch in aggregate, of the latest kept when `epoch` is None.

    Args:
        block: the weights on B ("observed"), or those on D ("all"), kept of some epochs only.
    """
    return history.read_snapshot(open_runs(), run, epoch, block)


def snapshot_epochs(run: str, block: Block = "observed") -> list[int]:
    """The epochs that `snapshot` knows of, in order; StoreError when there is no such run."""
    return kept_weights.snapshot_epochs(open_runs(), run, block)


def frontier(run: str, epoch: int) -> pd.DataFrame:
    """What no weights can beat at that epoch's models: lam, entropy and violation of exact ones.

    Raises:
        StoreError: no such run, or no frontier was kept of that epoch.
    """
    return frontiers.read_frontier(open_runs(), run, epoch)


def frontier_epochs(run: str) -> list[int]:
    """The epochs that `frontier` knows of, in order; StoreError when there is no such run."""
    return frontiers.frontier_epochs(open_runs(), run)


def weights(run: str, block: Block = "observed", epoch: int | None = None) -> Weights:
    """An ended run's weights at an epoch, pair by pair, with everything to judge them by.

    Args:
        block: w2 on the biased ratings ("observed"), or w1 on all pairs ("all"), which DR and
            AutoDebias have.
        epoch: one of `pair_epochs`; the best when None.

    Raises:
        StoreError: no such run, or it keeps no such weights. DataError: its ratings are not here.
    """
    return kept_weights.read_weights(open_runs(), run, block, epoch)


def pair_epochs(run: str) -> list[int]:
    """The epochs that `weights` knows of, the best and the last; none where nothing is kept."""
    return kept_weights.pair_epochs(open_runs(), run)


def weights_at_hand(
    run: str, block: Block = "observed", epoch: int | None = None
) -> Weights | None:
    """What `weights` gives where that is immediate, None where it has to be worked out first.

    Raises:
        StoreError: as `weights`.
    """
    return kept_weights.weights_at_hand(open_runs(), run, block, epoch)


def reach(runs: Sequence[str]) -> Reach:
    """Whether the constraint of these runs of one kind could be met while they trained.

    Raises:
        StoreError: no such run.
    """
    store = open_runs()
    records = [reports.read_run(store, run) for run in runs]
    best = {one.run: one.best_epoch for one in records if one.best_epoch is not None}
    config = next((one.config for one in records if one.config.balanced), records[0].config)
    return reach_of(read_reaches(store, runs), config, best)


def progress(launch_id: str) -> Progress:
    """How far a launch is, and when it should be done."""
    return reports.read_progress(open_runs(), launch_id)


def ensure_workers(n: int | None = None) -> list[int]:
    """Start the missing of `n` worker processes (default one a core), tied to this process."""
    return roster.ensure_workers(open_runs(), n)


def check_scheduler(address: str) -> ClusterInfo:
    """Ask for a Dask scheduler, five seconds at most; how many workers it has.

    Raises:
        ConfigError: none answers there. ClusterError: the package distributed is not installed.
    """
    from engine.jobs import scheduler

    return scheduler.check_scheduler(address)


def ensure_cluster(address: str) -> int:
    """Start, unless it runs, a process that has a Dask cluster train what waits; its process id.

    It ends with this process. `check_scheduler` first says whether there is anything to start for.
    """
    return roster.ensure_cluster(open_runs(), address)


def cluster_troubles() -> list[str]:
    """What went wrong on the cluster since that process was started, a sentence each."""
    return roster.cluster_troubles(open_runs())


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
    "KINDS",
    "LAM_GRID",
    "LAM_MAX",
    "MAP_SIZE",
    "METRICS",
    "STUDY_VALUES",
    "TABLE_FORMS",
    "TABLE_TITLES",
    "Block",
    "Change",
    "Choice",
    "Claim",
    "ClusterError",
    "ConfigError",
    "CounterweightError",
    "DataError",
    "DataFacts",
    "DatasetInfo",
    "Estimate",
    "Event",
    "FieldError",
    "Forecast",
    "HalfStep",
    "Launch",
    "MethodInfo",
    "Moved",
    "Number",
    "OwnWeights",
    "PairMap",
    "PaperClaim",
    "Plan",
    "Priority",
    "Progress",
    "Reach",
    "RunConfig",
    "RunRecord",
    "RunState",
    "Series",
    "Shape",
    "Snapshot",
    "Store",
    "StoreError",
    "Study",
    "StudyRecord",
    "Table",
    "TableRow",
    "TrainingError",
    "Weights",
    "WorkerInfo",
    "allowed",
    "binned",
    "branch",
    "changed",
    "check",
    "check_scheduler",
    "check_study",
    "choose",
    "claims_from_json",
    "claims_to_json",
    "cluster_troubles",
    "data_facts",
    "data_home",
    "datasets",
    "diagnose",
    "ensure_cluster",
    "ensure_workers",
    "epochs",
    "estimate",
    "find_launch",
    "forecast",
    "frontier",
    "frontier_epochs",
    "gain",
    "gallery",
    "get_dataset",
    "half_step",
    "interventions",
    "launch",
    "made_by",
    "make_config",
    "make_plan",
    "measured_text",
    "methods",
    "open_runs",
    "options",
    "pair_epochs",
    "paper_claims",
    "pause",
    "pause_study",
    "preset",
    "progress",
    "published",
    "published_text",
    "reach",
    "read_weights",
    "rebuild_runs",
    "relative_text",
    "resume",
    "resume_study",
    "run",
    "runs",
    "runs_home",
    "save_study",
    "set_lam",
    "set_speed",
    "shape",
    "snapshot",
    "snapshot_epochs",
    "start_study",
    "step",
    "steps",
    "stop",
    "stop_study",
    "strongest_base",
    "studies",
    "study",
    "summarise",
    "table",
    "table_columns",
    "table_text",
    "train_here",
    "weights",
    "weights_at_hand",
    "with_tuned",
    "workers",
]
