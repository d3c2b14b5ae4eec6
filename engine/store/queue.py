"""The queue of groups: taking the next one, giving it back, closing it.

A group is queued, running (leased to one process), paused or ended (`engine.store.groups`).
"""

from __future__ import annotations

import time

from engine.errors import StoreError
from engine.store.database import Row, Store, Transaction
from engine.store.groups import Claim, end_runs, forget_after, hold, set_waiting
from engine.store.processes import Process, Watch
from engine.store.records import config_of

MOST_DEATHS = 3


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


def bury(store: Store, db: Transaction, claim: Claim) -> None:
    """Give back a group whose trainer's process has died: as `reclaim` does when the holder has."""
    hold(db, claim)
    db.execute("UPDATE groups SET deaths = deaths + 1 WHERE id = ?", (claim.group,))
    _after_death(store, db, claim.group)


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
