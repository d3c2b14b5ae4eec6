"""Student's t intervals over seeds: a mean, and a mean of paired differences."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import stdtrit

from engine.errors import ConfigError

Values = Sequence[float] | NDArray[np.floating[Any]]


def mean_interval(values: Values, level: float = 0.95) -> tuple[float, float, float]:
    """(mean, low, high) over n seeds: mean -+ t_{n-1}((1 + level) / 2) * s / sqrt(n).

    One value has a mean and no interval: its bounds are NaN.

    Raises:
        ConfigError: no value, a value that is not a finite number, a level outside (0, 1).
    """
    check_level(level)
    x = np.asarray(values, dtype=np.float64)
    if x.ndim != 1 or not len(x) or not np.isfinite(x).all():
        raise ConfigError(
            "values", x.tolist(), "one finite number a seed", "leave out seeds without a result"
        )
    mean = float(x.mean())
    if len(x) == 1:
        return mean, float("nan"), float("nan")
    half = float(stdtrit(len(x) - 1, (1 + level) / 2) * x.std(ddof=1) / np.sqrt(len(x)))
    return mean, mean - half, mean + half


def paired_interval(a: Values, b: Values, level: float = 0.95) -> tuple[float, float, float]:
    """(mean, low, high) of a - b, seed by seed; see `mean_interval`.

    Raises:
        ConfigError: a and b differ in length, or as `mean_interval`.
    """
    if len(a) != len(b):
        raise ConfigError(
            "values",
            f"{len(a)} and {len(b)} seeds",
            "both methods on the same seeds",
            "compare the seeds that both have",
        )
    return mean_interval(np.asarray(a, dtype=float) - np.asarray(b, dtype=float), level)


def check_level(level: float) -> None:
    """Refuse a confidence level outside (0, 1), as 95 for 0.95.

    Raises:
        ConfigError: as said.
    """
    if not 0 < level < 1:
        raise ConfigError("level", level, "a number between 0 and 1", "write 95 % as 0.95")
