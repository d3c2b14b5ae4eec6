"""Features of users and items by name, as moments take them: "user:NAME", "item:NAME"."""

from __future__ import annotations

from typing import Literal

import numpy as np

from engine.datasets.ratings import FloatArray, Ratings
from engine.errors import ConfigError


def feature_of(ratings: Ratings, name: str) -> tuple[Literal["user", "item"], FloatArray]:
    """Whose feature it is, and its value for each of them.

    Raises:
        ConfigError: the data set has no such feature.
    """
    side, feature = name.split(":", 1)
    table = ratings.user_features if side == "user" else ratings.item_features
    names = ratings.user_feature_names if side == "user" else ratings.item_feature_names
    if table is None or feature not in names:
        offered = ", ".join(names) if names else f"none: {ratings.name} has no {side} features"
        raise ConfigError("moments", name, f"{side}: and one of {offered}")
    column = np.asarray(table[:, names.index(feature)], dtype=np.float64)
    return ("user" if side == "user" else "item"), column
