"""The weights w1 on D, made again from what a run keeps (equations 12 and 13).

Nothing of D is stored, whatever its size: theta, phi and xi of an epoch say of every pair what its
term of the constraint was and how much it weighed. The terms are the method's own
(`engine.methods`), on arrays instead of tensors. Of more than 2e6 pairs it is the fixed sample that
the constraint was looked at on, too.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit, logit

from engine.config import RunConfig, columns_of
from engine.datasets.features import feature_of
from engine.datasets.ratings import Ratings
from engine.datasets.splits import make_split
from engine.diagnostics import FloatArray, Floats, IntArray, sample_pairs
from engine.inspection import models
from engine.inspection.models import Arrays
from engine.inspection.references import Bools, covered
from engine.methods import METHODS
from engine.methods.base import Part, Scene, Settings, Term

OMEGA_SCALE = 5.0  # as in engine.training.phi: omega = exp(h / 5)
NEAREST_TO_ONE = 1e-3  # as in engine.training.phi_making: of the positive share of U
TERCILES = 3


@dataclass(frozen=True)
class Everywhere:
    """All pairs of D, or its sample, [N] each.

    place: of each pair among the biased ratings, -1 where it is not rated. inside: the pairs that
    the weights are meant for; others have weight 1. value: the pair's term, the paper's moment.
    scale: what an error is multiplied by in it, 0 where it is imputed as it is (DR). x: the
    moments, [N, k]. weight: mean 1 over those inside. whole: whether this is all of D.
    """

    user: IntArray
    item: IntArray
    place: IntArray
    inside: Bools
    prediction: FloatArray
    value: FloatArray
    scale: FloatArray
    x: FloatArray
    weight: FloatArray
    whole: bool

    @property
    def imputed(self) -> FloatArray:
        """The imputed error by itself, without what it is multiplied by."""
        return np.divide(self.value, self.scale, out=self.value.copy(), where=self.scale > 0)


def lacking(config: RunConfig, arrays: Arrays) -> list[str]:
    """The models that w1 is made of and that the run does not keep."""
    parts = {"dr": ["imputation"], "autodebias": ["omega_all", "pseudo"]}[config.method]
    wanted = ["theta", *(f"phi.{part}" for part in parts), _xi(config)]
    return [name for name in wanted if name not in arrays and not models.has(arrays, name)]


def everywhere(config: RunConfig, ratings: Ratings, arrays: Arrays) -> Everywhere:
    """D as the run's constraint saw it at the epoch kept; `lacking` is empty.

    Args:
        arrays: of the run's file: theta.*, phi.*, xi.*.
    """
    n_pairs = ratings.n_users * ratings.n_items
    drawn = sample_pairs(n_pairs)
    code = np.arange(n_pairs) if drawn is None else drawn
    user, item = np.divmod(code, ratings.n_items)
    place = _place(ratings, code)
    prediction = models.factors(arrays, "theta", user, item)
    term = _term(config, ratings, arrays, user, item, place, prediction)
    value, scale, label = (
        np.asarray(np.broadcast_to(v, len(code)), dtype=np.float64)
        for v in (term.value, term.scale, term.labels)
    )
    x = _moments(config, ratings, (user, item), value, scale, label)
    inside = np.ones(len(code), dtype=bool)
    if config.target_support == "covered":
        users, items = covered(ratings)
        inside = users[user] & items[item]
    weight = np.ones(len(code))
    weight[inside] = _weights(config, arrays, user[inside], item[inside], x[inside])
    whole = drawn is None
    return Everywhere(user, item, place, inside, prediction, value, scale, x, weight, whole)


def _xi(config: RunConfig) -> str:
    """What the weights on D are made of: coefficients of the moments, or a model of pairs."""
    return "xi.m" if _linear(config) else "xi.all"


def _linear(config: RunConfig) -> bool:
    return config.weights_model == "log_linear" or config.balance == "exact"


def _weights(
    config: RunConfig, arrays: Arrays, user: IntArray, item: IntArray, x: FloatArray
) -> FloatArray:
    """n softmax(h), or n sigmoid(h) over its sum, of the pairs inside."""
    if _linear(config):
        score = x @ np.asarray(arrays["xi.m"], dtype=np.float64)
    else:
        other = config.weights_model_all
        kind = config.weights_model if other == "same" else other
        score = getattr(models, {"mf": "factors", "ncf": "neural"}[kind])(
            arrays, "xi.all", user, item
        )
        if config.weights_map == "sigmoid":
            share = expit(score)
            return np.asarray(share / share.mean())
    tilted = np.exp(score - score.max(initial=-np.inf))
    return np.asarray(tilted / tilted.mean())


def _place(ratings: Ratings, code: IntArray) -> IntArray:
    """Of each pair among the biased ratings, which are in order; -1 where it is not rated."""
    rated = ratings.biased.code(ratings.n_items)
    order = np.argsort(rated, kind="stable")
    near = np.minimum(np.searchsorted(rated, code, sorter=order), len(rated) - 1)
    found = order[near]
    return np.where(rated[found] == code, found, -1)


def _term(
    config: RunConfig,
    ratings: Ratings,
    arrays: Arrays,
    user: IntArray,
    item: IntArray,
    place: IntArray,
    prediction: FloatArray,
) -> Term:
    """The method's term on D."""
    phi: dict[str, FloatArray] = {}
    if config.method == "dr":
        phi["imputation"] = models.factors(arrays, "phi.imputation", user, item)
    else:
        rated = 1 + ratings.label(ratings.biased).astype(np.int64)
        level = np.where(place >= 0, rated[place], 0)
        h = models.linear(arrays, "phi.omega_all", user, item, level)
        phi["omega"] = np.exp(h / OMEGA_SCALE)
        table = np.asarray(arrays["phi.pseudo.a"], dtype=np.float64)
        phi["pseudo"] = expit(_base(config, ratings) + table)[level]
    one = {"inverse_propensity": 1.0, "imputation": 0.0, "omega": 1.0}
    scene = Scene(
        observed=_part(np.zeros(1), np.zeros(1), {k: np.full(1, v) for k, v in one.items()}),
        everywhere=_part(prediction, None, phi),
        uniform=None,
        density=ratings.density,
    )
    settings = Settings(config.imputation_weight, config.teacher_weight)
    terms = METHODS[config.method].terms(scene, settings)
    return next(term for term in terms if term.support == "all")


