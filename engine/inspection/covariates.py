"""What the love plot is made of: features, activity and popularity, and label and error of U."""

from __future__ import annotations

import numpy as np
import pandas as pd

from engine.config import RunConfig
from engine.datasets.ratings import Ratings
from engine.datasets.splits import make_split
from engine.diagnostics import Floats, IntArray
from engine.inspection import balance, models
from engine.inspection.models import Arrays
from engine.methods import METHODS


def features(ratings: Ratings) -> dict[str, Floats]:
    """The value for each user (or item) by name: "user:NAME", "item:NAME"."""
    found: dict[str, Floats] = {}
    sides = (
        ("user", ratings.user_features, ratings.user_feature_names),
        ("item", ratings.item_features, ratings.item_feature_names),
    )
    for side, table, names in sides:
        if table is not None:
            found |= {f"{side}:{name}": table[:, j] for j, name in enumerate(names)}
    return found


def of_observed(
    config: RunConfig, ratings: Ratings, arrays: Arrays, pairs: pd.DataFrame
) -> pd.DataFrame:
    """The love plot's table of the weights on B."""
    used = pairs["weight"].to_numpy() > 0
    biased = ratings.biased.take(np.flatnonzero(used))
    split = make_split(ratings, config.split_seed, config.uniform_fraction, config.split)
    u = ratings.random.take(split.uniform)
    label = ratings.label(u)
    error = (models.factors(arrays, "theta", u.user, u.item) - label) ** 2
    known = _known(ratings, biased.user, biased.item)
    # With weights on D too, it is both blocks together that are balanced, not B alone.
    alone = "all" not in METHODS[config.method].info.supports
    moments = {m.split("_")[0] for m in config.moments} if alone else set()
    uniform = [
        balance.Uniform("label r", pairs["label"].to_numpy()[used], label, u.user, "r" in moments),
        balance.Uniform("error e", pairs["error"].to_numpy()[used], error, u.user, "e" in moments),
    ]
    weight, inverse = (pairs[k].to_numpy()[used] for k in ("weight", "inverse_propensity"))
    return balance.love_table(weight, inverse, ratings.density if alone else None, known, uniform)


def of_everywhere(ratings: Ratings, pairs: pd.DataFrame) -> pd.DataFrame:
    """The same of the weights on D: D itself stands at 0, weighted by 1/p1 and by w1/p1 where the
    method has a propensity there.
    """
    weight = pairs["weight"].to_numpy()
    inverse = np.ones(len(pairs))
    if "inverse_propensity" in pairs:
        inverse = pairs["inverse_propensity"].to_numpy(dtype=np.float64)
    known = _known(ratings, pairs["user"].to_numpy(), pairs["item"].to_numpy())
    return balance.love_table(weight, inverse, None, known, [])


def _known(ratings: Ratings, user: IntArray, item: IntArray) -> list[balance.Covariate]:
    activity = np.bincount(ratings.biased.user, minlength=ratings.n_users).astype(float)
    popularity = np.bincount(ratings.biased.item, minlength=ratings.n_items).astype(float)
    found = [
        balance.over_sides("user activity", activity, user),
        balance.over_sides("item popularity", popularity, item),
    ]
    for name, table in features(ratings).items():
        found.append(balance.over_sides(name, table, user if name.startswith("user:") else item))
    return found
