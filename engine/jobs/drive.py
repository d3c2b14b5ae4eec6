"""Driving a trainer: its events become rows, and what the user asks reaches it at every block.

Used by worker processes and, in their own process, by the command line and notebooks.
"""

from __future__ import annotations

import contextlib
import time
import traceback
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from typing import Any, Literal, Protocol

import torch

from engine.config import RunConfig
from engine.errors import CounterweightError, StoreError
from engine.events import BlockDone, Event, GroupEpoch, RunDone
from engine.store import checkpoints, controls
from engine.store.database import Store
from engine.store.history import record
from engine.store.queue import Claim, LeaseLost, bury, mark_checkpoint, others_first, release

POLL_SECONDS = 0.05
CHECKPOINT_SECONDS = 30.0
CHECKPOINT_SHARE = 20  # a checkpoint that took a second is not followed by another within 20
LOG = "errors.log"

Left = Literal["ended", "paused", "queued", "lost"]


class Trains(Protocol):
    """What is driven: see `engine.training.trainer.Trainer`."""

    def events(self) -> Iterator[Event]:
        """Train; yield after every block and epoch until every run has ended."""

    def state(self) -> tuple[dict[str, torch.Tensor], dict[str, Any]]:
        """All that going on bit for bit needs; callable after any event."""

    def restore(self, tensors: dict[str, torch.Tensor], meta: dict[str, Any]) -> None:
        """Take up a state, before `events`."""

    def stop(self, run: str) -> None:
        """End that run at the next block boundary; without effect on one that has ended."""


Build = Callable[[Mapping[str, RunConfig]], Trains]


class TrainerGone(Exception):  # noqa: N818 (what happened to the trainer, not its mistake)
    """The trainer is out of reach (its process died, say): no fault of the runs, which go on later.

    died: whether its process died of it, which is counted as it is of a local worker.
    """

    def __init__(self, sentence: str, *, died: bool = False) -> None:
        super().__init__(sentence)
        self.died = died


class _Broken(Exception):  # noqa: N818 (carries the sentence that the runs fail with)
    """The trainer raised; the message is the user's to read."""


def drive(
    store: Store,
    claim: Claim,
    build: Build,
    *,
    on_event: Callable[[Event], object] = lambda event: None,
    quit_asked: Callable[[], bool] = lambda: False,
    checkpoint_seconds: float = CHECKPOINT_SECONDS,
) -> Left:
    """Train a claimed group until it ends or must be left; says how it was left.

    A trainer that raises makes its runs fail with one sentence; their history stays, and a
    traceback goes to the log beside the store. Anything else that raises (TrainerGone, the
    callback, Ctrl-C, the store itself) gives the group back to the queue and propagates.

    Args:
        on_event: called with every event, once it is stored.
        quit_asked: polled; True means checkpoint, give the group back to the queue and return.
    """
    loop = _Loop(store, claim, on_event, quit_asked, checkpoint_seconds)
    try:
        try:
            return loop.run(build)
        except _Broken as broken:
            return loop.fail(str(broken))
    except LeaseLost:
        return "lost"
    except BaseException as raised:
        # What was raised matters more than a store that cannot be told: the lease ends anyway.
        with contextlib.suppress(StoreError, LeaseLost), store.transaction() as db:
            if isinstance(raised, TrainerGone) and raised.died:
                bury(store, db, claim)
            else:
                release(db, claim, "queued")
        raise


