"""A study as data: series of configs, an axis they are varied along, and seeds.

A plan and the store are all there is to a study: its cells are runs, known by the fingerprint of
their config, so more seeds or more values of the axis train only what no study trained before.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from engine.config import SEED_FIELDS, RunConfig, changed, seed_fields
from engine.errors import ConfigError

MOST_CELLS = 1_000_000
SEED_MAX = 2**31 - 1


class Series(BaseModel):
    """One curve of a figure, or one row of a table.

    config: complete but for seeds and the axis. start: key of the series whose run of the same
    seed gives the initial prediction model (Table 3). base: key of the series gains are over.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    key: str
    label: str
    config: RunConfig
    start: str = ""
    base: str = ""
    # Seed -> settings found on that seed's own validation, where a study is tuned per seed.
    by_seed: dict[int, RunConfig] = Field(default_factory=dict)
    trials: int = 0


@dataclass(frozen=True)
class Cell:
    """One run of a study. x: the axis' value, None without an axis."""

    series: Series
    x: Any
    seed: int
    config: RunConfig


class Plan(BaseModel):
    """A study. axis: the config field varied, "" for none (a table). values: what it takes."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    kind: str
    title: str
    dataset: str
    axis: str = ""
    values: tuple[Any, ...] = ()
    seeds: tuple[int, ...]
    series: tuple[Series, ...]

    @model_validator(mode="after")
    def _makes_sense(self) -> Self:
        for name, given in (("seeds", self.seeds), ("series", self.series)):
            if not given:
                raise ConfigError(name, "none", "at least one", "an empty grid trains nothing")
        if any(not 0 <= seed <= SEED_MAX for seed in self.seeds):
            raise ConfigError("seeds", list(self.seeds), f"whole numbers from 0 to {SEED_MAX}")
        _distinct("seeds", self.seeds)
        _distinct("series", [series.key for series in self.series])
        if self.axis:
            if self.axis not in RunConfig.model_fields or self.axis in (*SEED_FIELDS, "initial"):
                raise ConfigError("axis", self.axis, "a setting of a run other than its seeds")
            if not self.values:
                raise ConfigError("values", "none", f"at least one value of {self.axis}")
            _distinct("values", self.values)
        elif self.values:
            raise ConfigError("values", list(self.values), "none without an axis")
        if len(self) > MOST_CELLS:
            raise ConfigError(
                "study", f"{len(self):,} runs", f"at most {MOST_CELLS:,}", "take fewer values"
            )
        keys = {series.key for series in self.series}
        for series in self.series:
            for name, key in (("start", series.start), ("base", series.base)):
                if key and (key not in keys or key == series.key):
                    raise ConfigError(name, key, "another series of the study")
        return self

    def __len__(self) -> int:
        return len(self.series) * len(self.seeds) * max(1, len(self.values))

    @cached_property
    def id(self) -> str:
        """The same plan has the same id, in every store."""
        return "s" + hashlib.sha256(self.model_dump_json().encode()).hexdigest()[:8]

    def cells(self) -> Iterator[Cell]:
        """Every run, seeds outermost, so that whole curves come seed by seed.

        Raises:
            ConfigError: a value contradicts the rest of a series' config.
        """
        for seed in self.seeds:
            for series in self.series:
                for x in self.values if self.axis else (None,):
                    yield Cell(series, x, seed, self.config_of(series, x, seed))

    def config_of(self, series: Series, x: Any, seed: int) -> RunConfig:
        """The config of one cell; a cell of a series with `start` still lacks `initial`.

        Raises:
            ConfigError: `x` contradicts the rest of the config.
        """
        base = series.by_seed.get(seed, series.config)
        fields: dict[str, Any] = {**seed_fields(base, seed)}
        if self.axis:
            fields[self.axis] = x
        return changed(base, **fields)


def _distinct(name: str, values: Any) -> None:
    if len({str(value) for value in values}) != len(values):
        raise ConfigError(name, list(values), "each once")
