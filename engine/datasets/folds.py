"""Which biased ratings a model never sees: folds, and the tenth that held-out errors are of."""

from __future__ import annotations

import numpy as np

from engine.config import RunConfig
from engine.datasets.ratings import IntArray

HELD_OUT = 10  # one in so many pairs
Bools = np.ndarray[tuple[int], np.dtype[np.bool_]]


def folds_of(n: int, folds: int, seed: int) -> IntArray:
    """The fold of each of n pairs, from (seed, folds) alone; sizes differ by one at most."""
    return np.random.default_rng([seed, folds]).permutation(n) % folds


def held_out(config: RunConfig, n: int) -> Bools | None:
    """Which of the n biased ratings balanced runs of `config` train nothing on; None: there are
    none. Weights alone are fitted on them.
    """
    if config.residuals != "held_out":
        return None
    held: Bools = folds_of(n, HELD_OUT, config.block_seed) == 0
    return held
