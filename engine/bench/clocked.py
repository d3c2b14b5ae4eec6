"""A trainer that tells apart what an epoch's end takes, in processor time."""

from __future__ import annotations

import time

from engine.training.trainer import Evaluation, Trainer


class Clocked(Trainer):
    """`evaluation`: processor seconds that validation metrics took at the last epoch's end."""

    evaluation = 0.0

    def evaluate(self) -> Evaluation:
        """As `Trainer`, timed."""
        begun = time.process_time()
        found = super().evaluate()
        self.evaluation = time.process_time() - begun
        return found
