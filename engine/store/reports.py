"""What the store knows, as the dashboard and the command line read it: run table, progress."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd

from engine.config import RunConfig
from engine.errors import StoreError
from engine.events import METRICS
from engine.store.database import Row, Store
from engine.store.launches import find_launch
from engine.store.records import PLAIN, RunRecord, launch_of, record_of
from engine.store.roster import alive_workers

_METRIC_SETS = ("validation", "test", "test_clean")


@dataclass(frozen=True)
class Progress:
    """How far a launch is. Epochs are those of its group that has the furthest to go.

    state: queued, running, paused, or, when all runs have ended, failed (any failed), stopped (any
    stopped) or finished. eta_seconds: None when nothing can be said yet. ahead: groups that a free
    worker would take before this launch's. asked: what the user asked for and has not come about:
    stop, pause or step; a launch that takes steps is paused. speed: blocks a second, None for flat
    out.
    """

    state: str
    epoch: int
    epochs: int
    seconds_per_epoch: float | None
    eta_seconds: float | None
    ahead: int
    workers: int
    asked: str | None = None
    speed: float | None = None


def read_run(store: Store, run: str) -> RunRecord:
    """Everything of one run.

    Raises:
        StoreError: there is no such run, or another version of Counterweight wrote it.
    """
    rows = store.read("SELECT * FROM runs WHERE id = ?", (run,))
    if not rows:
        raise StoreError(f"There is no run {run!r} in {store.home}.")
    return record_of(store, rows[0], find_launch(store, rows[0]["launch"]))


def read_runs(store: Store, launch: str | None, limit: int, state: str | None) -> pd.DataFrame:
    """One row a run, newest first; of one launch: in its order.

    Raises:
        StoreError: there is no such launch.
    """
    where: list[str] = []
    values: list[Any] = []
    if launch is not None:
        find_launch(store, launch)
        where.append("launch = ?")
        values.append(launch)
    if state is not None:
        where.append("state = ?")
        values.append(state)
    rows = store.read(
        f"SELECT * FROM runs {'WHERE ' + ' AND '.join(where) if where else ''} "
        f"ORDER BY number {'DESC' if launch is None else ''} LIMIT ?",
        (*values, limit),
    )
    twin_of = _twins(store, {row["launch"] for row in rows})
    fields = [name for name in RunConfig.model_fields if name not in PLAIN]
    results = [*(f"{s}_{m}" for s in _METRIC_SETS for m in METRICS), "true_loss"]
    columns = ["run", "launch", "group", *PLAIN, "twin_of", *fields, *results]
    frame = pd.DataFrame([_flat(row, twin_of) for row in rows], columns=columns)
    numbers = ["started", "ended", "best_epoch", "epoch_seconds", "branched_epoch", *results]
    return frame.astype({**dict.fromkeys(numbers, "float64"), "edited": bool})


def result_column(metric: str) -> str:
    """The column of `read_runs` that holds a test metric, "auc", or its clean form, "auc_clean"."""
    plain = metric.removesuffix("_clean")
    return f"test_{plain}" if plain == metric else f"test_clean_{plain}"


def read_facts(store: Store, launch: str, names: Sequence[str]) -> pd.DataFrame:
    """Facts of a launch's ended runs at their best epoch, a row a run, NaN where there are none.

    Raises:
        StoreError: there is no such launch.
    """
    find_launch(store, launch)
    rows = store.read("SELECT id, results FROM runs WHERE launch = ?", (launch,))
    facts = [json.loads(row["results"]).get("facts", {}) for row in rows]
    index = pd.Index([row["id"] for row in rows], name="run")
    return pd.DataFrame(facts, index=index, columns=list(names), dtype="float64")


def _twins(store: Store, launches: set[str]) -> dict[str, tuple[str, ...]]:
    """Twin run -> the runs it is the twin of."""
    marks = ", ".join("?" * len(launches))
    rows = store.read(f"SELECT * FROM launches WHERE id IN ({marks})", tuple(launches))
    found: dict[str, tuple[str, ...]] = {}
    for row in rows:
        for run, twin in launch_of(row).twins.items():
            found[twin] = (*found.get(twin, ()), run)
    return found


def _flat(row: Row, twin_of: dict[str, tuple[str, ...]]) -> dict[str, Any]:
    config, results = json.loads(row["config"]), json.loads(row["results"])
    config["moments"] = ",".join(config["moments"])
    flat = {"run": row["id"], "launch": row["launch"], "group": row["group_id"], **config}
    flat |= {name: row[name] for name in PLAIN}
    flat |= {f"{s}_{k}": v for s in _METRIC_SETS for k, v in (results.get(s) or {}).items()}
    flat["true_loss"] = results.get("true_loss")
    flat["twin_of"] = twin_of.get(row["id"], ())
    return flat


def read_progress(store: Store, launch: str) -> Progress:
    """How far a launch is.

    Raises:
        StoreError: there is no such launch.
    """
    find_launch(store, launch)
    groups = store.read(
        "SELECT g.*, max(CASE WHEN r.ended IS NULL THEN r.epochs_done END) AS epoch, "
        "max(CASE WHEN r.ended IS NULL THEN json_extract(r.config, '$.epochs') END) AS epochs "
        "FROM groups g JOIN runs r ON r.group_id = g.id WHERE g.launch = ? GROUP BY g.id",
        (launch,),
    )
    workers = len(alive_workers(store))
    active = [g for g in groups if g["state"] != "ended" and g["epochs"] is not None]
    if not active:
        return _over(store, launch, workers)
    state = next(s for s in ("running", "queued", "paused") if s in {g["state"] for g in active})
    furthest = max(active, key=lambda g: g["epochs"] - g["epoch"])
    asked = store.read(
        "SELECT kind FROM controls c JOIN groups g ON g.id = c.group_id WHERE g.launch = ? "
        "AND kind IN ('stop', 'pause', 'step') ORDER BY kind = 'stop' DESC, kind LIMIT 1",
        (launch,),
    )
    wish = asked[0]["kind"] if asked else None
    state = "paused" if wish == "step" else state
    return Progress(
        *(state, furthest["epoch"], furthest["epochs"], furthest["seconds_per_epoch"]),
        eta_seconds=None if state == "paused" else _eta(active, workers),
        ahead=_ahead(store, active) if state == "queued" else 0,
        workers=workers,
        asked=wish,
        speed=furthest["speed"],
    )


def _over(store: Store, launch: str, workers: int) -> Progress:
    rows = store.read("SELECT state, epochs_done FROM runs WHERE launch = ?", (launch,))
    states = {row["state"] for row in rows}
    state = next((s for s in ("failed", "stopped") if s in states), "finished")
    done = max((row["epochs_done"] for row in rows), default=0)
    return Progress(state, done, done, None, 0.0, 0, workers)


def _eta(active: Sequence[Row], workers: int) -> float | None:
    """Epochs left times seconds each, shared by the workers; groups not begun like those begun."""
    paces = [g["seconds_per_epoch"] for g in active if g["seconds_per_epoch"] is not None]
    if not paces:
        return None
    usual = sum(paces) / len(paces)
    left = [(g["epochs"] - g["epoch"]) * (g["seconds_per_epoch"] or usual) for g in active]
    return float(max(max(left), sum(left) / max(1, min(workers, len(left)))))


def _ahead(store: Store, active: Sequence[Row]) -> int:
    first = min((g["priority"], g["number"]) for g in active if g["state"] == "queued")
    rows = store.read(
        "SELECT count(*) AS n FROM groups WHERE state = 'queued' AND (priority, number) < (?, ?)",
        first,
    )
    return int(rows[0]["n"])
