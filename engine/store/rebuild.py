"""Opening a store, and listing ended runs again from the files that lie beside it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from engine.errors import StoreError
from engine.store.database import Store, Transaction
from engine.store.launches import PRIORITIES
from engine.store.records import FILE_FORMAT, PLAIN, to_json


def open_store(home: Path | None = None) -> Store:
    """Open the store at `home`; one whose database is gone lists its ended runs again.

    Raises:
        StoreError: see `Store` and `rebuild`.
    """
    store = Store(home)
    if store.is_new:
        rebuild(store)
    return store


def rebuild(store: Store) -> int:
    """List again every ended run whose file lies beside the store; the number of runs added.

    Epoch curves are not in these files: they are gone with the old database, or in its backup.

    Raises:
        StoreError: a file is not readable.
    """
    files = sorted((store.home / "runs").glob("*.json"))
    contents = []
    for path in files:
        try:
            content = json.loads(path.read_bytes())
            if content["format"] > FILE_FORMAT:
                raise ValueError("a newer Counterweight wrote it")
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise StoreError(
                f"The run file {path} cannot be read: {error}; move it away."
            ) from error
        contents.append(content)
    present = {content["run"] for content in contents}
    added = 0
    with store.transaction() as db:
        for content in sorted(contents, key=lambda c: float(c["created"])):
            added += _restore_run(db, content, present)
    return added


def _restore_run(db: Transaction, content: dict[str, Any], present: set[str]) -> int:
    launch = content["launch"]
    db.execute(
        "INSERT OR IGNORE INTO launches (id, token, priority, created, runs, twins) "
        "VALUES (?, ?, ?, ?, ?, ?)",
        (
            *(launch["id"], launch["token"], launch["priority"], launch["created"]),
            to_json([run for run in launch["runs"] if run in present]),
            to_json({run: t for run, t in launch["twins"].items() if {run, t} <= present}),
        ),
    )
    db.execute(
        "INSERT OR IGNORE INTO groups (id, launch, priority, state) VALUES (?, ?, ?, 'ended')",
        (content["group"], launch["id"], PRIORITIES[str(launch["priority"])]),
    )
    names = (*PLAIN, "fingerprint")
    cursor = db.execute(
        "INSERT OR IGNORE INTO runs (id, launch, group_id, config, results, "
        f"{', '.join(names)}) VALUES (?, ?, ?, ?, ?{', ?' * len(names)})",
        (
            *(content["run"], launch["id"], content["group"]),
            *(to_json(content["config"]), to_json(content["results"])),
            *(content.get(name) for name in names),
        ),
    )
    for move in content.get("interventions", ()) if cursor.rowcount else ():
        db.execute(
            "INSERT INTO interventions (run, time, epoch, block, half, old, new) "
            "VALUES (?, ?, ?, ?, ?, ?, ?)",
            (
                cursor.lastrowid,
                *(move[k] for k in ("time", "epoch", "block", "half", "old", "new")),
            ),
        )
    return cursor.rowcount
