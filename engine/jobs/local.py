"""Training in this process: what the command line and notebooks use. Imports torch."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

from engine.config import RunConfig
from engine.events import Event
from engine.jobs.building import build, tuned
from engine.jobs.drive import CHECKPOINT_SECONDS, drive
from engine.jobs.trains import Build
from engine.store.database import Store
from engine.store.launches import URGENT, create_launch
from engine.store.processes import Process
from engine.store.queue import claim_held, claim_next
from engine.store.records import Launch


def train_here(
    store: Store,
    configs: Sequence[RunConfig],
    *,
    twins: bool = True,
    on_launch: Callable[[Launch], object] = lambda launch: None,
    on_event: Callable[[Event], object] = lambda event: None,
    quit_asked: Callable[[], bool] = lambda: False,
    checkpoint_seconds: float = CHECKPOINT_SECONDS,
    build: Build = build,
) -> Launch:
    """Train `configs` and their twins now, in this process; returns when the last run has ended.

    It is a launch like any other: a lab on the same runs folder shows it while it trains, and may
    pause or stop it. What is left (`quit_asked`, Ctrl-C, a pause) goes to the queue or stays
    paused, and a worker goes on from there.

    Args:
        on_launch: called once, before training, with the ids of the runs.
        on_event: called with every event, once it is stored.

    Raises:
        ConfigError: no configs.
        StoreError: the store cannot be written.
    """
    me = Process.here()
    launch = create_launch(store, configs, twins=twins, holder=me)
    on_launch(launch)
    rows = store.read("SELECT id FROM groups WHERE launch = ? ORDER BY number", (launch.id,))
    waiting = [row["id"] for row in rows]
    try:
        while waiting and not quit_asked():
            claim = claim_held(store, waiting.pop(0), me)
            with tuned():
                drive(
                    *(store, claim, build),
                    on_event=on_event,
                    quit_asked=quit_asked,
                    checkpoint_seconds=checkpoint_seconds,
                )
    finally:
        for group in waiting:
            give_back(store, group, me)
    return launch


def work_on(
    store: Store,
    launch: str,
    *,
    on_event: Callable[[Event], object] = lambda event: None,
    build: Build = build,
) -> None:
    """Train the groups of a launch that wait in the queue, here, until none of it waits any more.

    Workers may take some of them meanwhile. Nothing that waits for the workers goes first: this
    process was asked for this launch. Ctrl-C leaves the rest in the queue.

    Raises:
        StoreError: the store cannot be written.
    """
    me = Process.here()
    while (claim := claim_next(store, me, launch)) is not None:
        with tuned():
            drive(store, replace(claim, priority=URGENT), build, on_event=on_event)


def give_back(store: Store, group: str, me: Process) -> None:
    """Put a group that this process never began into the queue."""
    with store.transaction() as db:
        db.execute(
            "UPDATE groups SET state = 'queued', host = NULL, pid = NULL, start = NULL "
            "WHERE id = ? AND state = 'running' AND pid = ? AND start = ?",
            (group, me.pid, me.start),
        )
