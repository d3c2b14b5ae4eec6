"""Trials become runs of the store like any others: found there, or queued and trained.

New runs wait in the queue with the priority of a study. This process works on them, and so does
any worker of the same runs folder; an interrupted run goes on from its checkpoint.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence

from engine.config import RunConfig
from engine.events import ENDED, Event, GroupEpoch
from engine.jobs.local import work_on
from engine.store.controls import ask
from engine.store.database import Row, Store
from engine.store.finished import finished_runs
from engine.store.launches import create_launch
from engine.store.processes import Watch
from engine.store.queue import reclaim
from engine.store.records import RunRecord
from engine.store.reports import read_run

POLL_SECONDS = 0.2


def runs_for(
    store: Store, configs: Mapping[int, RunConfig], known: Mapping[int, str], reuse: bool
) -> dict[int, str]:
    """Trial -> run: the one it has, else a finished one of the same fingerprint, else a new one.

    Args:
        known: trials whose run is known; one that the store no longer holds is looked for anew.
        reuse: whether any finished run of the store may serve.
    """
    held = {row["id"] for row in _rows(store, list(known.values()))}
    runs = {number: run for number, run in known.items() if run in held}
    prints = {n: c.fingerprint() for n, c in configs.items() if n not in runs}
    found = finished_runs(store, prints.values()) if reuse else {}
    runs |= {number: found[p] for number, p in prints.items() if p in found}
    new = [number for number in configs if number not in runs]
    if new:
        launch = create_launch(store, [configs[n] for n in new], twins=False, priority="study")
        runs |= dict(zip(new, launch.runs, strict=True))
    return runs


def follow(
    store: Store,
    runs: Sequence[str],
    on_end: Callable[[RunRecord], object],
    on_step: Callable[[float], object],
) -> None:
    """Train the runs, or wait for whoever trains them, until all have ended.

    Args:
        on_end: called once with every run that has ended, as soon as that is seen.
        on_step: called after every epoch with how much of the others is done, in runs.

    Raises:
        StoreError: the store cannot be used.
    """
    left = list(dict.fromkeys(runs))

    def look(event: Event | None = None) -> None:
        if event is not None and not isinstance(event, GroupEpoch):
            return
        rows = _rows(store, left)
        for row in rows:
            if row["state"] in ENDED:
                left.remove(row["id"])
                on_end(read_run(store, row["id"]))
        on_step(sum(row["share"] for row in rows if row["id"] in left))

    look()
    launches = dict.fromkeys(row["launch"] for row in _rows(store, left))
    for launch in launches:
        ask(store, launch, "resume")  # paused by hand: this command asks for it again
    watch = Watch()
    while left:
        for launch in launches:
            work_on(store, launch, on_event=look)
        look()
        if left:  # a worker has some
            time.sleep(POLL_SECONDS)
            reclaim(store, watch)


def _rows(store: Store, runs: Sequence[str]) -> list[Row]:
    return store.read(
        "SELECT id, launch, state, epochs_done * 1.0 / json_extract(config, '$.epochs') AS share "
        f"FROM runs WHERE id IN ({', '.join('?' * len(runs))}) ORDER BY number",
        runs,
    )