class _Loop:
    def __init__(
        self,
        store: Store,
        claim: Claim,
        on_event: Callable[[Event], object],
        quit_asked: Callable[[], bool],
        checkpoint_seconds: float,
    ) -> None:
        self.store, self.claim = store, claim
        self.on_event, self.quit_asked = on_event, quit_asked
        self.every = checkpoint_seconds
        self.active = set(claim.active)
        self.epoch, self.block = claim.checkpoint_epoch, 0
        self.stopping = False
        self.trainer: Trains

    def run(self, build: Build) -> Left:
        with self._in_words():
            self.trainer = build(self.claim.configs)
            if self.claim.checkpoint is not None:
                self.trainer.restore(*checkpoints.load(self.claim.checkpoint))
            for run in self.claim.stopped:
                self.trainer.stop(run)
            events = self.trainer.events()
        self.next_poll = 0.0
        self.epoch_began = time.monotonic()
        self.next_checkpoint = self.epoch_began + self.every
        while True:
            with self._in_words():
                event = next(events, None)
            if event is None:
                raise _Broken("Training ended before every run had a result.")
            self._take(event)
            if not self.active:
                checkpoints.remove(self.store.home, self.claim.group)
                return "ended"
            left = self._between(event)
            if left is not None:
                return left

    def _take(self, event: Event) -> None:
        if isinstance(event, BlockDone):
            self.block = event.block
        else:
            self.active -= {done.run for done in event.done}
            seconds = None
            if event.runs:
                self.epoch, self.block = event.epoch, 0
                now = time.monotonic()
                seconds, self.epoch_began = now - self.epoch_began, now
            record(self.store, self.claim, event, seconds, last=not self.active)
        self.on_event(event)

    def _between(self, event: Event) -> Left | None:
        """Between two blocks: do what is asked; checkpoint when it is time."""
        now = time.monotonic()
        if now >= self.next_poll:
            self.next_poll = now + POLL_SECONDS
            left = self._wished()
            if left is not None:
                self._checkpoint(left)
                return left
        # A run's end is kept at once, so that no replay meets a run that has ended already.
        if now >= self.next_checkpoint or (isinstance(event, GroupEpoch) and event.done):
            self._checkpoint()
        return None

    def _wished(self) -> Literal["queued", "paused"] | None:
        if self.quit_asked():
            return "queued"
        kinds = {control.kind for control in controls.pending(self.store, self.claim.group)}
        if "stop" in kinds:
            if not self.stopping:
                self.stopping = True
                for run in sorted(self.active):
                    self.trainer.stop(run)
            return None
        if "pause" in kinds:
            return "paused"
        return "queued" if others_first(self.store, self.claim.priority) else None

    def _checkpoint(self, leave: Literal["queued", "paused"] | None = None) -> None:
        began = time.monotonic()
        with self._in_words():
            state = self.trainer.state()
            path = checkpoints.save(self.store.home, self.claim.group, self.block, state)
        with self.store.transaction() as db:
            mark_checkpoint(db, self.claim, path, int(state[1]["epoch"]))
            if leave is not None:
                release(db, self.claim, leave)
        checkpoints.remove(self.store.home, self.claim.group, keep=path)
        now = time.monotonic()
        self.next_checkpoint = now + max(self.every, CHECKPOINT_SHARE * (now - began))

    def fail(self, sentence: str) -> Left:
        rows = self.store.read(
            "SELECT id, epochs_done FROM runs WHERE group_id = ? ORDER BY number",
            (self.claim.group,),
        )
        done = tuple(
            RunDone(row["id"], "failed", row["epochs_done"], error=sentence)
            for row in rows
            if row["id"] in self.active
        )
        event = GroupEpoch(self.epoch, (), done)
        record(self.store, self.claim, event, last=True)
        checkpoints.remove(self.store.home, self.claim.group)
        self.on_event(event)
        return "ended"

    @contextlib.contextmanager
    def _in_words(self) -> Iterator[None]:
        """Turn what the trainer raises into the sentence its runs fail with."""
        try:
            yield
        except TrainerGone:
            raise
        except CounterweightError as error:
            raise _Broken(str(error)) from error
        except Exception as error:
            with (self.store.home / LOG).open("a", encoding="utf-8") as log:
                when = datetime.now().isoformat(timespec="seconds")
                log.write(f"{when} group {self.claim.group}\n{traceback.format_exc()}\n")
            raise _Broken(f"{type(error).__name__}: {error}".removesuffix(": ")) from error
