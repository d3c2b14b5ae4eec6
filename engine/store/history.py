"""Epochs in the store: written one group and epoch a transaction, read as one long frame."""

from __future__ import annotations

import math
import time
from collections.abc import Mapping, Sequence
from typing import Literal

import numpy as np
import pandas as pd
from safetensors.numpy import save

from engine.errors import StoreError
from engine.events import EPOCH_COLUMNS, LAST, MAP_SIZE, REACH, EpochDone, GroupEpoch, RunDone
from engine.store.database import Store, Transaction
from engine.store.groups import Claim, end_group, hold
from engine.store.launches import PRIORITIES
from engine.store.records import Snapshot, arrays_path, to_json, write_atomically, write_run_file

# Columns of `snapshots` by their names in EpochDone, and what their bytes are.
SNAPSHOT = {
    "histogram": "<i4",
    "decile_map": "<f4",
    "frontier": "<f8",
    "histogram_all": "<i4",
    "decile_map_all": "<f4",
}
_INSERT_EPOCH = (
    f"INSERT OR REPLACE INTO epochs (run, epoch, {', '.join(EPOCH_COLUMNS)}) "
    f"VALUES (?, ?{', ?' * len(EPOCH_COLUMNS)})"
)


def record(
    store: Store, claim: Claim, event: GroupEpoch, seconds: float | None = None, last: bool = False
) -> None:
    """Store all that one event tells, in one transaction; of a study's runs the best epoch only.

    Args:
        seconds: wall seconds this epoch took, for the group's running mean.
        last: the group is over: none of its runs still trains.

    Raises:
        StoreError: the store cannot be written.
        LeaseLost: another worker has taken the group meanwhile.
    """
    for done in event.done:
        if done.arrays:
            arrays = {
                name: np.ascontiguousarray(value)
                for name, value in done.arrays.items()
                if not (name.startswith(LAST) and claim.priority == PRIORITIES["study"])
            }
            with store.in_words():
                write_atomically(arrays_path(store.home, done.run), save(arrays))
    with store.transaction() as db:
        hold(db, claim)
        numbers = {run: claim.numbers[run] for run in claim.configs}
        db.executemany(_INSERT_EPOCH, [_epoch_row(numbers[e.run], e) for e in event.runs])
        db.executemany(
            f"INSERT OR REPLACE INTO snapshots (run, epoch, {', '.join(SNAPSHOT)}) "
            f"VALUES (?, ?{', ?' * len(SNAPSHOT)})",
            [_snapshot_row(numbers[e.run], e) for e in event.runs if e.histogram is not None],
        )
        db.executemany(
            f"INSERT OR REPLACE INTO reaches (run, epoch, {', '.join(REACH)}) "
            f"VALUES (?, ?{', ?' * len(REACH)})",
            [
                (numbers[e.run], e.epoch, *(getattr(e, name) for name in REACH))
                for e in event.runs
                if e.reach is not None
            ],
        )
        db.executemany(
            "UPDATE runs SET epochs_done = ?, edited = edited OR ? WHERE number = ?",
            [(e.epoch, e.edited, numbers[e.run]) for e in event.runs],
        )
        if seconds is not None:
            db.execute(
                "UPDATE groups SET seconds_per_epoch = "
                "coalesce(0.7 * seconds_per_epoch + 0.3 * ?, ?) WHERE id = ?",
                (seconds, seconds, claim.group),
            )
        for done in event.done:
            _end_run(store, db, done)
        if last:
            end_group(db, claim.group)


def _epoch_row(number: int, event: EpochDone) -> tuple[int | float | None, ...]:
    columns = event.columns()
    unknown = columns.keys() - set(EPOCH_COLUMNS)
    if unknown:
        raise ValueError(f"EPOCH_COLUMNS in engine/events.py lacks {', '.join(sorted(unknown))}")
    values = (columns.get(name) for name in EPOCH_COLUMNS)
    return (number, event.epoch, *(None if v is None else float(v) for v in values))


def _snapshot_row(number: int, event: EpochDone) -> tuple[int | bytes | None, ...]:
    def blob(array: np.ndarray | None, kind: str) -> bytes | None:
        return None if array is None else np.ascontiguousarray(array, dtype=kind).tobytes()

    return (number, event.epoch, *(blob(getattr(event, k), kind) for k, kind in SNAPSHOT.items()))


