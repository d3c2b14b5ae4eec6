"""Studies with settings tuned per seed: every seed trains with what its own validation chose."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from engine.errors import ConfigError
from engine.presets.files import tuned_per_seed
from engine.studies.plan import Plan, Series


def with_tuned(plan: Plan, folder: Path) -> Plan:
    """The plan with the settings that files of `engine.tuning` in `folder` hold, where there are.

    A series takes those of its data set, method and balancing; the axis and seeds stay the plan's.

    Raises:
        ConfigError: no series has files, one has them for some of the seeds only, a file cannot
            be used, or the study splits the ratings in another way than tuning did.
    """
    if any(one.config.split != "standard" for one in plan.series):
        raise ConfigError(
            "tuned", str(folder), "studies of the standard split",
            "the validation ratings of tuning would be test ratings here",
        )  # fmt: skip
    series = tuple(_tuned(one, plan, folder) for one in plan.series)
    if not any(one.by_seed for one in series):
        raise ConfigError(
            "tuned", str(folder), f"a folder with files tuned on {plan.dataset}",
            "make them by python -m engine tune",
        )  # fmt: skip
    title = f"{plan.title}, tuned per seed"
    return plan.model_copy(update={"series": series, "title": title})


def _tuned(series: Series, plan: Plan, folder: Path) -> Series:
    config = series.config
    what: dict[str, Any] = {
        "dataset": config.dataset,
        "method": config.method,
        "balance": config.balance,
    }
    try:
        tuned_per_seed(folder, **what)
    except ConfigError as error:
        if "a file tuned on a seed" in error.allowed:  # none at all: it keeps its preset
            return series
        raise
    found = tuned_per_seed(folder, plan.seeds, **what)
    if config.balanced and any(one.config.moments != config.moments for one in found.values()):
        return series
    return series.model_copy(
        update={
            "by_seed": {seed: one.config for seed, one in found.items()},
            "trials": max(one.trials for one in found.values()),
        }
    )
