"""The love plot's table: how far each way to weigh B leaves the mean of a covariate from the truth.

Distances are in standard deviations of the covariate. Features, popularity and activity have a
mean over D that is known exactly, and estimates of it are self-normalised, as is usual. The label
and the error are known over the few ratings U only, so their distances carry U's standard error;
their estimates are the constraint's own, s * mean_B(w x / p), where that is what was balanced.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from engine.diagnostics import FloatArray, Floats, IntArray, clustered_mean

COLUMNS = (
    *("covariate", "against", "raw", "inverse", "weighted", "target", "sd"),
    *("noise", "designed"),
)


@dataclass(frozen=True)
class Covariate:
    """On B, [n], and its mean and standard deviation over D."""

    name: str
    values: Floats
    mean: float
    sd: float


@dataclass(frozen=True)
class Uniform:
    """The same of U: its own values [m] and whose ratings they are; designed: balanced by w."""

    name: str
    values: Floats
    at_u: Floats
    user: IntArray
    designed: bool


def over_sides(name: str, table: Floats, code: IntArray) -> Covariate:
    """A value of each user (or item) as a covariate: over D all of them count the same."""
    return Covariate(name, table[code], float(np.mean(table)), float(np.std(table)))


def love_table(
    weight: Floats,
    inverse: Floats,
    density: float | None,
    known: Sequence[Covariate],
    uniform: Sequence[Uniform],
) -> pd.DataFrame:
    """One row a covariate that varies: standardised distances raw, by 1/p and by w/p.

    Args:
        weight: [n], mean 1. inverse: 1/p, [n]. density: s; None where B alone is no side of a
            constraint: label and error are self-normalised then, too.
    """
    ways = {"raw": np.ones(len(inverse)), "inverse": inverse, "weighted": weight * inverse}
    rows = [_of_known(c, ways) for c in known if c.sd > 0]
    for u in uniform:
        mean, se = clustered_mean(u.at_u, u.user)
        sd = float(np.std(u.at_u))
        if sd > 0:
            rows.append(_of_uniform(u, ways, density, mean, se, sd))
    return pd.DataFrame(rows, columns=list(COLUMNS))


def _of_known(c: Covariate, ways: Mapping[str, Floats]) -> dict[str, object]:
    found = {
        name: float(np.average(c.values, weights=w) - c.mean) / c.sd for name, w in ways.items()
    }
    return {
        **found,
        **{"covariate": c.name, "against": "D", "target": c.mean, "sd": c.sd},
        **{"noise": 0.0, "designed": False},
    }


def _of_uniform(
    u: Uniform, ways: Mapping[str, Floats], density: float | None, mean: float, se: float, sd: float
) -> dict[str, object]:
    values = np.asarray(u.values, dtype=np.float64)
    left: dict[str, float] = {"raw": float(values.mean())}
    for name in ("inverse", "weighted"):
        if density is None:
            left[name] = float(np.average(values, weights=ways[name]))
        else:
            left[name] = density * float(np.mean(ways[name] * values))
    return {
        **{name: (value - mean) / sd for name, value in left.items()},
        **{"covariate": u.name, "against": "U", "target": mean, "sd": sd},
        **{"noise": se / sd, "designed": u.designed},
    }


def largest(frame: pd.DataFrame, way: str) -> float:
    """The largest distance from the known means, NaN where there is none."""
    known: FloatArray = frame.loc[frame["against"] == "D", way].abs().to_numpy(dtype=np.float64)
    return float(known.max()) if len(known) else float("nan")
