"""From configs to a trainer that is ready: ratings read once, torch set up alike in every process.

Importing this imports torch and the trainer, which a worker does before its first job.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import torch
from safetensors.numpy import load_file

from engine.balancing import score_gradient
from engine.config import RunConfig
from engine.datasets import load
from engine.datasets.ratings import FloatArray
from engine.jobs.memory import MOST, give_back, keep_buffers
from engine.models import prepare
from engine.store.database import runs_home
from engine.store.observed import keep_observed
from engine.store.records import check_finished
from engine.training.initial import PREFIX
from engine.training.trainer import Trainer


@contextmanager
def tuned() -> Iterator[None]:
    """One thread; no denormals, whose arithmetic is slow once weights get tiny; buffers kept.

    All are settings of the whole process: they are put back, because the process may be a notebook
    that has other uses for its threads, its denormals and its memory.
    """
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    torch.set_flush_denormal(True)
    keep_buffers(True)
    try:
        yield
    finally:
        keep_buffers(False)
        torch.set_flush_denormal(False)
        torch.set_num_threads(threads)


def keep_buffers_of(configs: Collection[RunConfig]) -> None:
    """Within `tuned`, before a group is built: keep the buffers of its steps.

    Of batches of single pairs these are small. What is larger are arrays of all ratings then, used
    once an epoch, which go back to the system in between.
    """
    first = next(iter(configs))
    rows = 2 * first.batch_size * len(configs)  # of B_k and of D_k
    once = 2 * rows * (first.d + 2) * getattr(torch, first.dtype).itemsize
    keep_buffers(True, once if first.sampler == "pairs" else MOST)


def warm_up() -> None:
    """Load now what the first optimizer and the first step would wait for: a second or more."""
    torch.optim.AdamW([torch.zeros(1, requires_grad=True)])
    prepare()
    score_gradient(torch.zeros(1, 1), torch.ones(1, 1, 1), torch.ones(1, 1))


def build(configs: Mapping[str, RunConfig]) -> Trainer:
    """The trainer of one group.

    Raises:
        ConfigError, DataError: as `Trainer`, `initial_of` and `engine.datasets.load` do.
    """
    initial = initial_of(configs, runs_home())
    config = next(iter(configs.values()))
    keep_buffers_of(configs.values())
    ratings = load(config)
    keep_observed(runs_home(), config, ratings)
    trainer = Trainer(configs, ratings, initial=initial)
    give_back()
    return trainer


def initial_of(configs: Mapping[str, RunConfig], home: Path) -> dict[str, dict[str, FloatArray]]:
    """Of the runs that start from a finished one in the store at `home`, its model's parameters.

    Raises:
        ConfigError: a finished run is not there, or trained on other data.
    """
    files = {run: check_finished(home, c) for run, c in configs.items() if c.initial}
    return {
        run: {name: v for name, v in load_file(file).items() if name.startswith(PREFIX)}
        for run, file in files.items()
    }
