"""Who trains: worker processes here, and the workers of a Dask cluster."""

from __future__ import annotations

from typing import TYPE_CHECKING

from engine.store import roster
from engine.store.opening import open_runs
from engine.store.roster import WorkerInfo

if TYPE_CHECKING:
    from engine.jobs.scheduler import ClusterInfo


def ensure_workers(n: int | None = None) -> list[int]:
    """Start the missing of `n` worker processes (default one a core), tied to this process."""
    return roster.ensure_workers(open_runs(), n)


def workers() -> list[WorkerInfo]:
    """The living workers of this store, whoever started them."""
    return roster.alive_workers(open_runs())


def check_scheduler(address: str) -> ClusterInfo:
    """Ask for a Dask scheduler, five seconds at most; how many workers it has.

    Raises:
        ConfigError: none answers there. ClusterError: the package distributed is not installed.
    """
    from engine.jobs import scheduler

    return scheduler.check_scheduler(address)


def ensure_cluster(address: str) -> int:
    """Start, unless it runs, a process that has a Dask cluster train what waits; its process id.

    It ends with this process. `check_scheduler` first says whether there is anything to start for.
    """
    return roster.ensure_cluster(open_runs(), address)


def cluster_troubles() -> list[str]:
    """What went wrong on the cluster since that process was started, a sentence each."""
    return roster.cluster_troubles(open_runs())
