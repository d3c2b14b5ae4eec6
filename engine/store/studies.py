"""Studies in the store: their plans as JSON."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Literal

from engine.errors import StoreError
from engine.store.database import Row, Store

StudyState = Literal["active", "paused", "stopped", "ended"]


@dataclass(frozen=True)
class StudyRecord:
    """A stored study. plan: JSON. created: seconds since 1970."""

    id: str
    kind: str
    dataset: str
    title: str
    plan: str
    state: StudyState
    created: float


def save_study(store: Store, record: StudyRecord) -> None:
    """Store a study, or only its state when it is there already."""
    with store.transaction() as db:
        db.execute(
            "INSERT INTO studies (id, kind, dataset, title, plan, state, created) "
            "VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT (id) DO UPDATE SET state = excluded.state",
            (
                *(record.id, record.kind, record.dataset, record.title),
                *(record.plan, record.state, record.created or time.time()),
            ),
        )


def set_study_state(store: Store, study: str, state: StudyState) -> None:
    """Change the state of a study.

    Raises:
        StoreError: there is no such study.
    """
    with store.transaction() as db:
        changed = db.execute("UPDATE studies SET state = ? WHERE id = ?", (state, study))
    if not changed.rowcount:
        raise StoreError(f"There is no study {study!r} in {store.home}.")


def end_study(store: Store, study: str) -> None:
    """Mark an active study as ended; one that was paused or stopped meanwhile stays as it is."""
    with store.transaction() as db:
        db.execute("UPDATE studies SET state = 'ended' WHERE id = ? AND state = 'active'", (study,))


def find_study(store: Store, study: str) -> StudyRecord:
    """The study with that id.

    Raises:
        StoreError: there is none.
    """
    rows = store.read("SELECT * FROM studies WHERE id = ?", (study,))
    if not rows:
        raise StoreError(f"There is no study {study!r} in {store.home}.")
    return _record(rows[0])


def study_state(store: Store, study: str) -> StudyState | None:
    """The state of a study; None when it was never started."""
    rows = store.read("SELECT state FROM studies WHERE id = ?", (study,))
    return rows[0]["state"] if rows else None


def active_mark(store: Store) -> tuple[tuple[object, ...], ...]:
    """What an active study's next step can depend on, in one query over two indexes: it is another
    once a run has come or ended or was edited, or a study was started or paused; () without one.

    Runs that wait, train or pause count alike, in number alone.
    """
    rows = store.read_tuples(
        "SELECT state, edited, count(*), max(number) FROM runs "
        "WHERE EXISTS (SELECT 1 FROM studies WHERE state = 'active') GROUP BY state, edited "
        "UNION ALL SELECT id, NULL, NULL, NULL FROM studies WHERE state = 'active' ORDER BY 1, 2"
    )
    if not rows:
        return ()
    pending = [row for row in rows if row[0] in ("queued", "running", "paused")]
    settled = [row for row in rows if row not in pending]
    return (*settled, (sum(row[2] for row in pending), sum(row[1] * row[2] for row in pending)))


def list_studies(store: Store, state: StudyState | None = None) -> list[StudyRecord]:
    """Every study, newest first."""
    where = "WHERE state = 'active'" if state == "active" else "WHERE ? IN (state, '')"
    values = () if state == "active" else (state or "",)
    return [
        _record(row)
        for row in store.read(f"SELECT * FROM studies {where} ORDER BY number DESC", values)
    ]


def _record(row: Row) -> StudyRecord:
    return StudyRecord(**{name: row[name] for name in StudyRecord.__dataclass_fields__})
