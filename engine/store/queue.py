"""The queue of groups: taking the next one, giving it back, closing it.

A group is queued, running (leased to one process), paused or ended. A lease holds as long as its
process lives; each write of the holder checks that the lease is still its own.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from engine.config import RunConfig
from engine.errors import CounterweightError, StoreError
from engine.store.database import Row, Store, Transaction
from engine.store.launches import PRIORITIES
from engine.store.processes import Process, Watch
from engine.store.records import config_of, write_run_file

MOST_DEATHS = 3
_ENDED = "('stopped', 'finished', 'failed')"


class LeaseLost(CounterweightError):  # noqa: N818 (what happened, not a mistake)
    """Another process has taken the group over: this one must let go of it."""


@dataclass(frozen=True)
class Claim:
    """A group leased to `holder`.

    configs: run id -> config, in the order of the launch. numbers: run id -> number in the store.
    active: runs that have not ended. stopped: those of them the user stopped after the checkpoint.
    """

    group: str
    holder: Process
    priority: int
    configs: dict[str, RunConfig]
    numbers: dict[str, int]
    active: frozenset[str]
    stopped: tuple[str, ...]
    checkpoint: Path | None
    checkpoint_epoch: int


def claim_next(store: Store, me: Process, launch: str | None = None) -> Claim | None:
    """Lease the group that is next (urgent, lab, study; then oldest); None when none waits.

    Args:
        launch: only groups of this launch.
    """
    next_one = (
        "SELECT id FROM groups WHERE state = 'queued' AND launch = coalesce(?, launch) "
        "ORDER BY priority, number LIMIT 1"
    )
    if not store.read(next_one, (launch,)):
        return None  # without taking the write lock: idle workers ask often
    with store.transaction() as db:
        row = db.execute(next_one, (launch,)).fetchone()
        if row is None:
            return None
        db.execute(
            "UPDATE groups SET state = 'running', host = ?, pid = ?, start = ? WHERE id = ?",
            (me.host, me.pid, me.start, row["id"]),
        )
        try:
            return begin(store, db, row["id"], me)
        except StoreError as error:  # written by another version: it must not block the queue
            end_runs(store, db, row["id"], "failed", str(error))
            return None


def claim_held(store: Store, group: str, me: Process) -> Claim:
    """The claim of a group that was made for this process and never waited in the queue."""
    with store.transaction() as db:
        return begin(store, db, group, me)


def begin(store: Store, db: Transaction, group: str, me: Process) -> Claim:
    """Ready a leased group to train from its checkpoint: epochs after it go and come anew.

    Raises:
        StoreError: another version of Counterweight wrote the group's settings.
    """
    row = db.execute("SELECT * FROM groups WHERE id = ?", (group,)).fetchone()
    runs = db.execute("SELECT * FROM runs WHERE group_id = ? ORDER BY number", (group,)).fetchall()
    claim = Claim(
        group=group,
        holder=me,
        priority=row["priority"],
        configs={run["id"]: config_of(run) for run in runs},
        numbers={run["id"]: run["number"] for run in runs},
        active=frozenset(run["id"] for run in runs if not run["settled"]),
        stopped=tuple(r["id"] for r in runs if r["state"] == "stopped" and not r["settled"]),
        checkpoint=store.home / "checkpoints" / row["checkpoint"] if row["checkpoint"] else None,
        checkpoint_epoch=row["checkpoint_epoch"],
    )
    hold(db, claim)
    forget_after(db, group, claim.checkpoint_epoch)
    # A run that ended after the checkpoint trains to its end once more.
    db.execute(
        "UPDATE runs SET state = 'running', started = coalesce(started, ?), ended = NULL, "
        "results = '{}' WHERE group_id = ? AND NOT settled",
        (time.time(), group),
    )
    return claim


def forget_after(db: Transaction, group: str, epoch: int) -> None:
    """Delete what the group's runs stored of later epochs."""
    of_group = "(SELECT number FROM runs WHERE group_id = ?)"
    for table in ("epochs", "snapshots"):
        db.execute(f"DELETE FROM {table} WHERE epoch > ? AND run IN {of_group}", (epoch, group))
    db.execute(
        "UPDATE runs SET epochs_done = ? WHERE group_id = ? AND epochs_done > ? AND NOT settled",
        (epoch, group, epoch),
    )


def hold(db: Transaction, claim: Claim) -> None:
    """Check, inside a transaction, that the lease is still the claim's own.

    Raises:
        LeaseLost: it is not.
    """
    me = claim.holder
    row = db.execute(
        "SELECT 1 FROM groups WHERE id = ? AND state = 'running' AND host = ? AND pid = ? "
        "AND start = ?",
        (claim.group, me.host, me.pid, me.start),
    ).fetchone()
    if row is None:
        raise LeaseLost(f"Group {claim.group} has been taken over by another worker.")


