"""What one tuning is: a data set, a method, a seed, a metric, what is held fixed; and its name."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Literal

from engine.config import RunConfig, changed
from engine.datasets import load
from engine.datasets.catalogue import OWN_PREFIX
from engine.datasets.splits import make_split
from engine.errors import ConfigError
from engine.methods import METHODS
from engine.methods.propensity import estimate_propensity
from engine.offers import check
from engine.presets.files import seeded
from engine.tuning.space import VERSION, Fields, searched

METRIC_DIRECTIONS: dict[str, Literal["maximize", "minimize"]] = {
    "auc": "maximize",
    "ndcg5": "maximize",
    "log_loss": "minimize",
    "mse": "minimize",
}


@dataclass(frozen=True)
class Plan:
    """One tuning, checked. `plan_of` makes it.

    centre: the preset with what is fixed and the seeds: the first trial. fixed: fields not
    searched. metric: on the validation ratings, at the epoch that validation AUC chooses.
    """

    centre: RunConfig
    fixed: frozenset[str]
    seed: int
    metric: str

    @cached_property
    def fields(self) -> Fields:
        """What is searched over."""
        return searched(self.centre, self.fixed, _propensities(self.centre))

    @property
    def name(self) -> str:
        """The study's name; trials of studies with different names are never mixed.

        Beside dataset, method, balance, moments, seed, metric and the space's version it holds a
        digest of all else a trial depends on: the centre, what is fixed, the ratings of own files.
        """
        c = self.centre
        weights = f"{c.balance} {','.join(c.moments)}" if c.balanced else "none"
        rest = " ".join((c.fingerprint(), *sorted(self.fixed), _content(c.dataset)))
        digest = hashlib.sha256(rest.encode()).hexdigest()[:8]
        return (
            f"{c.dataset} {c.method} {weights} seed {self.seed} {self.metric} "
            f"space {VERSION} {digest}"
        )

    def validation_labels(self) -> tuple[int, int]:
        """How many validation ratings this seed has, and how many of them are positive."""
        ratings, c = load(self.centre), self.centre
        split = make_split(ratings, c.split_seed, c.uniform_fraction, c.split)
        label = ratings.label(ratings.random.take(split.validation))
        return len(label), int(label.sum())


def plan_of(config: RunConfig, seed: int, metric: str = "auc", fixed: Iterable[str] = ()) -> Plan:
    """The plan that starts at `config`, a preset with some fields changed and its seeds unset.

    Args:
        fixed: names of fields that are not searched, those the user gave.

    Raises:
        ConfigError, DataError: what is wrong, before anything is trained.
    """
    if metric not in METRIC_DIRECTIONS:
        raise ConfigError("metric", metric, "one of " + ", ".join(METRIC_DIRECTIONS))
    centre = seeded(config, seed)
    check(centre)
    return Plan(centre, frozenset(fixed), seed, metric)


def _propensities(centre: RunConfig) -> tuple[str, ...]:
    """Those the method takes and the data have; never the true one, which only a simulation knows.

    The ratings and the split are read; both are known to be in order.
    """
    ratings = load(centre)
    split = make_split(ratings, centre.split_seed, centre.uniform_fraction, centre.split)
    found = []
    for name in METHODS[centre.method].info.propensities:
        if name == "true":
            continue
        try:
            estimate_propensity(changed(centre, propensity=name), ratings, split)
        except ConfigError:
            continue
        found.append(name)
    return tuple(found)


def _content(dataset: str) -> str:
    """A digest of an own file's content, which its name does not settle."""
    if not dataset.startswith(OWN_PREFIX):
        return ""
    path = Path(dataset.removeprefix(OWN_PREFIX)).expanduser()
    return hashlib.sha256(path.read_bytes()).hexdigest()
