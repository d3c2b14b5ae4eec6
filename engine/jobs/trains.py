"""What is driven: a trainer, here or elsewhere, and how it may break."""

from __future__ import annotations

import contextlib
import traceback
from collections.abc import Callable, Collection, Iterator, Mapping
from datetime import datetime
from typing import Any, Protocol

import torch

from engine.config import RunConfig
from engine.errors import CounterweightError
from engine.events import Event, RunDone
from engine.store.database import Store

LOG = "errors.log"


class Trains(Protocol):
    """What is driven: see `engine.training.trainer.Trainer`."""

    def events(self) -> Iterator[Event]:
        """Train; yield after every block and epoch until every run has ended."""

    def state(self) -> tuple[dict[str, torch.Tensor], dict[str, Any]]:
        """All that going on bit for bit needs; callable after any event."""

    def restore(self, tensors: dict[str, torch.Tensor], meta: dict[str, Any]) -> None:
        """Take up a state, before `events`."""

    def stop(self, run: str) -> None:
        """End that run at the next block boundary; without effect on one that has ended."""

    @property
    def position(self) -> tuple[int, int, int]:
        """Whole epochs, blocks of the next, half-steps of the next block that are trained."""

    def set_lam(self, run: str, lam: float) -> None:
        """Change a run's lam from here on; without effect on one that has ended."""

    def by_halves(self, on: bool) -> None:
        """Whether to yield after every half-step too, from the next one on."""

    def tell_every_block(self, on: bool) -> None:
        """Whether each block has to be told; a trainer elsewhere may leave some out."""


Build = Callable[[Mapping[str, RunConfig]], Trains]


class TrainerGone(Exception):  # noqa: N818 (what happened to the trainer, not its mistake)
    """The trainer is out of reach (its process died, say): no fault of the runs, which go on later.

    died: whether its process died of it, which is counted as it is of a local worker.
    """

    def __init__(self, sentence: str, *, died: bool = False) -> None:
        super().__init__(sentence)
        self.died = died


class Broken(Exception):  # noqa: N818 (carries the sentence that the runs fail with)
    """The trainer raised; the message is the user's to read."""


@contextlib.contextmanager
def in_words(store: Store, group: str) -> Iterator[None]:
    """Turn what a group's trainer raises into the sentence its runs fail with.

    Raises:
        Broken: with the sentence. TrainerGone: as it is.
    """
    try:
        yield
    except TrainerGone:
        raise
    except CounterweightError as error:
        raise Broken(str(error)) from error
    except Exception as error:
        with (store.home / LOG).open("a", encoding="utf-8") as log:
            when = datetime.now().isoformat(timespec="seconds")
            log.write(f"{when} group {group}\n{traceback.format_exc()}\n")
        raise Broken(f"{type(error).__name__}: {error}".removesuffix(": ")) from error


def failed(store: Store, group: str, active: Collection[str], sentence: str) -> tuple[RunDone, ...]:
    """The last word on those runs of a group that had not ended when its trainer broke."""
    rows = store.read(
        "SELECT id, epochs_done FROM runs WHERE group_id = ? ORDER BY number", (group,)
    )
    return tuple(
        RunDone(row["id"], "failed", row["epochs_done"], error=sentence)
        for row in rows
        if row["id"] in active
    )