def _end_run(store: Store, db: Transaction, done: RunDone) -> None:
    results = {
        "validation": done.validation,
        "test": done.test,
        "test_clean": done.test_clean,
        "true_loss": done.true_loss,
        "facts": done.facts,
    }
    seconds = done.epoch_seconds
    db.execute(
        "UPDATE runs SET state = ?, ended = ?, epochs_done = ?, best_epoch = ?, "
        "epoch_seconds = ?, error = ?, results = ? WHERE id = ?",
        (
            *(done.state, time.time(), done.epochs, done.best_epoch),
            seconds if seconds is not None and math.isfinite(seconds) else None,
            *(done.error, to_json(results), done.run),
        ),
    )
    write_run_file(store, db, done.run)


def read_epochs(
    store: Store,
    runs: Sequence[str],
    columns: Sequence[str] | None = None,
    after: Mapping[str, int] | None = None,
) -> pd.DataFrame:
    """Every stored epoch of `runs`: run, epoch and `columns` (all when None), NaN for missing.

    Args:
        after: run -> the last epoch the caller has already; only later ones come for that run.

    Raises:
        StoreError: an unknown run or column.
    """
    names = list(EPOCH_COLUMNS) if columns is None else list(columns)
    for name in names:
        if name not in EPOCH_COLUMNS:
            raise StoreError(
                f"There is no epoch column {name!r}; there are {', '.join(EPOCH_COLUMNS)}."
            )
    wanted = tuple(dict.fromkeys(runs))
    numbers = run_numbers(store, wanted)
    select = f"SELECT {', '.join(['epoch', *names])} FROM epochs WHERE run = ? AND epoch > ?"
    parts = []
    for run in wanted:
        rows = store.read_tuples(select, (numbers[run], (after or {}).get(run, -1)))
        parts.append(np.array(rows, dtype=np.float64).reshape(-1, len(names) + 1))
    table = np.concatenate([np.empty((0, len(names) + 1)), *parts])
    frame = pd.DataFrame(table[:, 1:], columns=names)
    frame.insert(0, "run", np.repeat(np.array(wanted, dtype=object), [len(p) for p in parts]))
    frame.insert(1, "epoch", table[:, 0].astype(np.int64))
    return frame


def run_numbers(store: Store, runs: Sequence[str]) -> dict[str, int]:
    """The store's own number of every run.

    Raises:
        StoreError: an unknown run.
    """
    numbers = {}
    for run in runs:
        rows = store.read("SELECT number FROM runs WHERE id = ?", (run,))
        if not rows:
            raise StoreError(f"There is no run {run!r} in {store.home}.")
        numbers[run] = int(rows[0]["number"])
    return numbers


def read_snapshot(
    store: Store,
    run: str,
    epoch: int | None = None,
    block: Literal["observed", "all"] = "observed",
) -> Snapshot:
    """The aggregate weights of one epoch; of the latest that has them when `epoch` is None.

    Args:
        block: the weights on B, or those on D, which are kept of some epochs only.

    Raises:
        StoreError: an unknown run, or no such weights were kept of that epoch.
    """
    number = run_numbers(store, (run,))[run]
    suffix = "" if block == "observed" else "_all"
    which, values = ("AND epoch = ?", (number, epoch)) if epoch is not None else ("", (number,))
    if suffix:
        which += " AND histogram_all IS NOT NULL"
    rows = store.read(
        f"SELECT * FROM snapshots WHERE run = ? {which} ORDER BY epoch DESC LIMIT 1", values
    )
    if not rows:
        when = "yet" if epoch is None else f"of epoch {epoch}"
        where = " on all pairs" if suffix else ""
        raise StoreError(f"Run {run} has no weights{where} {when}.")
    row = rows[0]
    histogram, decile_map = row[f"histogram{suffix}"], row[f"decile_map{suffix}"]
    return Snapshot(
        run,
        int(row["epoch"]),
        None if histogram is None else np.frombuffer(histogram, "<i4"),
        None
        if decile_map is None
        else np.frombuffer(decile_map, "<f4").reshape(MAP_SIZE, MAP_SIZE),
    )


def kept_epochs(store: Store, run: str, what: str) -> list[int]:
    """The epochs of which a run keeps a column of `snapshots`, in order.

    Raises:
        StoreError: an unknown run.
    """
    number = run_numbers(store, (run,))[run]
    rows = store.read(
        f"SELECT epoch FROM snapshots WHERE run = ? AND {what} IS NOT NULL ORDER BY epoch",
        (number,),
    )
    return [int(row["epoch"]) for row in rows]
