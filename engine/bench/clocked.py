"""What the parts of an epoch's end take, each in processor time."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from engine.training.trainer import Trainer


PARTS = ("anchor", "evaluation")


class Clock:
    """Seconds of a trainer by part, since they were last taken.

    evaluation: the errors of all ratings and so the training error, validation metrics, and the
    copy of the best epoch. anchor: what balancing models learn at an epoch's end.
    """

    def __init__(self, trainer: Trainer) -> None:
        self._spent = dict.fromkeys(PARTS, 0.0)
        learners, judge = trainer._learners, trainer._judge
        self._watch(learners, "measure", "evaluation")
        self._watch(learners, "anchor", "anchor")
        self._watch(judge, "validation", "evaluation")
        self._watch(judge, "true_losses", "evaluation")
        self._watch(trainer, "_keep_best", "evaluation")

    def _watch(self, owner: object, name: str, part: str) -> None:
        inside = getattr(owner, name)

        def timed(*given: Any, **named: Any) -> Any:
            begun = time.process_time()
            found = inside(*given, **named)
            self._spent[part] += time.process_time() - begun
            return found

        setattr(owner, name, timed)

    def take(self) -> dict[str, float]:
        """Seconds by part; from here on they are counted anew."""
        spent, self._spent = self._spent, dict.fromkeys(PARTS, 0.0)
        return spent
