"""Which runs the store holds of given settings, so that none is trained twice."""

from __future__ import annotations

import json
from collections.abc import Iterable

from engine.store.database import Row, Store

# Of several runs with one fingerprint: the first that finished counts; else one that trains or
# waits; else the last that failed or was stopped. Runs edited by hand stand for no settings.
_RANK = (
    "CASE state WHEN 'finished' THEN 0 WHEN 'running' THEN 1 WHEN 'queued' THEN 1 "
    "WHEN 'paused' THEN 1 ELSE 2 END"
)


def runs_by_fingerprint(store: Store, fingerprints: Iterable[str]) -> dict[str, Row]:
    """fingerprint -> the row of `runs` that stands for it; those without a run are left out."""
    rows = store.read(
        f"SELECT *, {_RANK} AS rank FROM runs WHERE NOT edited AND fingerprint IN "
        "(SELECT value FROM json_each(?)) "
        "ORDER BY rank, CASE rank WHEN 0 THEN number ELSE -number END",
        (json.dumps(list(fingerprints)),),
    )
    found: dict[str, Row] = {}
    for row in rows:
        found.setdefault(row["fingerprint"], row)
    return found


def finished_runs(store: Store, fingerprints: Iterable[str]) -> dict[str, str]:
    """Fingerprint -> id of the oldest run with it that finished and was not edited by hand.

    Fingerprints without such a run are left out.
    """
    rows = runs_by_fingerprint(store, fingerprints)
    return {key: row["id"] for key, row in rows.items() if row["state"] == "finished"}
