"""Where values of a study's axis stand: λ on a log scale with 0 beside it, or the size of U."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

from dashboard.charts.theme import lam_label

PAPER_MAX = 1.0  # the paper's grid is {0, 2^-9, 2^-6, 2^-3, 1}
DODGE = 0.07  # between series, in units of the smallest step


@dataclass(frozen=True)
class Axis:
    """position: value -> place. ticks: (place, text), two lines apart by "\\n".

    step: the smallest distance of two values. broken_at: where the scale breaks, None where it does
    not. shaded: (from, to, what it is), or None.
    """

    title: str
    position: Mapping[float, float]
    ticks: tuple[tuple[float, str], ...]
    step: float = 1.0
    broken_at: float | None = None
    shaded: tuple[float, float, str] | None = None

    @property
    def ends(self) -> tuple[float, float]:
        """The places between which everything is drawn."""
        places = list(self.position.values())
        return min(places) - 0.45 * self.step, max(places) + 0.45 * self.step

    def shift(self, place: int, of: int) -> float:
        """How far series number `place` of `of` stands beside a value, so that bars do not hide."""
        return (place - (of - 1) / 2) * DODGE * self.step


def lambda_axis(values: Sequence[float], most_ticks: int = 12) -> Axis:
    """λ by its binary logarithm; 0 is a tick of its own left of a break."""
    positive = sorted(float(v) for v in values if v > 0)
    logs = {v: math.log2(v) for v in positive}
    step = min((b - a for a, b in pairwise(logs.values())), default=1.0)
    position = dict(logs)
    broken = None
    if any(v == 0 for v in values):
        gap = max(2.0, 1.2 * step)
        lowest = min(logs.values(), default=gap)
        position = {0.0: lowest - gap, **logs}
        broken = lowest - gap / 2
    shaded = None
    inside = [position[v] for v in position if v <= PAPER_MAX]
    if len(inside) > 1:
        half = 0.45 * step
        shaded = (min(inside) - half, max(inside) + half, "the paper's range")
    ticks = tuple((position[v], lam_label(v)) for v in _thinned(sorted(position), most_ticks))
    title = "λ, strength of the balance constraint (log scale)"
    return Axis(title, position, ticks, step, broken, shaded)


def _thinned(values: Sequence[float], most: int) -> list[float]:
    """At most so many of them: 0 and every k-th of the others, 1 among them where it is there."""
    zero, others = [v for v in values if v == 0], [v for v in values if v > 0]
    every = max(1, math.ceil(len(others) / max(1, most - len(zero))))
    start = others.index(1.0) % every if 1.0 in others else 0
    return zero + others[start::every]


def uniform_axis(
    values: Sequence[float], counts: Mapping[float, int], most_ticks: int = 12
) -> Axis:
    """The number of uniform ratings with its share under it; the share alone where unknown."""
    known = sorted(float(v) for v in values)
    step = min((b - a for a, b in pairwise(known)), default=0.01)
    every = max(1, math.ceil(len(known) / most_ticks))
    ticks = []
    for value in known[(len(known) - 1) % every :: every]:
        share = f"{100 * value:.3g} %"
        count = counts.get(value)
        ticks.append((value, share if count is None else f"{count:,}\n{share}"))
    title = "uniform ratings in training, and their share of all random ratings"
    return Axis(title, {v: v for v in known}, tuple(ticks), step)
