"""From what a run keeps of an epoch to `Weights`: pairs, references, the love plot, numbers.

A method with a term on D (DR, AutoDebias) has two blocks of weights, w2 on B and w1 on D. They
share one constraint and so one mu of the exact weights; that is solved for once, for both.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property

import numpy as np
import pandas as pd

from engine.config import RunConfig, columns_of
from engine.datasets.ratings import Ratings
from engine.diagnostics import PAIRS_MAX, PAIRS_SAMPLE, FloatArray
from engine.errors import StoreError
from engine.inspection import covariates, numbers, references, rows, verdicts
from engine.inspection.everywhere import Everywhere, everywhere, lacking
from engine.inspection.models import Arrays
from engine.inspection.weights import Block, Weights
from engine.methods import METHODS


@dataclass(frozen=True)
class Look:
    """What a run keeps of one epoch, and what was found on looking at it.

    arrays: of the run's file: theta.*, phi.*, xi.*, weights.*, none with a run axis. facts:
    numbers stored of the epoch (violation, target_se, ess_all, exact_kl, ...).
    """

    run: str
    epoch: int
    config: RunConfig
    ratings: Ratings = field(repr=False)
    arrays: Arrays = field(repr=False)
    facts: Mapping[str, float] = field(repr=False)

    @property
    def blocks(self) -> tuple[Block, ...]:
        """The blocks of weights that the method has."""
        on_all = "all" in METHODS[self.config.method].info.supports
        return ("observed", "all") if on_all else ("observed",)

    @property
    def n_pairs(self) -> int:
        """How many pairs there are weights of, in both blocks."""
        everywhere = self.ratings.n_users * self.ratings.n_items if "all" in self.blocks else 0
        drawn = everywhere if everywhere <= PAIRS_MAX else PAIRS_SAMPLE
        return len(self.ratings.biased) + drawn

    @cached_property
    def trouble(self) -> str:
        """Why w1 cannot be made again; empty where it can, or where there is none."""
        missing = lacking(self.config, self.arrays) if "all" in self.blocks else []
        if not missing:
            return ""
        return (
            f"Run {self.run} was stored by an older version, which did not keep what its weights "
            f"on all pairs (w1) came from ({', '.join(missing)}). Train it again from the Lab to "
            "inspect them."
        )

    def of(self, block: Block) -> Weights:
        """One block of weights.

        Raises:
            StoreError: the method has none there, or the run does not keep what they came from.
        """
        if block not in self.blocks:
            title = METHODS[self.config.method].info.title
            raise StoreError(
                f"Run {self.run} ({title}) has no weights on all pairs (w1): its estimator has no "
                "term there. DR and AutoDebias have."
            )
        if block == "observed":
            return self.observed
        if self.trouble:
            raise StoreError(self.trouble)
        return self.everywhere

    def ready(self, block: Block) -> bool:
        """Whether `of` gives that block without working it out."""
        return {"observed": "observed", "all": "everywhere"}[block] in vars(self)

    @cached_property
    def observed(self) -> Weights:
        """w2, on B."""
        pairs = self._rated.copy()
        found = self._weights("observed", pairs, 0)
        love = covariates.of_observed(self.config, self.ratings, self.arrays, pairs)
        return self._told(replace(found, love=love))

    @cached_property
    def everywhere(self) -> Weights:
        """w1, on D; `trouble` is empty."""
        assert self._d is not None
        pairs = rows.everywhere(self.config, self.ratings, self._d)
        found = self._weights("all", pairs, 1)
        n_pairs = self.ratings.n_users * self.ratings.n_items
        love = covariates.of_everywhere(self.ratings, pairs)
        return self._told(replace(found, love=love, of_pairs=n_pairs))

    @cached_property
    def _rated(self) -> pd.DataFrame:
        return rows.observed(self.ratings, self.arrays)

    @cached_property
    def _d(self) -> Everywhere | None:
        if "all" not in self.blocks or self.trouble:
            return None
        return everywhere(self.config, self.ratings, self.arrays)

    @cached_property
    def _fits(self) -> tuple[references.Fit, ...]:
        """The blocks of the constraint, B first; none where one of them is not known."""
        if self.trouble:
            return ()
        x = np.asarray(self.arrays["weights.x"], dtype=np.float64)
        weight = self._rated["weight"].to_numpy()
        fits = [references.fit_of(self.config, self.ratings, weight, x)]
        if self._d is not None:
            fits.append(references.Fit(self._d.x, self._d.inside, self._d.inside, 1.0))
        return tuple(fits)

    @cached_property
    def _solved(self) -> dict[str, references.Exact]:
        if not self._fits:
            return {}
        target, covariance = (
            np.asarray(self.arrays[f"weights.{k}"], dtype=np.float64)
            for k in ("target", "covariance")
        )
        strengths = {"exact": self.config.lam, "exact_hard": math.inf}
        return {
            name: references.solve(lam, self.config, self._fits, target, covariance)
            for name, lam in strengths.items()
        }

    @cached_property
    def _constraint(self) -> pd.DataFrame:
        """Both sides of every moment: what uniform, learned and exact weights make of it."""
        if not self._fits:
            return pd.DataFrame()
        mine = (self._rated["weight"].to_numpy(), *([self._d.weight] if self._d else []))
        ways = {"uniform": tuple(np.ones(len(w)) for w in mine), "weight": mine}
        ways |= {name: exact.weights for name, exact in self._solved.items()}
        left = {name: _left(self._fits, weights) for name, weights in ways.items()}
        covariance = np.asarray(self.arrays["weights.covariance"], dtype=np.float64)
        return pd.DataFrame(
            {
                "moment": columns_of(self.config.moments),
                **left,
                "target": np.asarray(self.arrays["weights.target"], dtype=np.float64),
                "se": np.sqrt(np.diag(covariance)),
            }
        )

    def _weights(self, block: Block, pairs: pd.DataFrame, place: int) -> Weights:
        for name, exact in self._solved.items():
            pairs[name] = exact.weights[place]
        hard = self._solved.get("exact_hard")
        solution = None if hard is None else hard.solution
        return Weights(
            run=self.run,
            epoch=self.epoch,
            config=self.config,
            simulated=self.ratings.simulated,
            pairs=pairs,
            numbers=pd.DataFrame(),
            love=pd.DataFrame(),
            constraint=self._constraint,
            verdict="",
            block=block,
            blocks=self.blocks,
            exact_note=self.trouble if solution is None else solution.message,
            hard_feasible=solution is None or solution.feasible,
            feature_tables=covariates.features(self.ratings),
            names=(self.ratings.user_names, self.ratings.item_names),
        )

    def _told(self, found: Weights) -> Weights:
        told = numbers.of_run(found, self.facts)
        return replace(
            found, numbers=numbers.table(told), verdict=verdicts.verdict(found, self.facts)
        )


def _left(fits: tuple[references.Fit, ...], weights: tuple[FloatArray, ...]) -> FloatArray:
    """Left sides [k]: of every block, mass * mean of x under the weights of the pairs used."""
    total = np.zeros(fits[0].x.shape[1])
    for fit, w in zip(fits, weights, strict=True):
        total += fit.mass * np.average(fit.x[fit.used], axis=0, weights=w[fit.used])
    return total
