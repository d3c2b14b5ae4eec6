"""A study trained in this process, as the command line's `report` and notebooks do. Imports torch.

Worker processes on the same store may help or take over: the runs are the study's either way.
"""

from __future__ import annotations

from collections.abc import Callable

from engine.events import Event
from engine.jobs.local import train_here
from engine.store.database import Store
from engine.studies.cells import known_cells
from engine.studies.plan import Plan


def train_study_here(
    store: Store, plan: Plan, on_event: Callable[[Event], object] = lambda event: None
) -> None:
    """Train every cell that no run stands for, stage by stage; returns when none is left.

    Cells whose run has failed are left as they are.

    Raises:
        ConfigError, DataError: it cannot be trained. StoreError: the store cannot be written.
    """
    while True:
        known = known_cells(store, plan)
        missing = [one.cell.config for one in known if one.state == "missing"]
        if not missing:
            return
        train_here(store, missing, twins=False, on_event=on_event)
