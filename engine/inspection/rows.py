"""One row a pair: the biased pairs with w2, or the pairs of D with w1."""

from __future__ import annotations

import numpy as np
import pandas as pd

from engine.config import RunConfig
from engine.datasets.ratings import Ratings
from engine.datasets.simulated import oracle_weights
from engine.diagnostics import Deciles, Floats, IntArray
from engine.inspection import models
from engine.inspection.everywhere import Everywhere
from engine.inspection.models import Arrays


def observed(ratings: Ratings, arrays: Arrays) -> pd.DataFrame:
    """B in the data set's order; `Weights.pairs` says which columns."""
    pairs = ratings.biased
    kept = np.asarray(arrays["weights.observed"], dtype=np.float64)
    weight = kept / kept[kept > 0].mean()
    inverse = np.asarray(arrays["weights.inverse"], dtype=np.float64)
    label = ratings.label(pairs)
    prediction = models.factors(arrays, "theta", pairs.user, pairs.item)
    frame = pd.DataFrame(
        {
            "user": pairs.user,
            "item": pairs.item,
            "rating": pairs.rating,
            "label": label,
            "weight": weight,
            "inverse_propensity": inverse,
            "prediction": prediction,
            "error": (prediction - label) ** 2,
            **_popularity(ratings, pairs.user, pairs.item),
        }
    )
    if (known := ratings.truth_of_biased()) is not None:
        oracle = oracle_weights(ratings, 1 / inverse)
        frame["oracle"] = oracle / oracle[weight > 0].mean()
        frame["hidden"] = known.hidden
    return frame


def everywhere(config: RunConfig, ratings: Ratings, found: Everywhere) -> pd.DataFrame:
    """D, or its sample; label, rating and error are NaN where nothing was rated.

    There may be a million rows: all but weights are in half the precision.
    """
    rated = found.place >= 0
    rating = np.where(rated, ratings.biased.rating[found.place], np.nan)
    label = np.where(rated, (rating >= ratings.threshold).astype(np.float64), np.nan)
    columns: dict[str, Floats | IntArray] = {
        "user": found.user,
        "item": found.item,
        "observed": rated.astype(np.int64),
        "rating": rating,
        "label": label,
        "prediction": found.prediction,
        "imputed": found.imputed,
        "error": (found.prediction - label) ** 2,
        **_popularity(ratings, found.user, found.item),
    }
    c = config.imputation_weight
    if (found.scale > 0).any():  # AutoDebias: its term is c/(c + s) times 1/p1 times the error
        columns["inverse_propensity"] = found.scale * (c + ratings.density) / c
    if (hidden := ratings.hidden_of(found.user, found.item)) is not None:
        columns["hidden"] = hidden
    small = {
        name: values.astype(np.int32 if values.dtype.kind == "i" else np.float32)
        for name, values in columns.items()
    }
    frame = pd.DataFrame(small)
    frame.insert(5, "weight", found.weight)
    frame["oracle"] = np.float32(1.0)
    return frame


def _popularity(ratings: Ratings, user: IntArray, item: IntArray) -> dict[str, IntArray]:
    deciles = Deciles.of(ratings)
    activity = np.bincount(ratings.biased.user, minlength=ratings.n_users)
    popularity = np.bincount(ratings.biased.item, minlength=ratings.n_items)
    return {
        "user_activity": activity[user],
        "item_popularity": popularity[item],
        "user_group": deciles.user_group[user] + 1,
        "item_group": deciles.item_group[item] + 1,
    }
