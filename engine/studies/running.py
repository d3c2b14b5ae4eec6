"""Running a study: what is missing is launched, stage by stage; whoever works the queue trains it.

A study that was interrupted, extended or started twice trains only cells that no run stands for.
`advance` launches what can be launched now and is safe to call often and from several processes.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

import pandas as pd

from engine.datasets import load
from engine.errors import FieldError
from engine.offers import check
from engine.store import controls
from engine.store.database import Store
from engine.store.launches import create_launch
from engine.store.studies import (
    StudyRecord,
    StudyState,
    active_mark,
    end_study,
    find_study,
    list_studies,
    save_study,
    set_study_state,
    study_state,
)
from engine.studies.cells import PENDING, Known, frame, known_cells
from engine.studies.plan import Plan

# Lanes times |D|, the largest arrays of a group: about a gigabyte, and beyond that many lanes of a
# small data set more lanes bring nothing (`python -m engine bench`).
MOST_PAIRS = 2_500_000


@dataclass(frozen=True)
class Study:
    """A study and where it stands.

    state: new (never started), active, paused, stopped or ended. frame: see `cells.frame`.
    """

    plan: Plan
    state: StudyState | str
    frame: pd.DataFrame

    @property
    def id(self) -> str:
        """Of its plan."""
        return self.plan.id

    @property
    def counts(self) -> dict[str, int]:
        """Cells by state; measured: finished in this store."""
        found = {str(k): int(v) for k, v in self.frame["state"].value_counts().items()}
        return found | {"measured": int((self.frame["source"] == "measured").sum())}

    @property
    def done(self) -> bool:
        """Whether nothing of it trains or waits any more."""
        return self.state in ("ended", "stopped")


def read_study(store: Store, plan: Plan) -> Study:
    """What the store and the gallery know of a plan, started or not."""
    state = study_state(store, plan.id) or "new"
    return Study(plan, state, frame(plan, known_cells(store, plan)))


def plan_of(store: Store, study: str) -> Plan:
    """The plan of a stored study.

    Raises:
        StoreError: there is no such study.
    """
    return Plan.model_validate_json(find_study(store, study).plan)


def start(store: Store, plan: Plan) -> None:
    """Store the study and launch what is missing; cells that failed or were stopped get a new run.

    Raises:
        ConfigError, DataError: its data or settings cannot be used; the study stays as it was.
    """
    for series in plan.series:
        ends = (plan.values[0], plan.values[-1]) if plan.axis else (None,)
        for x in ends:
            check(plan.config_of(series, x, plan.seeds[0]))
    record = StudyRecord(
        plan.id, plan.kind, plan.dataset, plan.title, plan.model_dump_json(), "active", 0.0
    )
    save_study(store, record)
    known = known_cells(store, plan)
    _ask(store, known, "resume")
    _launch(store, plan, known, retry=True)


def advance(store: Store, plan: Plan) -> None:
    """Launch what can train since another stage has ended; end a study without anything to do."""
    known = known_cells(store, plan)
    if _launch(store, plan, known, retry=False):
        return
    states = {one.state for one in known}
    if not states & PENDING:
        end_study(store, plan.id)


class Advancing:
    """`advance_all` for those who look often: at most one query where nothing has changed."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._mark: tuple[tuple[object, ...], ...] = ()

    def look(self) -> None:
        """Advance every active study, if a run has come or ended since the last look."""
        mark = active_mark(self._store)
        if mark != self._mark:
            advance_all(self._store)
            self._mark = mark  # of before: what this look launched is looked at once more


def advance_all(store: Store) -> None:
    """`advance` every active study.

    One whose data or settings cannot be used any more is paused; starting it says why.
    """
    for record in list_studies(store, "active"):
        try:
            advance(store, Plan.model_validate_json(record.plan))
        except (FieldError, ValueError):
            set_study_state(store, record.id, "paused")


def pause(store: Store, study: str) -> None:
    """Checkpoint what trains and leave the workers free."""
    _set(store, study, "paused", "pause")


def resume(store: Store, study: str) -> None:
    """Go on where it was paused or stopped."""
    start(store, plan_of(store, study))


def stop(store: Store, study: str) -> None:
    """End what trains, and launch no more; `start` goes on with what is missing then."""
    _set(store, study, "stopped", "stop")


def _set(store: Store, study: str, state: StudyState, kind: controls.Kind) -> None:
    plan = plan_of(store, study)
    set_study_state(store, study, state)  # first: nothing new is launched from here on
    _ask(store, known_cells(store, plan), kind)


def _ask(store: Store, known: Sequence[Known], kind: controls.Kind) -> None:
    """Ask the launches of a study's pending cells; those of the lab are the user's own."""
    launches = {one.row["launch"] for one in known if one.row is not None and one.state in PENDING}
    for launch in sorted(launches):
        row = store.read("SELECT priority FROM launches WHERE id = ?", (launch,))[0]
        if row["priority"] == "study":
            controls.ask(store, launch, kind)


def _launch(store: Store, plan: Plan, known: Sequence[Known], retry: bool) -> int:
    """Launch the missing; how many. Two processes that see the same missing make one launch."""
    wanted = {"missing", "failed", "stopped"} if retry else {"missing"}
    missing = [one for one in known if one.state in wanted and one.fingerprint]
    if not missing:
        return 0
    configs = [one.cell.config for one in missing]
    # What a retry retries is part of the token, or it would be the launch that failed.
    parts = [f"{o.fingerprint}{o.row['id'] if o.row else ''}" for o in missing]
    token = f"{plan.id}-{hashlib.sha256(' '.join(parts).encode()).hexdigest()[:16]}"
    ratings = load(configs[0])
    lanes = max(1, MOST_PAIRS // (ratings.n_users * ratings.n_items))
    create_launch(store, configs, twins=False, priority="study", token=token, lanes=lanes)
    return len(missing)
