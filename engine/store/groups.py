"""What happens to one group in the store: its lease, its checkpoint, waiting and ending.

A lease holds as long as its process lives; each write of the holder checks that the lease is still
its own.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from engine.config import RunConfig
from engine.errors import CounterweightError
from engine.store.database import Store, Transaction
from engine.store.launches import PRIORITIES
from engine.store.processes import Process
from engine.store.records import write_run_file

BY_EPOCH = ("epochs", "snapshots", "reaches")  # tables with rows of a run's epochs
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


def forget_after(db: Transaction, group: str, epoch: int) -> None:
    """Delete what the group's runs stored of later epochs."""
    of_group = "(SELECT number FROM runs WHERE group_id = ?)"
    for table in BY_EPOCH:
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
