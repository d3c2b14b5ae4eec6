"""Ten frozen predictors of a simulated data set, none of which was ever trained or balanced.

As Schnabel et al. (2016) judge estimators on rating matrices made from the truth: constants, noisy
and skewed copies of the labels, labels flipped at random, one that ignores them; and two that lean
on the hidden confounder, whose errors the label does not explain.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from engine.datasets.ratings import Truth

Floats = NDArray[np.float32]
SEED = 20230430  # any; the same predictors for every run on one data set

_Make = Callable[[NDArray[np.uint8], Floats, np.random.Generator], NDArray[np.floating]]


def _constant(value: float) -> _Make:
    return lambda label, hidden, rng: np.full(label.shape, value)


def _skewed(sd: float) -> _Make:
    return lambda label, hidden, rng: 0.2 + 0.5 * label + sd * rng.standard_normal(label.shape)


def _flipped(share: float) -> _Make:
    return lambda label, hidden, rng: np.where(
        (rng.random(label.shape) < share) ^ (label > 0), 0.9, 0.1
    )


def _unrelated(
    label: NDArray[np.uint8], hidden: Floats, rng: np.random.Generator
) -> NDArray[np.floating]:
    left, right = (rng.standard_normal((n, 2)) for n in label.shape)
    return 0.2 + 0.1 * left @ right.T


FROZEN: dict[str, _Make] = {
    "constant 0.1": _constant(0.1),
    "constant 0.2": _constant(0.2),
    "constant 0.5": _constant(0.5),
    "labels, little noise": _skewed(0.1),
    "labels, much noise": _skewed(0.3),
    "labels, a fifth flipped": _flipped(0.2),
    "optimist": lambda label, hidden, rng: np.where(label > 0, 0.8, 0.4),
    "unrelated": _unrelated,
    "leans on the confounder": lambda label, hidden, rng: 0.2 + 0.15 * hidden,
    "leans against it": lambda label, hidden, rng: 0.2 - 0.15 * hidden,
}


def frozen_predictions(truth: Truth) -> Floats:
    """Predictions of all pairs by every one of FROZEN, in [0, 1], [10, n_users, n_items]."""
    rng = np.random.default_rng(SEED)
    made = [make(truth.label, truth.hidden, rng) for make in FROZEN.values()]
    return np.clip(np.stack(made), 0, 1).astype(np.float32)