def _base(config: RunConfig, ratings: Ratings) -> float:
    """The logit that AutoDebias' imputed labels start from: of the positive share of U."""
    split = make_split(ratings, config.split_seed, config.uniform_fraction, config.split)
    label = ratings.label(ratings.random.take(split.uniform))
    if config.uniform_reuse == "split":
        label = label[: len(label) // 2]
    return float(logit(np.clip(label.mean(), NEAREST_TO_ONE, 1 - NEAREST_TO_ONE)))


def _moments(
    config: RunConfig,
    ratings: Ratings,
    pairs: tuple[IntArray, IntArray],
    value: FloatArray,
    scale: FloatArray,
    label: FloatArray,
) -> FloatArray:
    """x [N, k], as engine.training.moments has them."""
    known = {"e": value, "r": label, "mass": scale}
    count = np.bincount(ratings.biased.item, minlength=ratings.n_items)
    rank = np.argsort(np.argsort(count, kind="stable"), kind="stable")
    tercile = (rank * TERCILES // len(rank))[pairs[1]]
    found: list[Floats] = []
    for column in columns_of(config.moments):
        if column.startswith("e_popularity"):
            found.append(value * (tercile == int(column[-1]) - 1))
        elif ":" in column:
            side, table = feature_of(ratings, column)
            found.append(table[pairs[0] if side == "user" else pairs[1]] * scale)
        else:
            found.append(known[column])
    return np.column_stack(found)


class _Tensorlike(np.ndarray[Any, np.dtype[np.float64]]):
    """An array that answers to what terms ask of tensors."""

    def square(self) -> Self:
        return self.copy().mul_(self)

    def add_(self, other: Any) -> Self:
        self += other
        return self

    def sub_(self, other: Any) -> Self:
        self -= other
        return self

    def mul_(self, other: Any) -> Self:
        self *= other
        return self

    def new_zeros(self, shape: tuple[int, ...]) -> NDArray[np.float64]:
        return np.zeros(shape).view(type(self))


def _part(prediction: FloatArray, label: FloatArray | None, phi: dict[str, FloatArray]) -> Part:
    def like(values: FloatArray) -> Any:
        return values.view(_Tensorlike)

    return Part(
        like(prediction),
        None if label is None else like(label),
        {name: like(values) for name, values in phi.items()},
    )
