"""What tuning searches over: a literal a method, each range around the preset it starts from.

Values are kept as optuna likes them: positions in a grid, names, or logarithmic numbers.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from engine.config import LAM_GRID, RunConfig, changed

if TYPE_CHECKING:
    from optuna.trial import Trial

VERSION = 1  # part of a study's name: raise it when anything below changes what a trial means
BILEVEL = "bilevel"


@dataclass(frozen=True)
class Around:
    """Log-uniform from centre / factor to centre * factor, within what the field allows."""

    factor: float


@dataclass(frozen=True)
class Grid:
    """One of some numbers in order; the preset's own is added where it is not among them."""

    values: tuple[float, ...]


@dataclass(frozen=True)
class Choice:
    """One of the names given to `searched` for this field."""


Range = Around | Grid | Choice

PREDICTION: dict[str, Range] = {
    "d": Grid((10, 32, 64)),
    "lr": Around(10),
    "weight_decay": Around(100),
}
LEARNED_PROPENSITY: dict[str, Range] = {
    "propensity_lr": Around(10),
    "propensity_decay": Around(100),
}
PROPENSITY: dict[str, Range] = {"propensity": Choice(), **LEARNED_PROPENSITY}
IMPUTATION: dict[str, Range] = {"imputation_lr": Around(10), "imputation_decay": Around(100)}
OMEGA: dict[str, Range] = {"omega_lr": Around(10), "omega_decay": Around(100)}
LAM: Range = Grid(LAM_GRID[1:])

SPACE: dict[str, dict[str, Range]] = {
    "mf": PREDICTION,
    "mf-uniform": PREDICTION,
    "mf-combine": PREDICTION,
    "ips": {**PREDICTION, **PROPENSITY},
    "dr": {**PREDICTION, **PROPENSITY, **IMPUTATION},
    "ltd": {**PREDICTION, **LEARNED_PROPENSITY},
    "autodebias": {**PREDICTION, "imputation_weight": Around(30), **IMPUTATION, **OMEGA},
    "cause": {**PREDICTION, "teacher_pull": Around(30)},
    "kd-label": {**PREDICTION, "teacher_weight": Around(30)},
}


@dataclass(frozen=True)
class Field:
    """One searched field: a grid or choice (`values`, the preset's at `start`) or low to high."""

    name: str
    values: tuple[Any, ...] = ()
    start: Any = None
    low: float = 0.0
    high: float = 0.0

    def suggest(self, trial: Trial) -> None:
        """Have optuna choose."""
        if not self.values:
            trial.suggest_float(self.name, self.low, self.high, log=True)
        elif isinstance(self.values[0], str):
            trial.suggest_categorical(self.name, self.values)
        else:
            trial.suggest_int(self.name, 0, len(self.values) - 1)

    def decoded(self, kept: Any) -> Any:
        """The field's value, of what optuna keeps."""
        return self.values[kept] if self.values and not isinstance(kept, str) else kept


Fields = dict[str, Field]


def searched(
    centre: RunConfig, fixed: frozenset[str], propensities: tuple[str, ...]
) -> dict[str, Field]:
    """What is searched around `centre`: all of its method's space but `fixed`; lam where balanced.

    propensities: those that this data set offers. With one of them only nothing is chosen.
    """
    space = dict(SPACE[centre.method])
    if centre.balanced:
        space["lam"] = LAM
    found = {}
    for name, kind in space.items():
        value = getattr(centre, name)
        if name in fixed or (name == "propensity" and len(propensities) < 2):
            continue
        if name in LEARNED_PROPENSITY and not _may_learn(centre, fixed, propensities):
            continue
        if isinstance(kind, Choice):
            found[name] = Field(name, propensities, value)
        elif isinstance(kind, Grid):
            values = tuple(sorted({*kind.values, value}))
            found[name] = Field(name, values, values.index(value))
        elif value > 0:  # a decay of zero has nothing around it
            high = min(value * kind.factor, _most(name))
            found[name] = Field(name, (), value, value / kind.factor, high)
    return found


def _may_learn(centre: RunConfig, fixed: frozenset[str], propensities: tuple[str, ...]) -> bool:
    if "propensity" in fixed or len(propensities) < 2:
        return centre.propensity == BILEVEL
    return BILEVEL in propensities


def _most(name: str) -> float:
    bounds = [getattr(m, "le", math.inf) for m in RunConfig.model_fields[name].metadata]
    return min(bounds, default=math.inf)


def suggest(trial: Trial, fields: Mapping[str, Field], propensity: str) -> None:
    """Have optuna choose every field that matters to this trial.

    propensity: the centre's, where none is chosen. The steps of a propensity that is learned are
    asked for only when it is.
    """
    for name, field in fields.items():
        if name not in LEARNED_PROPENSITY:
            field.suggest(trial)
    if trial.params.get("propensity", propensity) == BILEVEL:
        for name in LEARNED_PROPENSITY:
            if name in fields:
                fields[name].suggest(trial)


def config_of(centre: RunConfig, fields: Mapping[str, Field], kept: Mapping[str, Any]) -> RunConfig:
    """`centre` with what a trial chose."""
    return changed(centre, **{name: fields[name].decoded(value) for name, value in kept.items()})


def start_of(centre: RunConfig, fields: Mapping[str, Field]) -> dict[str, Any]:
    """The trial that is the preset itself."""
    learned = centre.propensity == BILEVEL
    return {n: f.start for n, f in fields.items() if learned or n not in LEARNED_PROPENSITY}


def strengths(at: int, size: int, n: int) -> list[int]:
    """n different positions in a grid of `size`: `at`, and the others as evenly as it goes.

    The runs of one setting that differ in lam train side by side at little more than the price of
    one, so each setting is judged at several strengths at once.
    """
    n = min(n, size)
    return [(at + round(k * size / n)) % size for k in range(n)]
