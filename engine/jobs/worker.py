"""A worker process: takes groups from the queue and trains them, one after the other.

SIGINT, SIGTERM, or the end of the app it belongs to: it checkpoints, gives the group back to the
queue and exits. A worker without a parent runs until Ctrl-C.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import signal
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

import psutil

from engine.config import RunConfig
from engine.errors import ConfigError, CounterweightError, StoreError
from engine.jobs.drive import CHECKPOINT_SECONDS, drive
from engine.jobs.trains import Build, Trains
from engine.store.database import Store
from engine.store.processes import Process, Watch
from engine.store.queue import claim_next, reclaim
from engine.store.rebuild import open_store
from engine.store.roster import beat, register, unregister
from engine.studies.running import Advancing

POLL_SECONDS = 0.08
CHORES_SECONDS = 1.0
BEAT_SECONDS = 5.0


class _Quit:
    """Whether to end: a signal came, the parent or the store is gone. Beats the heart too."""

    def __init__(self, store: Store, me: Process, parent: Process | None) -> None:
        self.store, self.me, self.parent = store, me, parent
        self.asked = False
        self.breakable = False
        self.next_look = self.next_beat = 0.0
        on_signals(self._signalled)

    def _signalled(self) -> None:
        self.asked = True
        if self.breakable:
            raise KeyboardInterrupt

    def __call__(self) -> bool:
        now = time.monotonic()
        if not self.asked and now >= self.next_look:
            self.next_look = now + CHORES_SECONDS
            orphaned = self.parent is not None and not self.parent.alive()
            self.asked = orphaned or not self.store.is_current()
        if now >= self.next_beat:
            self.next_beat = now + BEAT_SECONDS
            beat(self.store, self.me)
        return self.asked

    @contextlib.contextmanager
    def loading(self) -> Iterator[None]:
        """A stretch without blocks, which a signal may cut short."""
        self.breakable = True
        try:
            if self.asked:
                raise KeyboardInterrupt
            yield
        finally:
            self.breakable = False


def on_signals(tell: Callable[[], None]) -> None:
    """Call `tell` at each signal that asks this process to end."""
    for name in ("SIGINT", "SIGTERM", "SIGBREAK"):
        if hasattr(signal, name):
            signal.signal(getattr(signal, name), lambda number, frame: tell())


def serve(
    home: Path,
    build: Build,
    parent: Process | None = None,
    checkpoint_seconds: float = CHECKPOINT_SECONDS,
) -> None:
    """Work the queue of the store at `home` until asked to quit.

    Raises:
        StoreError: the store cannot be used (any more).
    """
    store, me = open_store(home), Process.here()
    quit_asked = _Quit(store, me, parent)
    register(store, me, parent)

    def build_breakable(configs: Mapping[str, RunConfig]) -> Trains:
        with quit_asked.loading():
            return build(configs)

    try:
        _work(store, me, build_breakable, quit_asked, checkpoint_seconds)
        unregister(store, me)
    except StoreError:
        if store.is_current():
            raise
        return  # moved away: nobody waits for what this worker could still write
    finally:
        store.close()


def _work(
    store: Store,
    me: Process,
    build: Build,
    quit_asked: _Quit,
    checkpoint_seconds: float,
) -> None:
    watch, next_chores, next_stage = Watch(), 0.0, 0.0
    studies = Advancing(store)
    while not quit_asked():
        if time.monotonic() >= next_chores:
            next_chores = time.monotonic() + CHORES_SECONDS
            reclaim(store, watch)
        claim = claim_next(store, me)
        if claim is None:
            if time.monotonic() >= next_stage:  # a study may have another stage to launch
                next_stage = time.monotonic() + CHORES_SECONDS
                studies.look()
            store.back_up()
            time.sleep(POLL_SECONDS)
            continue
        with contextlib.suppress(KeyboardInterrupt):  # cut short while loading: `quit_asked` knows
            drive(
                *(store, claim, build),
                quit_asked=quit_asked,
                checkpoint_seconds=checkpoint_seconds,
            )


def run_worker(home: Path, parent: Process | None = None) -> int:
    """A worker at low priority with torch and the trainer loaded; its exit code."""
    lower_priority()

    def work() -> None:
        from engine.jobs.building import build, tuned, warm_up  # seconds: before the first job

        warm_up()
        with tuned():
            serve(home, build, parent, seconds_between_checkpoints())

    return in_words(work)


def seconds_between_checkpoints() -> float:
    """At most so many while a group trains: COUNTERWEIGHT_CHECKPOINT_SECONDS, else 30."""
    return float(os.environ.get("COUNTERWEIGHT_CHECKPOINT_SECONDS", CHECKPOINT_SECONDS))


def in_words(work: Callable[[], None]) -> int:
    """Do `work`; what cannot be used becomes one sentence and the exit code of the command line."""
    try:
        work()
    except KeyboardInterrupt:  # before the worker listens to signals itself
        return 130
    except CounterweightError as error:
        sys.stderr.write(f"{error}\n")
        return 2 if isinstance(error, ConfigError) else 1
    return 0


def lower_priority() -> None:
    """Let everything else on the machine go first."""
    if hasattr(os, "nice"):
        os.nice(10)
    elif psutil.WINDOWS:
        psutil.Process().nice(psutil.BELOW_NORMAL_PRIORITY_CLASS)


def main(arguments: Sequence[str] | None = None) -> int:
    """`python -m engine.jobs.worker --home DIR [--parent PID:START]`."""
    parser = argparse.ArgumentParser(prog="engine.jobs.worker", description=__doc__.split("\n")[0])
    parser.add_argument("--home", type=Path, required=True, help="where runs live")
    parser.add_argument("--parent", type=Process.parse, help="PID:START of the app it belongs to")
    given = parser.parse_args(arguments)
    return run_worker(given.home, given.parent)


if __name__ == "__main__":
    sys.exit(main())
