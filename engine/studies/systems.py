"""What the studies are made of: base methods and their balanced forms, named and labelled alike."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from engine.datasets.catalogue import spec_of
from engine.errors import ConfigError
from engine.methods import METHODS
from engine.presets import preset
from engine.studies.plan import Plan, Series

LAM = 4.0
SEEDS = 5
BALANCED = ("mf", "ips", "dr", "autodebias")
STARTS = ("ips", "dr", "autodebias")
TITLES = {method: METHODS[method].info.title for method in METHODS}


def balanced_label(method: str, moments: Sequence[str] = ("e",), balance: str = "learned") -> str:
    """ "Bal-IPS", and what sets it apart from the paper's in brackets."""
    notes = [] if tuple(moments) == ("e",) else [", ".join(moments)]
    notes += [balance] if balance != "learned" else []
    return f"Bal-{TITLES[method]}" + (f" ({'; '.join(notes)})" if notes else "")


def system_of(
    dataset: str, name: str, lam: float, moments: Sequence[str], changes: dict[str, Any]
) -> Series:
    """A base method by name, or "bal-NAME"."""
    method = name.removeprefix("bal-")
    if method == name:
        check_method(method)
        config = preset(dataset, method, **changes).twin()
        return Series(key=method, label=TITLES[method], config=config)
    with_balance([method])
    config = preset(dataset, method, **{"lam": lam, "moments": tuple(moments), **changes})
    return Series(key=name, label=balanced_label(method, moments), config=config, base=method)


def plan_of(
    kind: str,
    title: str,
    dataset: str,
    seeds: Sequence[int],
    series: Sequence[Series],
    axis: str = "",
    values: Sequence[Any] = (),
) -> Plan:
    """A study; a series whose base is not in it has none.

    Raises:
        ConfigError: as `Plan` has it.
    """
    keys = {one.key for one in series}
    kept = tuple(s if s.base in keys else s.model_copy(update={"base": ""}) for s in series)
    return Plan(
        kind=kind,
        title=title,
        dataset=dataset,
        axis=axis,
        values=tuple(values),
        seeds=tuple(seeds),
        series=kept,
    )


def title_of(dataset: str) -> str:
    """A data set as titles have it."""
    return dataset if dataset.startswith("csv:") else spec_of(dataset).about.title


def check_method(method: str) -> None:
    """Refuse a name that is no method's."""
    if method not in METHODS:
        raise ConfigError("methods", method, "one or more of " + ", ".join(METHODS))


def with_balance(methods: Sequence[str]) -> Sequence[str]:
    """These methods, all of which can be balanced.

    Raises:
        ConfigError: one cannot.
    """
    for method in methods:
        if method not in BALANCED:
            raise ConfigError("methods", method, "one or more of " + ", ".join(BALANCED))
    return methods
