"""The Dask scheduler at an address: whether it is there, and a connection to it.

The package distributed is imported here, when it is needed, and nowhere else on the driver's side.
"""

from __future__ import annotations

import asyncio
import logging
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from engine.errors import ClusterError, ConfigError

if TYPE_CHECKING:
    from distributed import Client

ALLOWED = "address of a running Dask scheduler, tcp://host:port"
FIX = "start one with `dask scheduler`, or correct the address"
ANSWER_SECONDS = 4.0


@dataclass(frozen=True)
class ClusterInfo:
    """A scheduler that answers. workers: how many it has now."""

    address: str
    workers: int


def package() -> Any:
    """The package distributed.

    Raises:
        ClusterError: it is not installed.
    """
    try:
        import distributed
    except ImportError as error:
        raise ClusterError(
            "Training on a Dask cluster needs the package distributed, which the two commands do "
            f"not install ({error}); run: pip install '.[cluster]'."
        ) from error
    return distributed


def quiet() -> None:
    """Let distributed log nothing: what matters is told in sentences."""
    package()  # which sets its loggers up
    for name in ("distributed", "tornado"):
        logging.getLogger(name).setLevel(logging.CRITICAL)


def check_scheduler(address: str) -> ClusterInfo:
    """Ask for the scheduler at `address`; takes at most ANSWER_SECONDS or so.

    Raises:
        ConfigError: none answers there.
        ClusterError: distributed is not installed.
    """
    package()
    with ThreadPoolExecutor(1) as own:  # a notebook's thread has an event loop already
        return own.submit(asyncio.run, _ask(address)).result()


async def _ask(address: str) -> ClusterInfo:
    from distributed.core import rpc
    from distributed.security import Security

    try:
        arguments = Security().get_connection_args("client")
        scheduler = rpc(address, timeout=ANSWER_SECONDS, connection_args=arguments)
        try:
            told = await asyncio.wait_for(scheduler.identity(n_workers=0), ANSWER_SECONDS)
        finally:
            await scheduler.close_rpc()
        if told["type"] != "Scheduler":
            raise OSError(f"it is a Dask {told['type']}")
        return ClusterInfo(address, int(told["n_workers"]))
    except Exception as error:  # whatever another program that listens there makes of the question
        raise ConfigError("scheduler", address, ALLOWED, FIX) from error


def connect(address: str) -> Client:
    """A connection to the scheduler at `address`.

    Raises:
        ConfigError: none answers there.
        ClusterError: distributed is not installed.
    """
    check_scheduler(address)
    try:
        client: Client = package().Client(address, timeout=ANSWER_SECONDS)
    except (OSError, ValueError) as error:
        raise ConfigError("scheduler", address, ALLOWED, FIX) from error
    return client


def workers(client: Client) -> dict[str, bool] | None:
    """Workers by address, and whether each takes tasks; None when no answer comes just now."""
    ask = client.scheduler.identity
    try:
        told = client.sync(ask, n_workers=-1, callback_timeout=ANSWER_SECONDS)
    except (OSError, RuntimeError):  # a timeout, or a connection or client that is closed
        return None
    return {address: about["status"] == "running" for address, about in told["workers"].items()}
