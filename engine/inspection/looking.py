"""From what a run keeps to `Weights`: predictions, references, the love plot's rows, numbers."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from engine.config import RunConfig, columns_of
from engine.datasets.ratings import Pairs, Ratings
from engine.datasets.simulated import oracle_weights
from engine.datasets.splits import make_split
from engine.diagnostics import Deciles, FloatArray, Floats
from engine.inspection import balance, numbers, references, verdicts
from engine.inspection.weights import Weights

Arrays = Mapping[str, NDArray[Any]]
CHUNK = 1 << 16


def inspect(
    run: str,
    epoch: int,
    config: RunConfig,
    ratings: Ratings,
    arrays: Arrays,
    facts: Mapping[str, float],
    on_all: bool,
) -> Weights:
    """Look at the weights that a run keeps.

    Args:
        arrays: of the run's file: theta.*, weights.*, none with a run axis.
        facts: numbers stored of the best epoch (violation, target_se, ess_all, exact_kl, ...).
        on_all: whether the method has weights on D too; then B's moments alone do not determine
            the exact weights.
    """
    weight = np.asarray(arrays["weights.observed"], dtype=np.float64)
    used = weight > 0
    weight = weight / weight[used].mean()
    inverse = np.asarray(arrays["weights.inverse"], dtype=np.float64)
    pairs = _frame(ratings, arrays, weight, inverse)
    solved, note = ({}, _ON_ALL) if on_all else _solve(config, ratings, arrays, weight)
    for name, exact in solved.items():
        pairs[name] = exact.weight
    if ratings.truth is not None:
        where = ratings.biased.user, ratings.biased.item
        oracle = oracle_weights(ratings, 1 / inverse)
        pairs["oracle"] = oracle / oracle[used].mean()
        pairs["hidden"] = ratings.truth.hidden[where].astype(np.float64)
    found = Weights(
        run=run,
        epoch=epoch,
        config=config,
        simulated=ratings.simulated,
        pairs=pairs,
        numbers=pd.DataFrame(),
        love=_love(config, ratings, arrays, pairs),
        constraint=pd.DataFrame() if on_all else _constraint(config, ratings, arrays, pairs),
        verdict="",
        exact_note=note,
        feature_tables=_features(ratings),
        names=(ratings.user_names, ratings.item_names),
    )
    return _with_numbers(found, facts)


_ON_ALL = (
    "This method weighs all pairs too, and the exact weights follow from both blocks' moments; "
    "those of the other block are not kept. The distance found in training is in the table."
)


def _with_numbers(found: Weights, facts: Mapping[str, float]) -> Weights:
    return replace(
        found,
        numbers=numbers.table(_numbers(found, facts)),
        verdict=verdicts.verdict(found, facts),
    )


def _frame(
    ratings: Ratings, arrays: Arrays, weight: FloatArray, inverse: FloatArray
) -> pd.DataFrame:
    pairs = ratings.biased
    deciles = Deciles.of(ratings)
    label = ratings.label(pairs)
    prediction = predictions(arrays, pairs)
    activity = np.bincount(pairs.user, minlength=ratings.n_users)
    popularity = np.bincount(pairs.item, minlength=ratings.n_items)
    return pd.DataFrame(
        {
            "user": pairs.user,
            "item": pairs.item,
            "rating": pairs.rating,
            "label": label,
            "weight": weight,
            "inverse_propensity": inverse,
            "prediction": prediction,
            "error": (prediction - label) ** 2,
            "user_activity": activity[pairs.user],
            "item_popularity": popularity[pairs.item],
            "user_group": deciles.user_group[pairs.user] + 1,
            "item_group": deciles.item_group[pairs.item] + 1,
        }
    )


def predictions(arrays: Arrays, pairs: Pairs) -> FloatArray:
    """mu + b_u + c_i + P_u . Q_i of the kept prediction model, [n]."""
    P, Q, b, c = (np.asarray(arrays[f"theta.{k}"], dtype=np.float64) for k in "PQbc")
    score = b[pairs.user] + c[pairs.item]
    for start in range(0, len(score), CHUNK):
        rows = slice(start, start + CHUNK)
        score[rows] += np.einsum("nd,nd->n", P[pairs.user[rows]], Q[pairs.item[rows]])
    if "theta.mu" in arrays:
        score += float(arrays["theta.mu"][0])
    return np.asarray(score, dtype=np.float64)


def _solve(
    config: RunConfig, ratings: Ratings, arrays: Arrays, weight: FloatArray
) -> tuple[dict[str, references.Exact], str]:
    x, target, covariance = (
        np.asarray(arrays[f"weights.{k}"], dtype=np.float64) for k in ("x", "target", "covariance")
    )
    fit = references.fit_of(config, ratings, weight)
    solved = {
        name: references.solve(lam, config, fit, x, target, covariance)
        for name, lam in (("exact", config.lam), ("exact_hard", math.inf))
    }
    return solved, solved["exact_hard"].solution.message


def _constraint(
    config: RunConfig, ratings: Ratings, arrays: Arrays, pairs: pd.DataFrame
) -> pd.DataFrame:
    """Both sides of every moment: what uniform, learned and exact weights make of it."""
    x = np.asarray(arrays["weights.x"], dtype=np.float64)
    covariance = np.asarray(arrays["weights.covariance"], dtype=np.float64)
    # Held-out weights are fitted on pairs that the predictor does not see, and used on the rest.
    rows = pairs["weight"].to_numpy() > 0
    mass = references.fit_of(config, ratings, pairs["weight"].to_numpy()).mass
    left = {"uniform": mass * x[rows].mean(axis=0)}
    for name in ("weight", "exact", "exact_hard"):
        w = pairs[name].to_numpy()[rows]
        left[name] = mass * (w @ x[rows]) / w.sum()
    return pd.DataFrame(
        {
            "moment": columns_of(config.moments),
            **left,
            "target": np.asarray(arrays["weights.target"], dtype=np.float64),
            "se": np.sqrt(np.diag(covariance)),
        }
    )


def _features(ratings: Ratings) -> dict[str, Floats]:
    found: dict[str, Floats] = {}
    sides = (
        ("user", ratings.user_features, ratings.user_feature_names),
        ("item", ratings.item_features, ratings.item_feature_names),
    )
    for side, table, names in sides:
        if table is not None:
            found |= {f"{side}:{name}": table[:, j] for j, name in enumerate(names)}
    return found


def _love(config: RunConfig, ratings: Ratings, arrays: Arrays, pairs: pd.DataFrame) -> pd.DataFrame:
    used = pairs["weight"].to_numpy() > 0
    biased = ratings.biased.take(np.flatnonzero(used))
    split = make_split(ratings, config.split_seed, config.uniform_fraction, config.split)
    u = ratings.random.take(split.uniform)
    label = ratings.label(u)
    error = (predictions(arrays, u) - label) ** 2
    activity = np.bincount(ratings.biased.user, minlength=ratings.n_users).astype(float)
    popularity = np.bincount(ratings.biased.item, minlength=ratings.n_items).astype(float)
    known = [
        balance.over_sides("user activity", activity, biased.user),
        balance.over_sides("item popularity", popularity, biased.item),
    ]
    for name, table in _features(ratings).items():
        code = biased.user if name.startswith("user:") else biased.item
        known.append(balance.over_sides(name, table, code))
    moments = {m.split("_")[0] for m in config.moments}
    uniform = [
        balance.Uniform("label r", pairs["label"].to_numpy()[used], label, u.user, "r" in moments),
        balance.Uniform("error e", pairs["error"].to_numpy()[used], error, u.user, "e" in moments),
    ]
    weight, inverse = (pairs[k].to_numpy()[used] for k in ("weight", "inverse_propensity"))
    return balance.love_table(weight, inverse, ratings.density, known, uniform)


def _numbers(found: Weights, facts: Mapping[str, float]) -> list[numbers.Number]:
    used, Number = found.used, numbers.Number
    weight, inverse = (found.column(k)[used] for k in ("weight", "inverse_propensity"))
    rows = numbers.of_weights(weight) + numbers.of_products(weight, inverse)
    if not found.config.normalise_propensity:
        clipped = int(np.sum(inverse >= (1 - 1e-4) / found.config.p_min))
        meaning = f"propensities raised to p_min = {found.config.p_min:g}"
        rows.append(Number("Clipped propensities", clipped, "n", meaning))
    if not used.all():
        rows.append(Number("Pairs held out", int((~used).sum()), "n", "weight 0, left out here"))
    words = {"exact": "exact at λ", "exact_hard": "exact, hard", "oracle": "oracle"}
    for name, word in words.items():
        if name in found.pairs:
            rows += numbers.beside(weight, found.column(name)[used], word)
    if (r := found.beside("hidden")[0]) is not None:
        rows.append(Number("Correlation with h", r, "", "log w and the hidden confounder"))
    told = {
        "ess_all": Number("ESS of the weights on D", 0, "%", "the method's other block"),
        "entropy_all": Number("Entropy of the weights on D", 0, "", "normalised; 1 is uniform"),
    }
    if "exact" not in found.pairs:
        told["exact_kl"] = Number("KL(w || exact at λ)", 0, "", "nats, found in training")
    for name, row in told.items():
        if name in facts and math.isfinite(facts[name]):
            rows.append(Number(row.name, facts[name], row.unit, row.meaning))
    return rows
