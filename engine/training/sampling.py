"""How an epoch is cut into mini-batches, as a config asks: blocks of users x items, or pairs."""

from __future__ import annotations

from typing import Any, Protocol

from engine.config import RunConfig
from engine.datasets.ratings import Ratings
from engine.training.batch import Batch
from engine.training.blocks import Block, BlockSampler, EpochPlan
from engine.training.lanes import Lanes
from engine.training.levels import Levels
from engine.training.pairs import Draw, PairPlan, PairSampler, PairView
from engine.training.view import View

Plan = EpochPlan | PairPlan
Piece = Block | Draw


class Batches(Protocol):
    """The batches of an epoch."""

    def batch(self, piece: Any) -> Batch:
        """That of one piece of the plan they are of."""


class Sampling:
    """The sampler of a group, and the batches of its plans. on_all: the method has a term on D."""

    def __init__(self, config: RunConfig, ratings: Ratings, lanes: Lanes, on_all: bool) -> None:
        biased, self._shape = ratings.biased, (ratings.n_users, ratings.n_items)
        self._on_all = on_all
        self._levels: Levels | None = None
        self._sampler: BlockSampler | PairSampler
        if config.sampler == "blocks":
            size = config.block_users, config.block_items
            self._sampler = BlockSampler(
                biased.user, biased.item, self._shape, size, config.block_seed
            )
            return
        self._sampler = PairSampler(len(biased), config.batch_size, config.block_seed)
        if on_all:
            self._levels = Levels(lanes.user, lanes.item, lanes.level, ratings.n_items)

    def epoch(self, epoch: int) -> Plan:
        """The plan of one epoch."""
        return self._sampler.epoch(epoch)

    def view(self, plan: Plan, lanes: Lanes) -> Batches:
        """The batches of a plan."""
        if isinstance(plan, PairPlan):
            return PairView(plan, lanes, self._shape, self._levels)
        return View(plan, lanes, self._on_all)
