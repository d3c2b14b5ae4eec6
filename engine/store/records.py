"""What the store tells of launches and runs, and the file of a run that lies beside it."""

from __future__ import annotations

import json
import math
import os
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from engine.config import RunConfig
from engine.errors import ConfigError, StoreError
from engine.store.database import Row, Store, Transaction

Priority = Literal["lab", "study"]
FILE_FORMAT = 1
RESULTS = ("validation", "test", "test_clean", "true_loss", "facts")
PLAIN = (
    *("state", "edited", "created", "started", "ended", "epochs_done", "best_epoch"),
    *("epoch_seconds", "error", "branched_from", "branched_epoch"),
)


@dataclass(frozen=True)
class Launch:
    """What one press of Start made.

    runs: one id for every config asked for, in order (equal configs share a run).
    twins: run id -> id of the identical run with uniform weights; balanced runs only.
    """

    id: str
    runs: tuple[str, ...]
    twins: dict[str, str] = field(default_factory=dict)

    @property
    def all_runs(self) -> tuple[str, ...]:
        """Every run of the launch once: those asked for, then twins."""
        return tuple(dict.fromkeys((*self.runs, *self.twins.values())))


@dataclass(frozen=True)
class RunRecord:
    """Everything the store knows of one run but its epochs. Times are seconds since 1970.

    results are those of the best epoch; empty until the run has ended. arrays: the file of the
    best epoch's parameters and weights, None where there is none. edited: lam was moved while it
    trained (`config` has the first one). branched_from: the run it went on from, after that epoch.
    """

    run: str
    launch: str
    group: str
    state: str
    config: RunConfig
    fingerprint: str
    twin: str | None
    edited: bool
    created: float
    started: float | None
    ended: float | None
    epochs_done: int
    best_epoch: int | None
    epoch_seconds: float | None
    error: str | None
    branched_from: str | None
    branched_epoch: int | None
    validation: dict[str, float | None]
    test: dict[str, float | None]
    test_clean: dict[str, float | None]
    true_loss: float | None
    facts: dict[str, float]
    arrays: Path | None

    def as_json(self) -> dict[str, Any]:
        """Everything as JSON can hold it."""
        content = {f.name: getattr(self, f.name) for f in fields(self)}
        content["config"] = self.config.model_dump(mode="json")
        content["arrays"] = None if self.arrays is None else str(self.arrays)
        return content


@dataclass(frozen=True)
class Snapshot:
    """The weights of one run at the end of one epoch, in aggregate.

    histogram: counts of log2(weight) between HISTOGRAM_EDGES, under- and overflow first and last,
    int32 [len(HISTOGRAM_EDGES) + 1]. decile_map: mean weight, users by activity decile x items by
    popularity, float32 [12, 12], NaN where empty.
    """

    run: str
    epoch: int
    histogram: NDArray[np.int32] | None
    decile_map: NDArray[np.float32] | None


def launch_of(row: Row) -> Launch:
    """A row of `launches` as a Launch."""
    return Launch(row["id"], tuple(json.loads(row["runs"])), json.loads(row["twins"]))


def config_of(row: Row) -> RunConfig:
    """The config of a row of `runs`.

    Raises:
        StoreError: another version of Counterweight wrote it and this one cannot read it.
    """
    try:
        return RunConfig(**json.loads(row["config"]))
    except (ValueError, ConfigError) as error:
        raise StoreError(
            f"Run {row['id']} has settings this version of Counterweight does not know: {error}"
        ) from None


def record_of(store: Store, row: Row, launch: Launch) -> RunRecord:
    """A row of `runs` with the launch it belongs to as a RunRecord."""
    results = json.loads(row["results"])
    arrays = arrays_path(store.home, row["id"])
    return RunRecord(
        run=row["id"],
        launch=row["launch"],
        group=row["group_id"],
        config=config_of(row),
        fingerprint=row["fingerprint"],
        twin=launch.twins.get(row["id"]),
        arrays=arrays if arrays.exists() else None,
        **{name: row[name] for name in PLAIN if name != "edited"},
        edited=bool(row["edited"]),
        **{name: results.get(name, None if name == "true_loss" else {}) for name in RESULTS},
    )


def arrays_path(home: Path, run: str) -> Path:
    """Where a run's best arrays lie."""
    return home / "arrays" / f"{run}.safetensors"


# What a run that starts from a finished one has to share with it: the data, and the split too, or
# the finished one may have trained on or chosen by ratings that test the other.
SHARED = ("dataset", "confounding", "data_seed", "split", "split_seed", "uniform_fraction")


def check_finished(home: Path, config: RunConfig) -> Path:
    """The arrays of the finished run that `config.initial` names.

    Raises:
        ConfigError: there are none, or it trained on other data or another split.
    """
    run = config.initial
    path, about = arrays_path(home, run), home / "runs" / f"{run}.json"
    if not run.isalnum() or not path.is_file() or not about.is_file():
        raise ConfigError(
            "initial", run, "a finished run of this store", "`runs list` shows which there are"
        )
    held = json.loads(about.read_text(encoding="utf-8"))["config"]
    for name in SHARED:
        if held[name] != getattr(config, name):
            raise ConfigError(
                "initial",
                run,
                f"a finished run with {name} {getattr(config, name)} (this one has {held[name]})",
            )
    return path


def to_json(content: Any) -> str:
    """Strict JSON: numbers that are not finite become null."""
    return json.dumps(_finite(content), allow_nan=False)


def _finite(content: Any) -> Any:
    if isinstance(content, dict):
        return {name: _finite(value) for name, value in content.items()}
    if isinstance(content, list | tuple):
        return [_finite(value) for value in content]
    if isinstance(content, np.generic):
        content = content.item()
    return None if isinstance(content, float) and not math.isfinite(content) else content


def write_run_file(store: Store, db: Transaction, run: str) -> None:
    """Write the file of an ended run, atomically, from its rows as `db` sees them."""
    row = db.execute("SELECT * FROM runs WHERE id = ?", (run,)).fetchone()
    launch = db.execute("SELECT * FROM launches WHERE id = ?", (row["launch"],)).fetchone()
    made = launch_of(launch)
    content = {
        "format": FILE_FORMAT,
        "run": run,
        "group": row["group_id"],
        "launch": {
            **{name: launch[name] for name in ("id", "token", "priority", "created")},
            "runs": made.runs,
            "twins": made.twins,
        },
        "config": json.loads(row["config"]),
        "fingerprint": row["fingerprint"],
        **{name: row[name] for name in PLAIN},
        "results": json.loads(row["results"]),
        "interventions": [
            dict(move)
            for move in db.execute(
                "SELECT time, epoch, block, half, old, new FROM interventions WHERE run = ? "
                "ORDER BY number",
                (row["number"],),
            )
        ],
    }
    write_atomically(store.home / "runs" / f"{run}.json", to_json(content).encode())


def write_atomically(path: Path, content: bytes) -> None:
    """Write a file so that a reader, or a power cut, finds the old or the new one, whole."""
    part = path.with_name(f"{path.name}.{os.getpid()}.part")
    with part.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    settle(part, path)


def settle(part: Path, path: Path) -> None:
    """Rename the synced file `part` to `path` and sync the folder where the system can."""
    part.replace(path)
    if os.name == "posix":
        folder = os.open(path.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)
