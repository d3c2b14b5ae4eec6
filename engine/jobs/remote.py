"""The driver's side of a trainer that lives in a Dask worker: `drive` drives it like any other.

One question, one answer: the worker trains while it is asked for the next event, and no further.
What keeps an answer from coming is told apart: the worker is gone (its runs go on elsewhere), the
scheduler is gone, another driver's group has the worker, or the driver is asked to quit.
"""

from __future__ import annotations

import contextlib
import time
from asyncio import CancelledError
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Protocol

import torch
from safetensors.torch import load as from_bytes
from safetensors.torch import save as to_bytes

from engine.config import RunConfig
from engine.datasets import DATASETS, load
from engine.datasets.ratings import Ratings
from engine.events import Event
from engine.jobs.building import initial_of
from engine.jobs.hosted import Busy, Hosted, Order, Position, Raised, Task
from engine.jobs.trains import TrainerGone

if TYPE_CHECKING:
    from distributed import Client

LOOK_SECONDS = 1.0  # between looks at what keeps an answer
SETTLE_SECONDS = 3.0  # until it shows who is gone, the worker or the scheduler
PATIENCE_SECONDS = 30.0  # for an answer, once the driver is asked to quit


class SchedulerGone(TrainerGone):
    """The connection to the scheduler is lost, and every trainer with it."""


class WorkerBusy(TrainerGone):
    """Another driver's group trains on the worker."""


class CannotHost(TrainerGone):
    """The worker is there and cannot train; the words say why."""


class _Awaited(Protocol):
    """What futures of Dask and of its actors have in common."""

    def done(self) -> bool: ...

    def result(self, timeout: float | None = None) -> Any: ...


class Line:
    """A connection to one trainer on the worker at `address`, made at the first question.

    Args:
        present: whether the scheduler still lists the worker.
        quit_asked: True means that no answer is worth waiting for very long.
    """

    def __init__(
        self,
        client: Client,
        address: str,
        present: Callable[[], bool],
        quit_asked: Callable[[], bool],
    ) -> None:
        self._client, self._address = client, address
        self._present, self._quit_asked = present, quit_asked
        self._place: Any = None
        self._hosted: Any = None
        self._begun = False
        self._loading = True

    def __enter__(self) -> Line:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        at: TracebackType | None,
    ) -> None:
        """Free the worker for the next group."""
        if self._hosted is not None and not isinstance(error, TrainerGone):
            with contextlib.suppress(TrainerGone):
                self.ask("leave")
        self._hosted = self._place = None  # with the last reference Dask drops the actor

    def ask(self, method: str, *arguments: Any) -> Any:
        """What that method of `Hosted` answers.

        Raises:
            TrainerGone: no answer will come.
            Exception: what the trainer raised there.
        """
        if self._hosted is None:
            self._place = self._client.submit(
                Hosted, actor=True, workers=[self._address], allow_other_workers=False
            )
            self._hosted = self._wait(self._place)
        try:
            awaited = getattr(self._hosted, method)(*arguments)
        except RuntimeError as error:  # Dask knows already that the worker is gone
            raise self._gone() from error
        self._begun = True
        answer = self._wait(awaited)
        if isinstance(answer, Busy):
            raise WorkerBusy(f"The worker {self._address} trains for another store.")
        if isinstance(answer, Raised):
            if answer.trace:
                answer.error.add_note(f"On the worker {self._address}:\n{answer.trace}")
            raise answer.error
        self._loading = False
        return answer

    def _wait(self, awaited: _Awaited) -> Any:
        quit_at: float | None = None
        while not awaited.done():
            # What it raises is raised again below, if it is not only that time is up.
            with contextlib.suppress(Exception, CancelledError):
                awaited.result(timeout=LOOK_SECONDS)
            self._look()
            if self._quit_asked() and not awaited.done():
                quit_at = quit_at or time.monotonic()
                if self._loading or time.monotonic() > quit_at + PATIENCE_SECONDS:
                    raise TrainerGone(f"The worker {self._address} does not answer.")
        try:
            return awaited.result(timeout=LOOK_SECONDS)
        except (Exception, CancelledError) as error:
            raise self._gone() from error

    def _look(self) -> None:
        """Raise what is known to keep answers from coming."""
        if self._client.status != "running" or self._place.cancelled():
            raise SchedulerGone("The scheduler is gone.")
        if self._place.status == "error" and self._hosted is None:
            reason = self._place.exception()
            if "Actor was lost" not in str(reason):  # what Dask says when the worker has died
                raise CannotHost(f"{type(reason).__name__}: {reason}")
        if self._place.status == "error" or not self._present():
            raise TrainerGone(f"The worker {self._address} is gone.", died=self._begun)

    def _gone(self) -> TrainerGone:
        """What an answer that failed means: it may take a moment until Dask knows."""
        until = time.monotonic() + SETTLE_SECONDS
        try:
            while time.monotonic() < until:
                self._look()
                time.sleep(0.05)
        except TrainerGone as known:
            return known
        return TrainerGone(f"The worker {self._address} does not answer.", died=self._begun)


class RemoteTrainer:
    """A group's trainer on the other end of a line: see `engine.jobs.trains.Trains`.

    Ratings of files travel with the task, and so do the models of finished runs that some start
    from: workers need neither the data nor the store. Of one epoch's events those at block ends
    arrive only every `engine.jobs.hosted.EXCHANGE_SECONDS`.

    Args:
        home: of the store, which is read here.

    Raises:
        ConfigError, DataError: as `engine.jobs.building.build` does.
        TrainerGone: as every method does when no answer will come.
    """

    def __init__(self, line: Line, configs: Mapping[str, RunConfig], home: Path) -> None:
        self._line = line
        self._orders: list[Order] = []
        self._halves = self._every_block = False
        self.position: Position = (0, 0, 0)
        ratings = _ratings_of(next(iter(configs.values())))
        line.ask("begin", Task(dict(configs), ratings, initial_of(configs, home)))

    def restore(self, tensors: dict[str, torch.Tensor], meta: dict[str, Any]) -> None:
        """Take up a state, before `events`."""
        self.position = self._line.ask("restore", to_bytes(tensors), meta)

    def events(self) -> Iterator[Event]:
        """Train there; yield every epoch, and where training is every half second between."""
        while True:
            orders, self._orders = self._orders, []
            closely = self._halves or self._every_block
            event: Event | None
            event, self.position = self._line.ask("advance", orders, closely)
            if event is None:
                return
            yield event

    def stop(self, run: str) -> None:
        """End that run at the next block boundary."""
        self._orders.append(("stop", (run,)))

    def set_lam(self, run: str, lam: float) -> None:
        """Change a run's lam from here on."""
        self._orders.append(("set_lam", (run, lam)))

    def by_halves(self, on: bool) -> None:
        """Whether to yield after every half-step too."""
        self._halves = on
        self._orders.append(("by_halves", (on,)))

    def tell_every_block(self, on: bool) -> None:
        """Whether to yield after every block, however quick."""
        self._every_block = on

    def state(self) -> tuple[dict[str, torch.Tensor], dict[str, Any]]:
        """The state after the last event."""
        orders, self._orders = self._orders, []
        tensors, meta = self._line.ask("state", orders)
        return from_bytes(tensors), meta


def _ratings_of(config: RunConfig) -> Ratings | None:
    """What the group trains on, as read here; None for what every worker can simulate."""
    spec = DATASETS.get(config.dataset)
    return None if spec is not None and spec.about.simulated else load(config)
