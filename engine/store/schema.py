"""The tables of the store and how an older store becomes a current one."""

from __future__ import annotations

import sqlite3
from pathlib import Path

from engine.errors import StoreError
from engine.events import EPOCH_COLUMNS

# One script for every version, in order: script k brings a store from version k to k + 1. Scripts
# are never edited once released; columns of `epochs` beyond its key come from EPOCH_COLUMNS.
MIGRATIONS: tuple[str, ...] = (
    """
CREATE TABLE launches (
    id TEXT PRIMARY KEY,
    token TEXT UNIQUE,
    priority TEXT NOT NULL,
    created REAL NOT NULL,
    runs TEXT NOT NULL,
    twins TEXT NOT NULL
);
CREATE TABLE groups (
    number INTEGER PRIMARY KEY,
    id TEXT NOT NULL UNIQUE,
    launch TEXT NOT NULL REFERENCES launches (id) ON DELETE CASCADE,
    priority INTEGER NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('queued', 'running', 'paused', 'ended')),
    host TEXT,
    pid INTEGER,
    start REAL,
    checkpoint TEXT,
    checkpoint_epoch INTEGER NOT NULL DEFAULT 0,
    deaths INTEGER NOT NULL DEFAULT 0,
    seconds_per_epoch REAL
);
CREATE INDEX groups_waiting ON groups (state, priority, number) WHERE state <> 'ended';
CREATE INDEX groups_launch ON groups (launch);
CREATE TABLE runs (
    number INTEGER PRIMARY KEY,
    id TEXT NOT NULL UNIQUE,
    launch TEXT NOT NULL REFERENCES launches (id) ON DELETE CASCADE,
    group_id TEXT NOT NULL REFERENCES groups (id) ON DELETE CASCADE,
    state TEXT NOT NULL,
    config TEXT NOT NULL,
    fingerprint TEXT NOT NULL,
    edited INTEGER NOT NULL DEFAULT 0,
    created REAL NOT NULL,
    started REAL,
    ended REAL,
    settled INTEGER NOT NULL DEFAULT 0,
    epochs_done INTEGER NOT NULL DEFAULT 0,
    best_epoch INTEGER,
    epoch_seconds REAL,
    error TEXT,
    results TEXT NOT NULL DEFAULT '{}'
);
CREATE INDEX runs_launch ON runs (launch);
CREATE INDEX runs_group ON runs (group_id);
CREATE INDEX runs_fingerprint ON runs (fingerprint);
CREATE TABLE epochs (
    run INTEGER NOT NULL REFERENCES runs (number) ON DELETE CASCADE,
    epoch INTEGER NOT NULL,
    PRIMARY KEY (run, epoch)
) WITHOUT ROWID;
CREATE TABLE snapshots (
    run INTEGER NOT NULL REFERENCES runs (number) ON DELETE CASCADE,
    epoch INTEGER NOT NULL,
    histogram BLOB,
    decile_map BLOB,
    PRIMARY KEY (run, epoch)
) WITHOUT ROWID;
CREATE TABLE controls (
    number INTEGER PRIMARY KEY AUTOINCREMENT,
    group_id TEXT NOT NULL REFERENCES groups (id) ON DELETE CASCADE,
    kind TEXT NOT NULL,
    payload TEXT NOT NULL DEFAULT '{}',
    created REAL NOT NULL
);
CREATE INDEX controls_group ON controls (group_id);
CREATE TABLE workers (
    host TEXT NOT NULL,
    pid INTEGER NOT NULL,
    start REAL NOT NULL,
    parent_pid INTEGER,
    parent_start REAL,
    started REAL NOT NULL,
    beat INTEGER NOT NULL DEFAULT 0,
    PRIMARY KEY (host, pid, start)
) WITHOUT ROWID;
""",
    """
CREATE TABLE studies (
    number INTEGER PRIMARY KEY,
    id TEXT NOT NULL UNIQUE,
    kind TEXT NOT NULL,
    dataset TEXT NOT NULL,
    title TEXT NOT NULL,
    plan TEXT NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('active', 'paused', 'stopped', 'ended')),
    created REAL NOT NULL
);
CREATE INDEX studies_active ON studies (state) WHERE state = 'active';
""",
    """
CREATE TABLE interventions (
    number INTEGER PRIMARY KEY,
    run INTEGER NOT NULL REFERENCES runs (number) ON DELETE CASCADE,
    time REAL NOT NULL,
    epoch INTEGER NOT NULL,
    block INTEGER NOT NULL,
    half INTEGER NOT NULL,
    old REAL NOT NULL,
    new REAL NOT NULL
);
CREATE INDEX interventions_run ON interventions (run);
ALTER TABLE groups ADD COLUMN speed REAL;
ALTER TABLE groups ADD COLUMN half_steps TEXT NOT NULL DEFAULT '[]';
ALTER TABLE runs ADD COLUMN branched_from TEXT;
ALTER TABLE runs ADD COLUMN branched_epoch INTEGER;
""",
    "ALTER TABLE snapshots ADD COLUMN frontier BLOB",
    "CREATE INDEX runs_state ON runs (state, edited)",
    """
ALTER TABLE snapshots ADD COLUMN histogram_all BLOB;
ALTER TABLE snapshots ADD COLUMN decile_map_all BLOB;
""",
    """
CREATE TABLE reaches (
    run INTEGER NOT NULL REFERENCES runs (number) ON DELETE CASCADE,
    epoch INTEGER NOT NULL,
    reach_moment REAL NOT NULL,
    reach_low REAL NOT NULL,
    reach_high REAL NOT NULL,
    reach_target REAL NOT NULL,
    PRIMARY KEY (run, epoch)
) WITHOUT ROWID;
""",
)


def migrate(db: sqlite3.Connection, path: Path) -> bool:
    """Bring the store at `path` to the current version; True when it was new and empty.

    Raises:
        StoreError: the store was written by a newer version, or is some other program's database.
    """
    if _version(db, path) == len(MIGRATIONS) and not _missing_columns(db):
        return False
    db.execute("BEGIN IMMEDIATE")
    try:
        version = _version(db, path)  # again: another process may have been quicker
        for script in MIGRATIONS[version:]:
            for statement in script.split(";"):
                if statement.strip():
                    db.execute(statement)
        for name in _missing_columns(db):
            db.execute(f'ALTER TABLE epochs ADD COLUMN "{name}" REAL')
        db.execute(f"PRAGMA user_version = {len(MIGRATIONS)}")
        db.execute("COMMIT")
    except BaseException:
        db.execute("ROLLBACK")
        raise
    return version == 0


def _version(db: sqlite3.Connection, path: Path) -> int:
    version = int(db.execute("PRAGMA user_version").fetchone()[0])
    if version > len(MIGRATIONS):
        raise StoreError(
            f"The store {path} was written by a newer Counterweight (store version {version}, "
            f"this one reads up to {len(MIGRATIONS)}); update Counterweight, or let "
            "COUNTERWEIGHT_RUNS point to another folder."
        )
    if version == 0 and db.execute("SELECT 1 FROM sqlite_master LIMIT 1").fetchone():
        raise StoreError(
            f"The file {path} is a database of another program; "
            "let COUNTERWEIGHT_RUNS point to another folder."
        )
    return version


def _missing_columns(db: sqlite3.Connection) -> list[str]:
    present = {row[1] for row in db.execute("PRAGMA table_info(epochs)")}
    return [name for name in EPOCH_COLUMNS if name not in present]
