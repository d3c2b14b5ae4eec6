"""Which random ratings serve as uniform sample, validation and test (METHOD section 6)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from engine.datasets.ratings import IntArray, Ratings
from engine.errors import ConfigError, DataError

SplitKind = Literal["standard", "nested"]
VALIDATION_SHARE = 0.05
POOL_SHARE = 0.10  # nested: U grows inside the first tenth


@dataclass(frozen=True)
class Split:
    """Positions in `Ratings.random`, disjoint; test_clean is test without pairs that B holds too.

    uniform: U, the few unbiased ratings training may use. validation: chooses epochs and settings.
    test: is only ever reported.
    """

    uniform: IntArray
    validation: IntArray
    test: IntArray
    test_clean: IntArray


def make_split(
    ratings: Ratings,
    split_seed: int,
    uniform_fraction: float = 0.05,
    kind: SplitKind = "standard",
) -> Split:
    """Split the random ratings by RandomState(split_seed).permutation, truncating each share.

    standard: [U | validation 5 % | test], the split of the authors' released code, seed by seed.
    nested: [pool 10 % that U grows through | validation 5 % | test], so that the uniform-size study
    keeps validation and test fixed while U grows.

    Raises:
        ConfigError: `uniform_fraction` is out of range.
        DataError: uniform, validation or test lack a positive or a negative label.
    """
    top = POOL_SHARE if kind == "nested" else 0.5
    if not 0 < uniform_fraction <= top:
        raise ConfigError("uniform_fraction", uniform_fraction, f"above 0 and at most {top:g}")
    n = len(ratings.random)
    order = np.random.RandomState(split_seed).permutation(n).astype(np.int64)
    n_uniform = int(n * uniform_fraction)
    start = int(n * POOL_SHARE) if kind == "nested" else n_uniform
    stop = start + int(n * VALIDATION_SHARE)
    uniform, validation, test = order[:n_uniform], order[start:stop], order[stop:]
    for name, part in (("uniform", uniform), ("validation", validation), ("test", test)):
        _need_both_classes(ratings, name, part, uniform_fraction)
    biased, tested = (
        pairs.code(ratings.n_items) for pairs in (ratings.biased, ratings.random.take(test))
    )
    place = np.searchsorted(biased, tested)  # B is in order
    seen = biased[np.minimum(place, len(biased) - 1)] == tested
    return Split(uniform, validation, test, test[~seen])


def _need_both_classes(ratings: Ratings, name: str, part: IntArray, fraction: float) -> None:
    labels = ratings.label(ratings.random.take(part))
    positives = int(labels.sum())
    if 0 < positives < len(labels):
        return
    raise DataError(
        "uniform_fraction" if name == "uniform" else f"{name} ratings",
        fraction if name == "uniform" else f"{len(labels)} ratings, {positives} positive",
        f"a {name} part with at least one positive and one negative rating "
        f"(this one has {positives} positive of {len(labels)})",
        "raise uniform_fraction, choose another split_seed, or bring more random ratings",
    )
