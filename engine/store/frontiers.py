"""Frontiers of the phase plane, kept of some epochs beside the weights in aggregate."""

from __future__ import annotations

import numpy as np
import pandas as pd

from engine.errors import StoreError
from engine.store.database import Store
from engine.store.history import kept_epochs, run_numbers

COLUMNS = ("lam", "entropy", "violation")


def read_frontier(store: Store, run: str, epoch: int) -> pd.DataFrame:
    """The exact weights' entropy and violation by lam at one epoch's models, lam rising from 0.

    Raises:
        StoreError: an unknown run, or no frontier was kept of that epoch.
    """
    number = run_numbers(store, (run,))[run]
    rows = store.read(
        "SELECT frontier FROM snapshots WHERE run = ? AND epoch = ? AND frontier IS NOT NULL",
        (number, epoch),
    )
    if not rows:
        raise StoreError(f"Run {run} keeps no frontier of epoch {epoch}.")
    table = np.frombuffer(rows[0]["frontier"], "<f8").reshape(-1, len(COLUMNS))
    return pd.DataFrame(table, columns=list(COLUMNS))


def frontier_epochs(store: Store, run: str) -> list[int]:
    """The epochs of which a run keeps a frontier, in order; none in a run of an older version.

    Raises:
        StoreError: an unknown run.
    """
    return kept_epochs(store, run, "frontier")
