"""Driving a trainer: its events become rows, and what the user asks reaches it at every block.

Used by worker processes and, in their own process, by the command line and notebooks.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Literal

from engine.errors import StoreError
from engine.events import BlockDone, Event, GroupEpoch
from engine.half_steps import HalfStep
from engine.jobs.pace import Pace
from engine.jobs.trains import Broken, Build, TrainerGone, Trains, failed, in_words
from engine.store import checkpoints, controls, interventions
from engine.store.controls import Control, asks_for
from engine.store.database import Store
from engine.store.groups import Claim, LeaseLost, hold, mark_checkpoint, release
from engine.store.history import record
from engine.store.interventions import Replays
from engine.store.playing import group_speed, write_half_step
from engine.store.queue import bury, others_first

POLL_SECONDS = 0.05
CHECKPOINT_SECONDS = 30.0
CHECKPOINT_SHARE = 20  # a checkpoint that took a second is not followed by another within 20

Left = Literal["ended", "paused", "queued", "lost"]


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
        except Broken as broken:
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
        self.pace = Pace()
        self.replays = Replays([])
        self.halves = self.closely = False
        self.trainer: Trains

    def run(self, build: Build) -> Left:
        with in_words(self.store, self.claim.group):
            self.trainer = build(self.claim.configs)
            if self.claim.checkpoint is not None:
                self._restore(self.claim.checkpoint)
            for run in self.claim.stopped:
                self.trainer.stop(run)
            events = self.trainer.events()
        made = interventions.recorded(self.store, self.claim.group)
        self.replays = Replays([move for move in made if move.at >= self.trainer.position])
        self.next_poll = 0.0
        self.epoch_began = time.monotonic()
        self.next_checkpoint = self.epoch_began + self.every
        event: Event | None = None
        while True:
            left = self._between(event)
            if left is not None:
                return left
            with in_words(self.store, self.claim.group):
                event = next(events, None)
            if event is None:
                raise Broken("Training ended before every run had a result.")
            self._take(event)
            if not self.active:
                checkpoints.remove(self.store.home, self.claim.group)
                return "ended"

    def _restore(self, path: Path) -> None:
        tensors, meta = checkpoints.load(path)
        self.trainer.restore(tensors, meta)
        self.epoch, self.block = self.trainer.position[:2]

    def _take(self, event: Event) -> None:
        if isinstance(event, BlockDone):
            self.block = event.block
        elif isinstance(event, HalfStep):
            with self.store.transaction() as db:
                hold(db, self.claim)
                write_half_step(db, self.claim.group, event)
        else:
            self.active -= {done.run for done in event.done}
            seconds = None
            if event.runs:
                self.epoch, self.block = event.epoch, 0
                now = time.monotonic()
                seconds, self.epoch_began = now - self.epoch_began, now
            record(self.store, self.claim, event, seconds, last=not self.active)
        self.pace.after(event)
        self.on_event(event)

    def _between(self, event: Event | None) -> Left | None:
        """Between two blocks: do what is asked, stand still, checkpoint when it is time."""
        while True:
            now = time.monotonic()
            if now >= self.next_poll or self.pace.stepping:
                self.next_poll = now + POLL_SECONDS
                left = self._wished()
                if left is not None:
                    return left
            rest = 0.0 if self.stopping else self.pace.rested - time.monotonic()
            if rest <= 0:
                break
            time.sleep(min(rest, POLL_SECONDS))
        for move in self.replays.due(self.trainer.position):
            self._set_lams({move.run: move.lam})
        if bool(self.replays.moves) != self.closely:  # a replay has its place among the blocks
            self.closely = bool(self.replays.moves)
            self.trainer.tell_every_block(self.closely)
        halves = self.pace.by_halves or self.replays.within_block(self.trainer.position)
        if halves != self.halves:
            self.halves = halves
            self.trainer.by_halves(halves)
        # A run's end is kept at once, so that no replay meets a run that has ended already.
        ended = isinstance(event, GroupEpoch) and bool(event.done)
        if ended or now >= self.next_checkpoint:
            self._checkpoint()
        return None

    def _wished(self) -> Left | None:
        if self.quit_asked():
            return self._leave("queued")
        asked = controls.pending(self.store, self.claim.group)
        of = {kind: [c for c in asked if c.kind == kind] for kind in {c.kind for c in asked}}
        if "stop" in of:
            if not self.stopping:
                self.stopping = True
                for run in sorted(self.active):
                    self.trainer.stop(run)
            return None
        if "lam" in of and not self.replays.moves:
            self._move_lam(of["lam"])
        if "checkpoint" in of:
            self._checkpoint(of["checkpoint"])
        if "pause" in of:
            return self._leave("paused")
        self.pace.look(group_speed(self.store, self.claim.group), of.get("step", ()))
        if self.pace.done_stepping:
            return self._leave("paused", stepped=True)
        waits = others_first(self.store, self.claim.priority)
        return self._leave("queued") if waits else None

    def _move_lam(self, asked: Sequence[Control]) -> None:
        """Note what lam becomes, and where, before it does: a replay then finds it."""
        lams = interventions.asked_lams([control.payload for control in asked])
        lams = {run: lam for run, lam in lams.items() if run in self.active}
        with self.store.transaction() as db:
            lams = interventions.record(db, self.claim, self.trainer.position, lams)
            controls.taken(db, [control.number for control in asked])
        self._set_lams(lams)

    def _set_lams(self, lams: Mapping[str, float]) -> None:
        with in_words(self.store, self.claim.group):
            for run, lam in lams.items():
                self.trainer.set_lam(run, lam)

    def _leave(self, state: Literal["queued", "paused"], stepped: bool = False) -> Left | None:
        """Checkpoint and give the group back; None to go on, where steps were taken back or added.

        The steps taken are noted with the checkpoint that has them, so that none is lost or
        taken twice.
        """
        return state if self._checkpoint(leave=state, stepped=stepped) else None

    def _checkpoint(
        self,
        asked: Sequence[Control] = (),
        leave: Literal["queued", "paused"] | None = None,
        stepped: bool = False,
    ) -> bool:
        """Keep the state; whether the group was given back."""
        began = time.monotonic()
        with in_words(self.store, self.claim.group):
            state = self.trainer.state()
            path = checkpoints.save(self.store.home, self.claim.group, self.block, state)
        with self.store.transaction() as db:
            mark_checkpoint(db, self.claim, path, int(state[1]["epoch"]))
            noted = controls.taken(db, self.pace.taken)
            controls.taken(db, [control.number for control in asked])
            if stepped and (not noted or asks_for(db, self.claim.group, "step")):
                leave = None
            if leave is not None:
                release(db, self.claim, leave)
        self.pace.taken.clear()
        checkpoints.remove(self.store.home, self.claim.group, keep=path)
        now = time.monotonic()
        self.next_checkpoint = now + max(self.every, CHECKPOINT_SHARE * (now - began))
        return leave is not None

    def fail(self, sentence: str) -> Left:
        done = failed(self.store, self.claim.group, self.active, sentence)
        event = GroupEpoch(self.epoch, (), done)
        record(self.store, self.claim, event, last=True)
        checkpoints.remove(self.store.home, self.claim.group)
        self.on_event(event)
        return "ended"
