"""What the store holds of runs: how far they are, their epochs, their results."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pandas as pd

from engine.store import history, reports
from engine.store.opening import open_runs
from engine.store.rebuild import rebuild
from engine.store.records import RunRecord
from engine.store.reports import Progress


def progress(launch_id: str) -> Progress:
    """How far a launch is, and when it should be done."""
    return reports.read_progress(open_runs(), launch_id)


def runs(launch: str | None = None, limit: int = 1000, state: str | None = None) -> pd.DataFrame:
    """One row a run: ids, state, times, config fields, results (NaN until it has ended).

    Newest first; those of one launch in its order. `twin_of`: the runs it is the twin of, a tuple.
    """
    return reports.read_runs(open_runs(), launch, limit, state)


def run(id: str) -> RunRecord:
    """Everything of one run but its epochs; StoreError when there is none."""
    return reports.read_run(open_runs(), id)


def epochs(
    runs: Sequence[str],
    columns: Sequence[str] | None = None,
    after: Mapping[str, int] | None = None,
) -> pd.DataFrame:
    """Stored epochs in long form: run, epoch and `columns` (EPOCH_COLUMNS), NaN for missing.

    Args:
        after: run -> the last epoch the caller has; only later ones come. A run that resumed from
            a checkpoint tells earlier epochs anew, with the same numbers.
    """
    return history.read_epochs(open_runs(), runs, columns, after)


def rebuild_runs() -> int:
    """List ended runs again from their files; how many were added."""
    return rebuild(open_runs())
