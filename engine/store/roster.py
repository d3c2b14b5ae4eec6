"""Which worker processes there are, and starting the missing ones. Imports no torch."""

from __future__ import annotations

import atexit
import os
import subprocess
import sys
import threading
import time
from dataclasses import dataclass
from pathlib import Path

from engine.store.database import Row, Store
from engine.store.processes import Process

LOG = "workers.log"
CLUSTER_LOG = "cluster.log"


@dataclass(frozen=True)
class WorkerInfo:
    """A living worker. group: what it trains, None when idle. ours: started by this process."""

    pid: int
    host: str
    group: str | None
    ours: bool


def register(store: Store, worker: Process, parent: Process | None) -> None:
    """List a worker, and forget those of this machine that have died."""
    rows = store.read("SELECT * FROM workers")
    gone = [p for p in map(_process, rows) if p.local and not p.alive()]
    with store.transaction() as db:
        db.executemany(
            "DELETE FROM workers WHERE host = ? AND pid = ? AND start = ?",
            [(p.host, p.pid, p.start) for p in gone],
        )
        db.execute(
            "INSERT OR REPLACE INTO workers (host, pid, start, parent_pid, parent_start, started) "
            "VALUES (?, ?, ?, ?, ?, ?)",
            (
                *(worker.host, worker.pid, worker.start),
                *((parent.pid, parent.start) if parent else (None, None)),
                time.time(),
            ),
        )


def unregister(store: Store, worker: Process) -> None:
    """Take a worker off the list."""
    with store.transaction() as db:
        db.execute(
            "DELETE FROM workers WHERE host = ? AND pid = ? AND start = ?",
            (worker.host, worker.pid, worker.start),
        )


def beat(store: Store, worker: Process) -> None:
    """Count a worker's heartbeat up: how those who cannot see its process know that it lives."""
    with store.transaction() as db:
        db.execute(
            "UPDATE workers SET beat = beat + 1 WHERE host = ? AND pid = ? AND start = ?",
            (worker.host, worker.pid, worker.start),
        )


def alive_workers(store: Store) -> list[WorkerInfo]:
    """The living workers of this machine that serve this store."""
    rows = store.read(
        "SELECT w.*, g.id AS group_id FROM workers w LEFT JOIN groups g ON g.state = 'running' "
        "AND g.host = w.host AND g.pid = w.pid AND g.start = w.start ORDER BY w.started"
    )
    me = Process.here()
    return [
        WorkerInfo(
            *(row["pid"], row["host"], row["group_id"]),
            ours=(row["parent_pid"], row["parent_start"]) == (me.pid, me.start),
        )
        for row in rows
        if _process(row).alive()
    ]


def _process(row: Row) -> Process:
    return Process(row["host"], row["pid"], row["start"])


_lock = threading.Lock()
_children: dict[Path, list[subprocess.Popen[bytes]]] = {}
_drivers: dict[Path, tuple[str, subprocess.Popen[bytes]]] = {}


def ensure_workers(store: Store, n: int | None = None) -> list[int]:
    """Start the workers that are missing of `n` (one a core); the ids of all that are this app's.

    They end with this process: at its exit they are told to, and when it is killed they notice
    within a second or two.
    """
    wanted = n if n is not None else cores()
    with _lock:
        _end_with_this_process()
        children = _children.setdefault(store.home, [])
        children[:] = [child for child in children if child.poll() is None]
        missing = range(wanted - len(children))
        children += [_start(store.home, "engine.jobs.worker", store.home / LOG) for _ in missing]
        return [child.pid for child in children]


def ensure_cluster(store: Store, address: str) -> int:
    """Start the driver of the Dask cluster at `address`, unless it runs; its process id.

    It ends with this process, as workers do. One of another cluster is told to end: its groups go
    back to the queue. What goes wrong there, `cluster_troubles` tells.
    """
    with _lock:
        _end_with_this_process()
        known = _drivers.get(store.home)
        if known is not None:
            if known[0] == address and known[1].poll() is None:
                return known[1].pid
            known[1].terminate()
        log = store.home / CLUSTER_LOG
        with store.in_words():
            log.unlink(missing_ok=True)
        driver = _start(store.home, "engine.jobs.cluster", log, "--scheduler", address)
        _drivers[store.home] = (address, driver)
        return driver.pid


def cluster_troubles(store: Store) -> list[str]:
    """What the driver of a cluster said since it was started last, a sentence each."""
    log = store.home / CLUSTER_LOG
    with store.in_words():
        return log.read_text(encoding="utf-8").splitlines() if log.exists() else []


def cores() -> int:
    """Cores this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _start(home: Path, module: str, log_at: Path, *options: str) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", module, "--home", str(home), *options]
    package = str(Path(__file__).resolve().parents[2])
    search = os.pathsep.join(filter(None, (package, os.environ.get("PYTHONPATH"))))
    with log_at.open("ab") as log:
        return subprocess.Popen(
            [*command, "--parent", str(Process.here())],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            env={**os.environ, "PYTHONPATH": search, "OMP_NUM_THREADS": "1"},
            # Its own session: Ctrl-C in the terminal is the app's, which then ends its workers.
            start_new_session=True,
            creationflags=getattr(subprocess, "CREATE_NEW_PROCESS_GROUP", 0),
        )


def stop_workers() -> None:
    """Ask this process's workers and drivers to end; each gives its groups back first."""
    with _lock:
        children = [child for group in _children.values() for child in group]
        children += [driver for _, driver in _drivers.values()]
        _children.clear()
        _drivers.clear()
    for child in children:
        _terminate(child)


def _end_with_this_process() -> None:
    if not _children and not _drivers:
        atexit.register(stop_workers)


def _terminate(child: subprocess.Popen[bytes]) -> None:
    # Where signals are not POSIX's it would kill; there they notice that the app is gone.
    if os.name == "posix" and child.poll() is None:
        child.terminate()
