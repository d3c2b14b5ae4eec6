"""Of which epochs exact weights were solved for, and whether they could meet what was asked."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from engine.events import REACH
from engine.store.database import Store
from engine.store.history import run_numbers

COLUMNS = ("exact_feasible", "exact_bound", *REACH)


def read_reaches(store: Store, runs: Sequence[str]) -> pd.DataFrame:
    """Epochs of `runs` with exact weights: run, epoch and COLUMNS, NaN where nothing is beyond.

    Raises:
        StoreError: an unknown run.
    """
    rows = [
        (run, *row)
        for run, number in run_numbers(store, runs).items()
        for row in store.read_tuples(
            f"SELECT e.epoch, exact_feasible, exact_bound, {', '.join(REACH)} FROM epochs e "
            "LEFT JOIN reaches r ON r.run = e.run AND r.epoch = e.epoch "
            "WHERE e.run = ? AND exact_feasible IS NOT NULL ORDER BY e.epoch",
            (number,),
        )
    ]
    frame = pd.DataFrame(rows, columns=["run", "epoch", *COLUMNS])
    return frame.astype(dict.fromkeys(COLUMNS, float))
