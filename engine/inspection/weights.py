"""One run's weights at its best epoch, pair by pair, beside exact and oracle weights."""

from __future__ import annotations

import math
from collections.abc import Callable, Hashable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Literal, TypeVar

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from engine.config import RunConfig
from engine.diagnostics import Floats, kl, log_correlation
from engine.events import HISTOGRAM_EDGES
from engine.inspection import pair_map, views

Made = TypeVar("Made")
Way = Literal["exact", "exact_hard", "oracle", "hidden"]
Block = Literal["observed", "all"]  # w2 on B, and w1 on D where the method has a term there


@dataclass(frozen=True)
class Weights:
    """What `looking.inspect` found. Everything a chart needs is a small frame made on demand.

    block: which weights these are; blocks: all that the method has.
    pairs: one row a biased pair, in the data set's order: user, item, rating, label, weight (mean
    1; 0 for pairs held out), inverse_propensity, prediction, error, user_activity,
    item_popularity, user_group, item_group (1 to 12), exact (at the run's lam), exact_hard, and on
    simulated data oracle (p_hat/p~, mean 1) and hidden (the confounder h). Of weights on D, one row
    a pair of D: observed (1 where it is rated, else rating, label and error are NaN), imputed (the
    imputed error), an inverse_propensity only where the method has one there, and oracle 1: D is
    what is to be estimated.
    constraint: one row a moment: uniform, weighted and exact left sides, of both blocks together,
    target and its se. exact_note: why there are no exact weights, or what the solver has to say;
    empty: all is well. hard_feasible: whether any weights meet the hard constraint.
    of_pairs: how many pairs there are where `pairs` is a sample of them (or all), 0 of B.
    """

    run: str
    epoch: int
    config: RunConfig
    simulated: bool
    pairs: pd.DataFrame = field(repr=False)
    numbers: pd.DataFrame = field(repr=False)
    love: pd.DataFrame = field(repr=False)
    constraint: pd.DataFrame = field(repr=False)
    verdict: str
    block: Block = "observed"
    blocks: tuple[Block, ...] = ("observed",)
    exact_note: str = ""
    hard_feasible: bool = True
    of_pairs: int = 0
    feature_tables: Mapping[str, Floats] = field(default_factory=dict, repr=False)
    names: tuple[tuple[str, ...] | None, tuple[str, ...] | None] = (None, None)
    _held: dict[Hashable, Any] = field(default_factory=dict, init=False, repr=False, compare=False)

    def _once(self, *key: Hashable, make: Callable[[], Made]) -> Made:
        """What `make` gives, made once: sorting Music's pairs for every chart adds up."""
        if key not in self._held:
            self._held[key] = make()
        found: Made = self._held[key]
        return found

    @property
    def features(self) -> tuple[str, ...]:
        """Features of users and items by name: "user:NAME", "item:NAME"."""
        return tuple(self.feature_tables)

    def column(self, name: str) -> Floats:
        """A column of `pairs`, or a feature of each pair's user or item, [n]."""
        if name in self.feature_tables:
            code = self.pairs["user" if name.startswith("user:") else "item"].to_numpy()
            return np.asarray(self.feature_tables[name][code])
        return self.pairs[name].to_numpy(dtype=np.float64)

    @cached_property
    def cells(self) -> pd.DataFrame:
        """The 12 x 12 map, one row a filled cell."""
        return views.cells(self.pairs)

    @cached_property
    def _sample(self) -> pd.DataFrame:
        return self.named(views.sample(self.pairs))

    def sample(self, always: list[int] | None = None) -> pd.DataFrame:
        """At most `views.SAMPLE` pairs, always the same ones, and the pairs numbered `always`."""
        missing = sorted(set(always or []) - set(self._sample.index))
        if not missing:
            return self._sample
        return pd.concat([self._sample, self.named(self.pairs.loc[missing])])

    def binned(self, name: str, of: str = "weight", bins: int = views.BINS) -> pd.DataFrame:
        """Mean weight within bins of a column, over all used pairs, with 95 % intervals.

        Pairs without a value (the label of one not rated) are left out.
        """

        def make() -> pd.DataFrame:
            values = self.column(name)
            used = self.used & np.isfinite(values)
            return views.binned(values[used], self.column(of)[used], bins)

        return self._once("binned", name, of, bins, make=make)

    def histogram(self, mask: NDArray[np.bool_] | None = None) -> pd.DataFrame:
        """Share of the used pairs (of those of `mask` [n]) by log2 of their weight."""
        rows = self.used if mask is None else self.used & mask
        return views.histogram(self.column("weight")[rows], HISTOGRAM_EDGES)

    def extremes(self, n: int = 10, cell: tuple[int, int] | None = None) -> pd.DataFrame:
        """The most up- and down-weighted pairs, of one cell of the map or of all."""

        def make() -> pd.DataFrame:
            pairs = self.pairs if cell is None else self.pairs[self.in_cell(cell)]
            some = bool((pairs["weight"] > 0).any())
            return self.named(views.extremes(pairs, n)) if some else pairs[:0]

        return self._once("extremes", n, cell, make=make)

    def in_cell(self, cell: tuple[int, int]) -> NDArray[np.bool_]:
        """Which pairs lie in the cell (user_group, item_group), [n]."""
        frame = self.pairs
        here = (frame["user_group"] == cell[0]) & (frame["item_group"] == cell[1])
        return here.to_numpy(dtype=bool)

    @cached_property
    def used(self) -> NDArray[np.bool_]:
        """Which pairs the predictor trains on, [n]."""
        return (self.pairs["weight"] > 0).to_numpy(dtype=bool)

    @cached_property
    def ranks(self) -> pair_map.Ranks:
        """Users by activity and items by popularity, as the map of pairs orders them."""
        return pair_map.Ranks.of(self.pairs)

    def pair_map(
        self, cell: tuple[int, int] | None = None, box: pair_map.Box | None = None
    ) -> pair_map.PairMap:
        """Pairs of a cell of the 12 x 12 map (of all) in `box`, ranks; binned where that is large.

        A cell without users or items counts as none, and a box beyond it as its nearest part.
        """
        found = None if cell is None else self.ranks.cell(self.pairs, cell)
        within = found or self.ranks.whole
        part = within if box is None else self.ranks.clipped(box, within)

        def make() -> pair_map.PairMap:
            return pair_map.pair_map(self.ranks, self.pairs["weight"].to_numpy(), part, within)

        return self._once("pair_map", cell, make=make) if box is None else make()

    def beside(self, way: Way) -> tuple[float | None, float]:
        """Correlation of logarithms with, and KL(w || .) to, other weights; (None, NaN) where
        there is nothing to compare with. Of `hidden` the correlation is with h itself.
        """
        if way not in self.pairs:
            return None, math.nan

        def make() -> tuple[float | None, float]:
            weight, other = self.column("weight")[self.used], self.column(way)[self.used]
            if way == "hidden":
                return log_correlation(weight, np.exp(other)), math.nan
            return log_correlation(weight, other), kl(weight, other)

        return self._once("beside", way, make=make)

    def traits(self, pairs: pd.DataFrame) -> pd.DataFrame:
        """Pairs with what is known of them in words, user_is and item_is: features that are 1 by
        their name, others with their value; without these columns where there are no features.
        """
        frame = pairs.copy()
        for side in ("user", "item"):
            tables = {k: v for k, v in self.feature_tables.items() if k.startswith(f"{side}:")}
            if tables:
                codes = frame[side].to_numpy()
                frame[f"{side}_is"] = [_trait(tables, int(code)) for code in codes]
        return frame

    def named(self, pairs: pd.DataFrame) -> pd.DataFrame:
        """Pairs with who and what they are: the source's own ids where it has them."""
        frame = pairs.copy()
        for side, names in zip(("user", "item"), self.names, strict=True):
            code = frame[side].to_numpy()
            shown = [names[k] for k in code] if names else [str(k) for k in code]
            frame[f"{side}_name"] = shown
        return frame


def _trait(tables: Mapping[str, Floats], code: int) -> str:
    said = []
    for name, table in tables.items():
        value, plain = float(table[code]), name.split(":", 1)[1]
        if np.isin(table, (0, 1)).all():
            said += [plain] if value == 1 else []
        else:
            said.append(f"{plain} {value:g}")
    return ", ".join(said)
