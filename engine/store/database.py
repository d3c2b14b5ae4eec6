"""The store: one SQLite file for launches, runs and epochs, with arrays and checkpoints beside it.

Every process has one connection. Writes go through `Store.transaction`, which takes the write lock
at its start (BEGIN IMMEDIATE), so a transaction waits at its beginning or not at all; readers
never wait (WAL). Every other module's SQL runs through here.
"""

from __future__ import annotations

import os
import sqlite3
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from engine.errors import StoreError
from engine.store.schema import migrate

FILE = "counterweight.sqlite3"
BACKUP = "counterweight.backup.sqlite3"
BUSY_SECONDS = 20.0
BACKUP_SECONDS = 24 * 3600.0

Row = sqlite3.Row
Transaction = sqlite3.Connection


def runs_home() -> Path:
    """Where runs live: COUNTERWEIGHT_RUNS, else ./runs."""
    return Path(os.environ.get("COUNTERWEIGHT_RUNS") or "runs").expanduser().absolute()


class Store:
    """An open store. Threads may share it: each statement or transaction holds its lock.

    Args:
        home: the folder, made when it is missing; `runs_home()` when None.

    Raises:
        StoreError: the folder cannot be written, or its file is no store this version can read.
    """

    def __init__(self, home: Path | None = None) -> None:
        self.home = Path(home) if home is not None else runs_home()
        self.path = self.home / FILE
        self._lock = threading.RLock()
        with self.in_words():
            for folder in ("runs", "arrays", "checkpoints"):
                (self.home / folder).mkdir(parents=True, exist_ok=True)
            self._db = sqlite3.connect(
                self.path, timeout=BUSY_SECONDS, isolation_level=None, check_same_thread=False
            )
        try:
            with self.in_words():
                self.is_new = self._prepare()
        except BaseException:
            self._db.close()
            raise
        self._inode = self.path.stat().st_ino

    def _prepare(self) -> bool:
        self._db.row_factory = sqlite3.Row
        # A new file becomes WAL by an exclusive lock, which the busy timeout does not cover.
        deadline = time.monotonic() + BUSY_SECONDS
        while True:
            try:
                self._db.execute("PRAGMA journal_mode = WAL")
                break
            except sqlite3.OperationalError:
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.02)
        self._db.execute("PRAGMA synchronous = NORMAL")
        self._db.execute("PRAGMA foreign_keys = ON")
        return migrate(self._db, self.path)

    @contextmanager
    def transaction(self) -> Iterator[Transaction]:
        """One write transaction: all of it is kept, or, when anything raises, nothing."""
        with self._lock, self.in_words():
            self._db.execute("BEGIN IMMEDIATE")
            try:
                yield self._db
                self._db.execute("COMMIT")
            except BaseException:
                if self._db.in_transaction:
                    self._db.execute("ROLLBACK")
                raise

    def read(self, sql: str, values: Sequence[Any] = ()) -> list[Row]:
        """All rows of one query."""
        with self._lock, self.in_words():
            return self._db.execute(sql, values).fetchall()

    def read_tuples(self, sql: str, values: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        """All rows of one query as plain tuples, which many thousand rows are quicker as."""
        with self._lock, self.in_words():
            cursor = self._db.cursor()
            cursor.row_factory = None
            return cursor.execute(sql, values).fetchall()

    @contextmanager
    def in_words(self) -> Iterator[None]:
        """Turn what the database or the file system raises into a StoreError."""
        try:
            yield
        except sqlite3.OperationalError as error:
            raise StoreError(f"The store {self.path} cannot be used: {error}.") from error
        except sqlite3.DatabaseError as error:
            raise StoreError(f"The store {self.path}: {error}; {self._way_out()}.") from error
        except OSError as error:
            reason = error.strerror or str(error)
            raise StoreError(
                f"The runs folder {self.home} cannot be used: {reason}; "
                "let COUNTERWEIGHT_RUNS point to a folder that can be written."
            ) from error

    def _way_out(self) -> str:
        if (self.home / BACKUP).exists():
            return f"move it away and put a copy of {BACKUP}, which lies beside it, in its place"
        return "move it away; the list of ended runs is rebuilt from the files beside it"

    def is_current(self) -> bool:
        """Whether the file opened is still the one at its path (a user may have moved it)."""
        try:
            return self.path.stat().st_ino == self._inode
        except OSError:
            return False

    def close(self) -> None:
        """Close the connection."""
        with self._lock:
            self._db.close()

    def back_up(self, every: float = BACKUP_SECONDS) -> bool:
        """Copy the database to its backup when that is older than `every` seconds; True if done."""
        backup = self.home / BACKUP
        recent = backup.exists() and time.time() - backup.stat().st_mtime < every
        if recent or not self.is_current():
            return False
        part = backup.with_suffix(f".{os.getpid()}")
        with self._lock, self.in_words():
            target = sqlite3.connect(part)
            try:
                self._db.backup(target)
            finally:
                target.close()
            part.replace(backup)
        return True