def mark_checkpoint(db: Transaction, claim: Claim, path: Path, epoch: int) -> None:
    """Make `path`, the state after `epoch` whole epochs, what the group goes on from."""
    hold(db, claim)
    db.execute(
        "UPDATE groups SET checkpoint = ?, checkpoint_epoch = ?, deaths = 0 WHERE id = ?",
        (path.name, epoch, claim.group),
    )
    db.execute(
        f"UPDATE runs SET settled = 1 WHERE group_id = ? AND state IN {_ENDED}", (claim.group,)
    )
    forget_after(db, claim.group, epoch)


def release(db: Transaction, claim: Claim, state: Literal["queued", "paused"]) -> None:
    """Give the group back, to go on later from its last checkpoint."""
    hold(db, claim)
    set_waiting(db, claim.group, state)


def bury(store: Store, db: Transaction, claim: Claim) -> None:
    """Give back a group whose trainer's process has died: as `reclaim` does when the holder has."""
    hold(db, claim)
    db.execute("UPDATE groups SET deaths = deaths + 1 WHERE id = ?", (claim.group,))
    _after_death(store, db, claim.group)


def set_waiting(db: Transaction, group: str, state: Literal["queued", "paused"]) -> None:
    """Make an unleased group, and its runs that have not ended, wait."""
    db.execute(
        "UPDATE groups SET state = ?, host = NULL, pid = NULL, start = NULL WHERE id = ?",
        (state, group),
    )
    db.execute(
        f"UPDATE runs SET state = ? WHERE group_id = ? AND state NOT IN {_ENDED}", (state, group)
    )
    if state == "paused":
        db.execute("DELETE FROM controls WHERE group_id = ? AND kind = 'pause'", (group,))
        # A step goes before everything else; what follows it does not.
        launch = db.execute(
            "SELECT priority FROM launches WHERE id = (SELECT launch FROM groups WHERE id = ?)",
            (group,),
        ).fetchone()
        db.execute(
            "UPDATE groups SET priority = ? WHERE id = ?", (PRIORITIES[launch["priority"]], group)
        )


def end_group(db: Transaction, group: str) -> None:
    """Close a group: nothing of it will train again."""
    db.execute(
        "UPDATE groups SET state = 'ended', host = NULL, pid = NULL, start = NULL, "
        "checkpoint = NULL WHERE id = ?",
        (group,),
    )
    db.execute("DELETE FROM controls WHERE group_id = ?", (group,))


def end_runs(
    store: Store, db: Transaction, group: str, state: Literal["failed", "stopped"], error: str = ""
) -> None:
    """End every run of the group that has not ended, as it stands, and close the group."""
    rows = db.execute(
        f"SELECT id FROM runs WHERE group_id = ? AND state NOT IN {_ENDED}", (group,)
    ).fetchall()
    for row in rows:
        db.execute(
            "UPDATE runs SET state = ?, ended = ?, error = ? WHERE id = ?",
            (state, time.time(), error or None, row["id"]),
        )
        write_run_file(store, db, row["id"])
    end_group(db, group)


def others_first(store: Store, priority: int) -> bool:
    """Whether a group waits that goes before one of that priority."""
    return bool(
        store.read(
            "SELECT 1 FROM groups WHERE state = 'queued' AND priority < ? LIMIT 1", (priority,)
        )
    )


def reclaim(store: Store, watch: Watch) -> int:
    """Queue again the groups whose holders have died; their number.

    A group that has outlived MOST_DEATHS holders without a checkpoint in between fails.
    """
    rows = store.read(
        "SELECT g.id, g.host, g.pid, g.start, coalesce(w.beat, 0) AS beat FROM groups g "
        "LEFT JOIN workers w ON w.host = g.host AND w.pid = g.pid AND w.start = g.start "
        "WHERE g.state = 'running'"
    )
    dead = [row for row in rows if watch.dead(_holder(row), row["beat"])]
    return sum(_take_from_dead(store, row) for row in dead)


def _holder(row: Row) -> Process:
    return Process(row["host"], row["pid"], row["start"])


def _take_from_dead(store: Store, row: Row) -> int:
    with store.transaction() as db:
        cursor = db.execute(
            "UPDATE groups SET deaths = deaths + 1 WHERE id = ? AND state = 'running' "
            "AND host = ? AND pid = ? AND start = ?",
            tuple(row)[:4],
        )
        if cursor.rowcount == 0:
            return 0  # somebody else was quicker
        _after_death(store, db, row["id"])
        return 1


def _after_death(store: Store, db: Transaction, group: str) -> None:
    deaths = db.execute("SELECT deaths FROM groups WHERE id = ?", (group,)).fetchone()["deaths"]
    if deaths < MOST_DEATHS:
        set_waiting(db, group, "queued")
    else:
        end_runs(
            store,
            db,
            group,
            "failed",
            f"The worker process died {MOST_DEATHS} times while training this; "
            "it may need more memory than there is.",
        )
