"""What a claim rests on: every seed's test ratings, and how the methods scored them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from engine.errors import ConfigError
from engine.events import METRICS


@dataclass(frozen=True, eq=False)
class SeedTest:
    """One seed's test ratings.

    Args:
        user: codes [n]; the same code is the same user in every seed.
        label: 0/1 [n].
        scores: method -> its scores [n], all of models that never saw these ratings.

    Raises:
        ConfigError: lengths differ, a label is not 0 or 1, a score is not a finite number.
    """

    user: NDArray[np.integer[Any]]
    label: NDArray[np.floating[Any]]
    scores: Mapping[str, NDArray[np.floating[Any]]]

    def __post_init__(self) -> None:
        n = len(self.user)
        if not n:
            raise ConfigError("test", "no rating", "at least one test rating in every seed")
        if len(self.label) != n or not np.isin(self.label, (0, 1)).all():
            raise ConfigError("label", f"{len(self.label)} labels", f"{n} labels of 0 or 1")
        for method, score in self.scores.items():
            if np.shape(score) != (n,):
                raise ConfigError("scores", f"{np.shape(score)} from {method}", f"shape ({n},)")
            if not np.isfinite(score).all():
                raise ConfigError(
                    "scores",
                    f"scores of {method} that are not numbers",
                    "finite scores",
                    "the run has diverged: lower lr or lam, or leave the method out",
                )


@dataclass(frozen=True, eq=False)
class Contest:
    """The claims "a is better than b" on one data set: every pair in every metric.

    Args:
        data: the data set's name, as readers know it.
        tests: one a seed.
        pairs: (a, b), each a claim that a is better than b.
        metrics: names of `events.METRICS`.
        same_users: True where the seeds split the ratings of one data set, so that a user is the
            same person in every seed. False where every seed draws a data set of its own
            (data_seed): the seeds then differ in their users too, and they alone are resampled.

    Raises:
        ConfigError: nothing to compare, a method without scores in some seed, an unknown metric.
    """

    data: str
    tests: tuple[SeedTest, ...]
    pairs: tuple[tuple[str, str], ...]
    metrics: tuple[str, ...] = METRICS
    same_users: bool = True

    def __post_init__(self) -> None:
        for name, given in (("seeds", self.tests), ("pairs", self.pairs)):
            if not given:
                raise ConfigError(name, "none", "at least one")
        if not self.metrics or not set(self.metrics) <= set(METRICS):
            raise ConfigError("metrics", self.metrics, "names of " + ", ".join(METRICS))
        for a, b in self.pairs:
            if a == b:
                raise ConfigError("pairs", (a, b), "two different methods")
            missing = [i for i, test in enumerate(self.tests) if not {a, b} <= set(test.scores)]
            if missing:
                raise ConfigError(
                    "scores",
                    f"seeds without both {a} and {b} (by position): {missing}",
                    "scores of both methods in every seed",
                    "compare the seeds that both have",
                )

    @property
    def methods(self) -> tuple[str, ...]:
        """Every method of some pair, once, in order of appearance."""
        return tuple(dict.fromkeys(method for pair in self.pairs for method in pair))
