"""What a user asks of runs under way. Requests wait in a table that the drivers poll.

A request is a kind with a JSON payload. A group nobody trains needs no request: it is changed here.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from engine.store.database import Row, Store, Transaction
from engine.store.groups import end_runs, set_waiting
from engine.store.launches import URGENT, find_launch
from engine.store.records import to_json

Kind = Literal["pause", "resume", "stop"]


@dataclass(frozen=True)
class Control:
    """One request to whoever trains the group, with its JSON payload.

    kind: pause, stop, step, lam, or checkpoint.
    """

    number: int
    kind: str
    payload: str


def pending(store: Store, group: str) -> Sequence[Control]:
    """What is asked of the group and not done yet, oldest first."""
    rows = store.read("SELECT * FROM controls WHERE group_id = ? ORDER BY number", (group,))
    return [Control(row["number"], row["kind"], row["payload"]) for row in rows]


def ask(store: Store, launch: str, kind: Kind) -> None:
    """Pause, resume or stop every group of a launch; groups it does not apply to stay as they are.

    Raises:
        StoreError: there is no such launch.
    """
    find_launch(store, launch)
    act = {"pause": _pause, "resume": _resume, "stop": _stop}[kind]
    with store.transaction() as db:
        for group in db.execute(
            "SELECT * FROM groups WHERE launch = ? AND state <> 'ended' ORDER BY number", (launch,)
        ).fetchall():
            act(store, db, group)


def _pause(store: Store, db: Transaction, group: Row) -> None:
    drop(db, group["id"], "step")
    if group["state"] == "queued":
        set_waiting(db, group["id"], "paused")
    elif group["state"] == "running":
        request(db, group["id"], "pause")


def _resume(store: Store, db: Transaction, group: Row) -> None:
    if group["state"] == "paused":
        set_waiting(db, group["id"], "queued")
    else:  # what has not come about yet is taken back
        drop(db, group["id"], "pause")
        drop(db, group["id"], "step")


def drop(db: Transaction, group: str, kind: str) -> None:
    """Take back what is asked of a group and has not come about."""
    db.execute("DELETE FROM controls WHERE group_id = ? AND kind = ?", (group, kind))


def _stop(store: Store, db: Transaction, group: Row) -> None:
    if group["state"] == "running":
        request(db, group["id"], "stop")
    elif group["checkpoint"] is None:
        end_runs(store, db, group["id"], "stopped")
    else:  # the test metrics of its best epoch need a trainer, before anything else is trained
        request(db, group["id"], "stop")
        db.execute("UPDATE groups SET priority = ? WHERE id = ?", (URGENT, group["id"]))
        set_waiting(db, group["id"], "queued")


def request(
    db: Transaction,
    group: str,
    kind: str,
    payload: dict[str, Any] | None = None,
    once: bool = True,
) -> None:
    """Ask whoever trains the group; `once`: not if the same is asked already."""
    if not (once and asks_for(db, group, kind)):
        db.execute(
            "INSERT INTO controls (group_id, kind, payload, created) VALUES (?, ?, ?, ?)",
            (group, kind, to_json(payload or {}), time.time()),
        )


def taken(db: Transaction, numbers: Iterable[int]) -> int:
    """Delete requests that are done; how many of them were still asked for."""
    return sum(
        db.execute("DELETE FROM controls WHERE number = ?", (number,)).rowcount
        for number in numbers
    )


def asks_for(db: Transaction, group: str, kind: str) -> bool:
    """Whether such a request waits."""
    where = "SELECT 1 FROM controls WHERE group_id = ? AND kind = ? LIMIT 1"
    return db.execute(where, (group, kind)).fetchone() is not None
