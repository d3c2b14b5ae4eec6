"""The driver of a Dask cluster: its workers train what waits in the queue, and it keeps the store.

It takes groups from the queue as a local worker does. SIGINT, SIGTERM, or the end of the app it
belongs to: every group is checkpointed and given back to the queue. A worker that is lost costs
what its group has trained since the last checkpoint; the scheduler lost ends the driver.
"""

from __future__ import annotations

import argparse
import contextlib
import sys
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from engine.errors import StoreError
from engine.jobs import scheduler
from engine.jobs.dispatch import Dispatcher
from engine.jobs.drive import CHECKPOINT_SECONDS
from engine.jobs.worker import (
    CHORES_SECONDS,
    in_words,
    lower_priority,
    on_signals,
    seconds_between_checkpoints,
)
from engine.store.processes import Process
from engine.store.rebuild import open_store
from engine.store.roster import register, unregister


def serve_cluster(
    home: Path,
    address: str,
    *,
    quit_asked: Callable[[], bool] = lambda: False,
    on_trouble: Callable[[str], object] = lambda sentence: None,
    parent: Process | None = None,
    checkpoint_seconds: float = CHECKPOINT_SECONDS,
) -> None:
    """Work the queue of the store at `home` on the cluster of the Dask scheduler at `address`.

    Args:
        quit_asked: polled; True means give every group back to the queue and return.
        on_trouble: called with one sentence about a worker that cannot serve or is lost.
        parent: the process that this one belongs to, as the list of workers shows it.

    Raises:
        ConfigError: no scheduler answers there.
        ClusterError: distributed is not installed, no worker has this version, or the scheduler is
            lost; no group is left behind as running.
        StoreError: the store cannot be used (any more).
    """
    client = scheduler.connect(address)
    try:
        store, me = open_store(home), Process.here()
        try:
            register(store, me, parent)
            Dispatcher(
                *(store, me, client, address, quit_asked, on_trouble, checkpoint_seconds)
            ).work()
        except StoreError:
            if store.is_current():
                raise
        finally:
            with contextlib.suppress(StoreError):
                unregister(store, me)
            store.close()
    finally:
        client.close()


def run_cluster(home: Path, address: str, parent: Process | None = None) -> int:
    """A driver at low priority that listens to signals; its exit code."""
    asked = threading.Event()
    on_signals(asked.set)
    next_look = 0.0

    def quit_asked() -> bool:
        nonlocal next_look
        if parent is not None and time.monotonic() >= next_look:
            next_look = time.monotonic() + CHORES_SECONDS
            if not parent.alive():
                asked.set()
        return asked.is_set()

    def tell(sentence: str) -> None:
        sys.stderr.write(f"{sentence}\n")
        sys.stderr.flush()

    def work() -> None:
        scheduler.quiet()
        serve_cluster(
            *(home, address),
            quit_asked=quit_asked,
            on_trouble=tell,
            parent=parent,
            checkpoint_seconds=seconds_between_checkpoints(),
        )

    lower_priority()
    return in_words(work)


def main(arguments: Sequence[str] | None = None) -> int:
    """`python -m engine.jobs.cluster --home DIR --scheduler ADDRESS [--parent PID:START]`."""
    parser = argparse.ArgumentParser(prog="engine.jobs.cluster", description=__doc__.split("\n")[0])
    parser.add_argument("--home", type=Path, required=True, help="where runs live")
    parser.add_argument("--scheduler", required=True, help=scheduler.ALLOWED)
    parser.add_argument("--parent", type=Process.parse, help="PID:START of the app it belongs to")
    given = parser.parse_args(arguments)
    return run_cluster(given.home, given.scheduler, given.parent)


if __name__ == "__main__":
    sys.exit(main())
