"""What holds for every run of a study because of its data alone: counts, and what chance scores."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from engine.config import RunConfig
from engine.datasets import load
from engine.datasets.splits import make_split
from engine.metrics import Ranking
from engine.studies.plan import Plan

MOST_SPLITS = 3
MOST_PAIRS = 2_000_000  # of larger data, one split is looked at


@dataclass(frozen=True)
class DataFacts:
    """n_random: random ratings. uniform: value of uniform_fraction -> |U|.

    chance: column of a study's frame ("test_ndcg5") -> what a random scorer gets there, a mean over
    the first few seeds' splits.
    """

    n_random: int
    uniform: dict[float, int] = field(default_factory=dict)
    chance: dict[str, float] = field(default_factory=dict)


def data_facts(plan: Plan) -> DataFacts:
    """Read the data of a study and split them as its runs do.

    Raises:
        ConfigError, DataError: they cannot be read or split.
    """
    x = plan.values[-1] if plan.axis else None
    configs = [plan.config_of(plan.series[0], x, seed) for seed in plan.seeds[:MOST_SPLITS]]
    ratings = load(configs[0])
    if ratings.n_users * ratings.n_items > MOST_PAIRS:
        configs = configs[:1]
    found = [_chance(config) for config in configs]
    n = len(ratings.random)
    fractions: tuple[Any, ...] = (configs[0].uniform_fraction,)
    if plan.axis == "uniform_fraction":
        fractions = plan.values
    return DataFacts(
        n_random=n,
        uniform={float(share): int(n * share) for share in fractions},
        chance={name: float(np.mean([one[name] for one in found])) for name in found[0]},
    )


def _chance(config: RunConfig) -> dict[str, float]:
    """AUC 0.5, and E[NDCG@k] of a random scorer on both test parts of one split."""
    ratings = load(config)
    split = make_split(ratings, config.split_seed, config.uniform_fraction, config.split)
    told = {}
    for part, index in (("test", split.test), ("test_clean", split.test_clean)):
        pairs = ratings.random.take(index)
        ranking = Ranking(pairs.user, ratings.label(pairs))
        told[f"{part}_auc"] = 0.5
        for k in (5, 10):
            expected = ranking.random_ndcg(k)
            told[f"{part}_ndcg{k}"] = float("nan") if expected is None else expected
    return told
