"""From configs to a trainer that is ready: ratings read once, torch set up alike in every process.

Importing this imports torch and the trainer, which a worker does before its first job.
"""

from __future__ import annotations

from collections.abc import Mapping

import torch

from engine.config import RunConfig
from engine.datasets import load
from engine.training.trainer import Trainer


def set_up() -> None:
    """One thread a process, and no denormals, whose arithmetic is slow once weights get tiny."""
    torch.set_num_threads(1)
    torch.set_flush_denormal(True)


def warm_up() -> None:
    """Have torch load now what it otherwise loads with the first optimizer: a second or more."""
    torch.optim.AdamW([torch.zeros(1, requires_grad=True)])


def build(configs: Mapping[str, RunConfig]) -> Trainer:
    """The trainer of one group.

    Raises:
        ConfigError, DataError: as `Trainer` and `engine.datasets.load` do.
    """
    return Trainer(configs, load(next(iter(configs.values()))))
