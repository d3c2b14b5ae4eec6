"""A trainer in a process of a Dask cluster: an actor that trains as far as it is asked to.

This is what runs on the cluster's workers. It knows no store: who holds it (`engine.jobs.remote`)
asks for the next event or for the state. Between two questions nothing trains, so that the state
asked for is always that of the last event told. The scheduler imports this too: keep it light.
"""

from __future__ import annotations

import pickle
import time
import traceback
import weakref
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from functools import wraps
from typing import TYPE_CHECKING, Any, Concatenate, ParamSpec, TypeVar

from engine.errors import CounterweightError

if TYPE_CHECKING:
    from engine.config import RunConfig
    from engine.datasets.ratings import FloatArray, Ratings
    from engine.events import Event
    from engine.training.trainer import Trainer

EXCHANGE_SECONDS = 0.5

Order = tuple[str, tuple[Any, ...]]
Position = tuple[int, int, int]
Given = ParamSpec("Given")
Answer = TypeVar("Answer")


@dataclass(frozen=True)
class Task:
    """One group to train. ratings: None where they are simulated, which is done on the spot.

    initial: of runs that start from a finished one, the parameters of its model by name.
    """

    configs: Mapping[str, RunConfig]
    ratings: Ratings | None = None
    initial: Mapping[str, Mapping[str, FloatArray]] = field(default_factory=dict)


@dataclass(frozen=True)
class Raised:
    """What the trainer raised. An answer like any other, so that no loss of a worker looks alike.

    trace: where in the worker, for the log; empty for what is the user's to read.
    """

    error: Exception
    trace: str = ""

    @staticmethod
    def of(error: Exception) -> Raised:
        """The error that is being handled; one that cannot travel goes as its name and words."""
        if isinstance(error, CounterweightError):
            return Raised(error)
        try:
            pickle.loads(pickle.dumps(error))
        except Exception:
            return Raised(RuntimeError(f"{type(error).__name__}: {error}"), traceback.format_exc())
        return Raised(error, traceback.format_exc())


class Busy:
    """Another driver's group trains in this process."""


def _told(
    method: Callable[Concatenate[Hosted, Given], Answer],
) -> Callable[Concatenate[Hosted, Given], Answer | Raised]:
    """Answer with what the trainer raises."""

    @wraps(method)
    def told(self: Hosted, /, *args: Given.args, **kwargs: Given.kwargs) -> Answer | Raised:
        try:
            return method(self, *args, **kwargs)
        except Exception as error:
            return Raised.of(error)

    return told


_holder: weakref.ref[Hosted] | None = None


class Hosted:
    """At most one group's trainer. Dask runs every method in the same thread of the worker."""

    def __init__(self) -> None:
        self._trainer: Trainer | None = None
        self._events: Iterator[Event] = iter(())
        self._settings = ExitStack()
        # Also when its driver has died, and Dask drops this object.
        weakref.finalize(self, self._settings.close).atexit = False

    @_told
    def prepare(self) -> None:
        """Load torch and the trainer now, which takes seconds before the first group else."""
        from engine.jobs.building import warm_up

        warm_up()

    @_told
    def begin(self, task: Task) -> Busy | None:
        """Build the trainer, unless another one has this process."""
        global _holder
        other = _holder() if _holder is not None else None
        if other is not None and other._trainer is not None:
            return Busy()
        from engine.datasets import load
        from engine.jobs.building import keep_buffers_of, tuned
        from engine.training.trainer import Trainer

        _holder = weakref.ref(self)
        self._settings.enter_context(tuned())
        first = next(iter(task.configs.values()))
        keep_buffers_of(task.configs.values())
        ratings = load(first) if task.ratings is None else task.ratings
        self._trainer = Trainer(task.configs, ratings, initial=task.initial)
        self._events = self._trainer.events()
        return None

    @_told
    def restore(self, tensors: bytes, meta: dict[str, Any]) -> Position:
        """Take up a state, before the first event; the position it is of."""
        from safetensors.torch import load

        self._training.restore(load(tensors), meta)
        return self._training.position

    @_told
    def advance(self, orders: Sequence[Order], closely: bool) -> tuple[Event | None, Position]:
        """Train to the end of the epoch, or to a block's end once EXCHANGE_SECONDS have passed.

        Args:
            orders: what to ask of the trainer first: a method that answers nothing, its arguments.
            closely: stop at the next event of any kind.

        Returns:
            The event that training has come to, None after the last; and the trainer's position.
        """
        from engine.events import BlockDone

        self._obey(orders)
        until = time.monotonic() + EXCHANGE_SECONDS
        for event in self._events:
            if closely or not isinstance(event, BlockDone) or time.monotonic() >= until:
                return event, self._training.position
        return None, self._training.position

    @_told
    def state(self, orders: Sequence[Order]) -> tuple[bytes, dict[str, Any]]:
        """The trainer's state after the last event and `orders`: tensors as safetensors; the rest.

        Args:
            orders: as `advance` takes them.
        """
        from safetensors.torch import save

        self._obey(orders)
        tensors, meta = self._training.state()
        return save({k: v.detach().cpu().contiguous() for k, v in tensors.items()}), meta

    def _obey(self, orders: Sequence[Order]) -> None:
        for method, arguments in orders:
            getattr(self._training, method)(*arguments)

    def leave(self) -> None:
        """Let go of the trainer, and put back the settings of the process."""
        self._trainer, self._events = None, iter(())
        self._settings.close()

    @property
    def _training(self) -> Trainer:
        assert self._trainer is not None  # `begin` comes first
        return self._trainer
