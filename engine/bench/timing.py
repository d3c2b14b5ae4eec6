"""Seconds that an epoch of the engine and one of the textbook take."""

from __future__ import annotations

import contextlib
import multiprocessing
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import mean, median
from typing import TYPE_CHECKING, TypeVar

from engine.config import RunConfig, changed

if TYPE_CHECKING:
    from engine.datasets.ratings import Ratings

P = TypeVar("P")
T = TypeVar("T")


@dataclass(frozen=True)
class Timing:
    """Seconds an epoch of a group takes, part by part; most memory in GiB.

    training: its blocks. anchor, evaluation: see `Clock`. diagnostics: all else at an epoch's end,
    the constraint over all ratings among it.
    """

    training: float
    anchor: float
    evaluation: float
    diagnostics: float
    resident: float = 0.0

    @property
    def epoch(self) -> float:
        """All of it."""
        return self.training + self.anchor + self.evaluation + self.diagnostics


def timed(configs: Sequence[RunConfig], epochs: int) -> Timing:
    """What the engine takes an epoch for a whole group.

    Of the blocks the median epoch, as others on the machine slow some; of the rest the mean, as
    parts of it come every tenth epoch only.
    """
    from engine.bench.clocked import Clock
    from engine.events import BlockDone, GroupEpoch
    from engine.jobs.building import tuned
    from engine.training.trainer import Trainer

    group = {str(i): changed(c, patience=0) for i, c in enumerate(configs)}
    training, ends = [], []
    with tuned():
        trainer = Trainer(group, _without_truth(configs[0]))
        clock = Clock(trainer)
        begun = time.process_time()
        for event in trainer.events():
            now = time.process_time()
            if isinstance(event, BlockDone):
                trained = now - begun
                clock.take()
            elif isinstance(event, GroupEpoch):
                if event.epoch > 1:  # the first one warms up
                    training.append(trained)
                    parts = clock.take()
                    whole = now - begun - trained
                    ends.append((*parts.values(), whole - sum(parts.values())))
                if event.epoch > epochs:
                    break
                begun = time.process_time()
    anchor, evaluation, diagnostics = (mean(part) for part in zip(*ends, strict=True))
    return Timing(median(training), anchor, evaluation, diagnostics, most_resident())


def most_resident() -> float:
    """The most memory this process has held, GiB; 0 where the system does not say."""
    return _status("VmHWM:")  # getrusage would tell of the parent's before the exec, too


def resident() -> float:
    """The memory this process holds, GiB; 0 where the system does not say."""
    return _status("VmRSS:")


def forget_most_resident() -> None:
    """Let `most_resident` begin anew from now on, where the system can."""
    with contextlib.suppress(OSError):
        Path("/proc/self/clear_refs").write_text("5", encoding="ascii")


def _status(name: str) -> float:
    status = Path("/proc/self/status")
    lines = status.read_text(encoding="ascii").splitlines() if status.exists() else []
    held = [int(line.split()[1]) for line in lines if line.startswith(name)]
    return max(held, default=0) / 2**20


def _without_truth(config: RunConfig) -> Ratings:
    """The ratings as real ones would be, of which nothing more can be told than real ones tell."""
    from engine.datasets import load

    return replace(load(config), truth=None)


def apart(function: Callable[[P, int], T], configs: P, epochs: int) -> T:
    """What a function gives in a process of its own, whose memory and settings are its own."""
    spawn = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(1, mp_context=spawn) as pool:
        return pool.submit(function, configs, epochs).result()


def textbook_epochs(configs: Sequence[RunConfig], epochs: int) -> list[float]:
    """`textbook_epoch` of each."""
    return [textbook_epoch(config, epochs) for config in configs]


def textbook_epoch(config: RunConfig, epochs: int) -> float:
    """Seconds an epoch of the textbook; with `epochs` 0 from one block, by numbers of pairs."""
    import torch

    from engine.datasets import load
    from engine.textbook import Textbook
    from engine.training.trainer import Trainer

    ratings = load(config)
    textbook = Textbook(config, ratings, Trainer({"run": config}, ratings).state()[0])
    torch.set_num_threads(1)
    begun = time.process_time()
    blocks = textbook.blocks(1)
    loading = time.process_time() - begun
    users, items = blocks[0]
    textbook.step(users[:50], items)  # warms up
    begun = time.process_time()
    if epochs:
        for epoch in range(epochs):
            textbook.epoch(1 + epoch)
        return (time.process_time() - begun) / epochs
    textbook.step(users, items)
    first = time.process_time() - begun
    pairs = sum(len(u) * len(i) for u, i in blocks) / (len(users) * len(items))
    begun = time.process_time()
    textbook.evaluate(1)
    return loading + first * pairs + time.process_time() - begun


def import_seconds() -> float:
    """Seconds to an imported `engine.api`, which the app's start waits for."""
    begun = time.perf_counter()
    subprocess.run([sys.executable, "-c", "import engine.api"], check=True)
    return time.perf_counter() - begun
