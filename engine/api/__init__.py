"""The surface of the engine, all that a caller needs. Importing it does not import torch.

Ids are strings the store gave out; a mistaken one raises StoreError with a sentence. Training
happens in worker processes (`ensure_workers`), so nothing here blocks for long. `__all__`, at the
end, lists every name by what it is for.
"""

from engine.api.launching import find_launch, launch, pause, resume, stop, train_here
from engine.api.playing import branch, half_step, interventions, set_lam, set_speed, step, steps
from engine.api.processes import (
    check_scheduler,
    cluster_troubles,
    ensure_cluster,
    ensure_workers,
    workers,
)
from engine.api.reading import epochs, progress, rebuild_runs, run, runs
from engine.api.studying import (
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
from engine.api.weighing import (
    frontier,
    frontier_epochs,
    pair_epochs,
    reach,
    snapshot,
    snapshot_epochs,
    weights,
    weights_at_hand,
)
from engine.claims import Claim
from engine.config import LAM_GRID, LAM_MAX, RunConfig, allowed, changed, make_config, options
from engine.datasets import DatasetInfo, data_home
from engine.datasets import catalogue as datasets
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
from engine.reach import Reach
from engine.store.database import Store, runs_home
from engine.store.opening import open_runs
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

# fmt: off
__all__ = [  # noqa: RUF022 (by idea, not by letter)
    # What can be trained: data sets, methods, settings
    "datasets", "get_dataset", "data_home", "data_facts", "DatasetInfo", "DataFacts", "methods",
    "MethodInfo", "preset", "make_config", "changed", "check", "options", "allowed", "forecast",
    "RunConfig", "Forecast", "LAM_GRID", "LAM_MAX",
    # Start and stop runs (launching.py)
    "launch", "train_here", "find_launch", "pause", "resume", "stop", "Launch", "Priority", "Event",
    # Play with them (playing.py)
    "step", "steps", "half_step", "set_speed", "set_lam", "interventions", "branch", "HalfStep",
    "Change", "Moved",
    # Who trains (processes.py)
    "ensure_workers", "workers", "check_scheduler", "ensure_cluster", "cluster_troubles",
    "WorkerInfo",
    # How far they are, and what came of it (reading.py)
    "progress", "runs", "run", "epochs", "rebuild_runs", "open_runs", "runs_home", "Store",
    "Progress", "RunRecord", "RunState", "ENDED", "EPOCH_COLUMNS", "METRICS",
    # Their weights (weighing.py); weights of your own: read_weights
    "snapshot", "snapshot_epochs", "weights", "pair_epochs", "weights_at_hand", "frontier",
    "frontier_epochs", "reach", "read_weights", "diagnose", "binned", "Snapshot", "Weights",
    "OwnWeights", "PairMap", "Block", "Reach", "HISTOGRAM_EDGES", "MAP_SIZE",
    # Studies (studying.py): plan, train
    "make_plan", "with_tuned", "start_study", "pause_study", "resume_study", "stop_study", "study",
    "studies", "estimate", "save_study", "gallery", "made_by", "Plan", "Series", "Study",
    "StudyRecord", "Estimate", "KINDS", "STUDY_VALUES",
    # Studies: figures, tables, claims
    "summarise", "gain", "choose", "strongest_base", "shape", "table", "table_text",
    "table_columns", "measured_text", "published_text", "relative_text", "published", "check_study",
    "paper_claims", "claims_to_json", "claims_from_json", "Choice", "Shape", "Table", "TableRow",
    "Number", "Claim", "PaperClaim", "TABLE_FORMS", "TABLE_TITLES",
    # What goes wrong
    "CounterweightError", "FieldError", "ConfigError", "DataError", "StoreError", "TrainingError",
    "ClusterError",
]
# fmt: on
