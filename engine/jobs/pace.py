"""When a group trains and when it stands still: steps asked for one by one, and slow motion."""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from dataclasses import dataclass, field

from engine.events import BlockDone, Event, GroupEpoch
from engine.half_steps import HalfStep
from engine.store.controls import Control

# Up to this speed, in blocks a second, blocks are taken by halves, which then can be followed.
BY_HALVES = 2.0
HALVES = 3
MOST_EPOCHS = 2  # an update that does not come within so many epochs does not come


@dataclass
class Pace:
    """What the store asks for, as of the last look.

    speed: blocks a second, None for flat out. waiting: steps to take, oldest first; taken: those
    that are done but not yet noted in the store. rested: until when slow motion waits.
    """

    speed: float | None = None
    waiting: list[Control] = field(default_factory=list)
    taken: list[int] = field(default_factory=list)
    rested: float = 0.0
    epochs: int = 0

    def look(self, speed: float | None, steps: Sequence[Control]) -> None:
        """Take up what the store says. Steps that were taken back there are forgotten here."""
        if speed != self.speed:
            self.speed, self.rested = speed, 0.0
        self.waiting = [step for step in steps if step.number not in self.taken]
        asked = {step.number for step in steps}
        self.taken = [number for number in self.taken if number in asked]
        if self.stepping:
            self.rested = 0.0

    @property
    def stepping(self) -> bool:
        """Whether only what is asked for is trained."""
        return bool(self.waiting or self.taken)

    @property
    def target(self) -> str:
        """What the present step goes on to, "" without one."""
        return str(json.loads(self.waiting[0].payload)["to"]) if self.waiting else ""

    @property
    def by_halves(self) -> bool:
        """Whether the next block is to be taken by halves."""
        if self.stepping:
            return self.target in ("phi", "w", "theta")
        return self.speed is not None and self.speed <= BY_HALVES

    def after(self, event: Event) -> None:
        """Count what an event means for the step under way, and for how long to rest."""
        self.epochs += isinstance(event, GroupEpoch)
        if self.waiting and self._reached(event):
            self.taken.append(self.waiting.pop(0).number)
            self.epochs = 0
        elif not self.stepping:
            self.epochs = 0
        self.rested = 0.0
        if self.speed is not None and not self.stepping:
            if isinstance(event, HalfStep):
                self.rested = time.monotonic() + 1 / (HALVES * self.speed)
            elif isinstance(event, BlockDone) and not self.by_halves:
                self.rested = time.monotonic() + 1 / self.speed

    def _reached(self, event: Event) -> bool:
        if self.target == "epoch":
            return isinstance(event, GroupEpoch)
        if isinstance(event, HalfStep) and event.what == self.target:
            return True
        return self.epochs >= MOST_EPOCHS

    @property
    def done_stepping(self) -> bool:
        """Whether all steps asked for are taken, so that the group is to stand still."""
        return bool(self.taken) and not self.waiting
