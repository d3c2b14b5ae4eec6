"""What experts of weighting ask of one weight vector, as a table of numbers with their meaning.

All functions take positive weights of any mass and speak of them at mean 1. A high effective
sample size is not good news by itself: inert weights score 100 %.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from engine.diagnostics import FloatArray, Floats, ess_share, kl, log_correlation

if TYPE_CHECKING:
    from engine.inspection.weights import Weights

# Weights of 1 come as 1 +- rounding of a softmax in float32.
SLACK = 1e-5
TOP_SHARE = 0.01
COLUMNS = ("name", "value", "unit", "meaning")


@dataclass(frozen=True)
class Number:
    """One diagnostic. unit: how it is written ("%", "x" a multiple of mean 1, "", "n" a count)."""

    name: str
    value: float
    unit: str
    meaning: str


def table(numbers: list[Number]) -> pd.DataFrame:
    """Numbers as a frame: name, value, unit, meaning."""
    return pd.DataFrame([vars(n) for n in numbers], columns=list(COLUMNS))


def mean_one(weight: Floats) -> FloatArray:
    """The weights over their mean."""
    w = np.asarray(weight, dtype=np.float64)
    return np.asarray(w / w.mean(), dtype=np.float64)


def ks_from_one(weight: Floats) -> float:
    """Kolmogorov-Smirnov distance of the weights' distribution from all of it at 1, in [0, 1].

    The step of the point mass at 1 is as high as the larger of P(w < 1) and P(w > 1).
    """
    w = mean_one(weight)
    return float(max(np.mean(w < 1 - SLACK), np.mean(w > 1 + SLACK)))


def earth_mover_from_one(weight: Floats) -> float:
    """Earth mover's distance of the weights' distribution from all of it at 1: mean |w - 1|."""
    return float(np.mean(np.abs(mean_one(weight) - 1)))


def top_share(weight: Floats, share: float = TOP_SHARE) -> float:
    """What the heaviest `share` of the pairs (one at least) carry of the total weight."""
    w = np.sort(mean_one(weight))[::-1]
    return float(w[: max(1, round(share * len(w)))].sum() / w.sum())


def of_weights(weight: Floats, noun: str = "rating") -> list[Number]:
    """ESS, design effect, spread, extremes and distances from uniform of w; noun: of a pair."""
    w = mean_one(weight)
    ess = ess_share(w)
    return [
        Number("ESS of w", ess, "%", "(sum w)^2 / (n sum w^2); 100 % only says: near uniform"),
        Number("Design effect of w", 1 / ess, "", "n / ESS: how much larger a variance can get"),
        Number("CV of w", float(w.std()), "", "standard deviation over mean"),
        Number("Largest weight", float(w.max()), "x", f"this {noun} counts so many times"),
        Number("Smallest weight", float(w.min()), "x", f"this {noun} counts so many times"),
        Number("Heaviest 1 % carry", top_share(w), "%", "of the total weight; uniform: 1 %"),
        Number("KS distance from 1", ks_from_one(w), "", "largest gap to all weights being 1"),
        Number("Earth mover's distance from 1", earth_mover_from_one(w), "", "mean |w - 1|"),
    ]


def of_products(weight: Floats, inverse_propensity: Floats) -> list[Number]:
    """The same of w/p, what an error is multiplied by, and how much of it is due to 1/p."""
    product = np.asarray(weight, dtype=np.float64) * inverse_propensity
    ess = ess_share(product)
    raw = ess_share(inverse_propensity)
    meaning = "what errors are multiplied by: the sample the estimate really has"
    return [
        Number("ESS of 1/p", raw, "%", "before weighting"),
        Number("ESS of w/p", ess, "%", meaning),
        Number("Design effect of w/p", 1 / ess, "", "n / ESS"),
        Number("Heaviest 1 % of w/p carry", top_share(product), "%", "of the estimate's weight"),
    ]


def beside(weight: Floats, other: Floats, name: str) -> list[Number]:
    """KL(w || other) and the correlation of their logarithms; none where there is no spread."""
    r = log_correlation(weight, other)
    found = [
        Number(f"KL(w || {name})", kl(weight, other), "", "nats; 0 where the two are equal"),
    ]
    if r is not None:
        found.append(Number(f"Correlation with {name}", r, "", "of the logarithms"))
    return found


def of_run(found: Weights, facts: Mapping[str, float]) -> list[Number]:
    """All of a run's block of weights. facts: numbers stored of the epoch."""
    used, on_all = found.used, found.block == "all"
    weight = found.column("weight")[used]
    rows = of_weights(weight, "pair" if on_all else "rating")
    if "inverse_propensity" in found.pairs:
        inverse = found.column("inverse_propensity")[used]
        rows += of_products(weight, inverse)
        config = found.config
        if not (on_all or config.normalise_propensity or config.method == "autodebias"):
            clipped = int(np.sum(inverse >= (1 - 1e-4) / config.p_min))
            meaning = f"propensities raised to p_min = {config.p_min:g}"
            rows.append(Number("Clipped propensities", clipped, "n", meaning))
    if not used.all():
        rows.append(Number("Pairs held out", int((~used).sum()), "n", "weight 0, left out here"))
    words = {"exact": "exact at λ", "exact_hard": "exact, hard", "oracle": "oracle"}
    for name, word in words.items():
        if name in found.pairs:
            rows += beside(weight, found.column(name)[used], word)
    if (r := found.beside("hidden")[0]) is not None:
        rows.append(Number("Correlation with h", r, "", "log w and the hidden confounder"))
    return rows + _of_the_other(found, facts)


def _of_the_other(found: Weights, facts: Mapping[str, float]) -> list[Number]:
    """What is stored of the method's other block of weights."""
    if len(found.blocks) < 2:
        return []
    suffix, name = ("", "w2, on B") if found.block == "all" else ("_all", "w1, on D")
    told = {
        f"ess{suffix}": Number(f"ESS of {name}", 0, "%", "the method's other block"),
        f"entropy{suffix}": Number(f"Entropy of {name}", 0, "", "normalised; 1 is uniform"),
    }
    if "exact" not in found.pairs:
        told["exact_kl"] = Number("KL(w || exact at λ)", 0, "", "nats, found in training")
    return [
        Number(row.name, facts[fact], row.unit, row.meaning)
        for fact, row in told.items()
        if math.isfinite(facts.get(fact, math.nan))
    ]
