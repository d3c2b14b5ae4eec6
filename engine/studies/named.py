"""The paper's studies by name, and your own grid.

Settings come from `engine.presets`; lam of tables was fixed on simulated data (DEVIATIONS.md). A
study of the paper never overrides a preset, so that its runs serve the lab and other studies too.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from engine.config import RunConfig
from engine.errors import ConfigError
from engine.presets import preset
from engine.studies.plan import Plan, Series
from engine.studies.systems import (
    LAM,
    SEEDS,
    STARTS,
    TITLES,
    balanced_label,
    plan_of,
    system_of,
    title_of,
    with_balance,
)
from engine.studies.table_plans import table2, table3, table4

PAPER_LAMS = (0.0, 2.0**-9, 2.0**-6, 2.0**-3, 1.0)
LAMS = (*PAPER_LAMS, 4.0, 16.0, 64.0, 256.0)
FRACTIONS = (0.01, 0.02, 0.03, 0.04, 0.05, 0.06, 0.07, 0.08, 0.09, 0.10)


def lambda_study(
    dataset: str,
    seeds: Sequence[int] = range(SEEDS),
    methods: Sequence[str] = STARTS,
    values: Sequence[float] = LAMS,
    moments: Sequence[str] = ("e",),
    **changes: Any,
) -> Plan:
    """Figure 2: metrics against lam; lam = 0 is the base method itself."""
    series = [
        Series(
            key=method,
            label=balanced_label(method, moments),
            config=preset(dataset, method, moments=tuple(moments), **changes),
        )
        for method in with_balance(methods)
    ]
    return plan_of(
        "lambda", f"λ study on {title_of(dataset)}", dataset, seeds, series, "lam", values
    )


def uniform_study(
    dataset: str,
    seeds: Sequence[int] = range(SEEDS),
    values: Sequence[float] = FRACTIONS,
    lam: float = LAM,
    moments: Sequence[str] = ("e",),
    extra: Sequence[str] = (),
    **changes: Any,
) -> Plan:
    """Figure 3: metrics against the size of U, nested samples, validation and test fixed.

    extra: further base methods by name, "bal-NAME" for their balanced form.
    """
    names = ("mf", "cause", "kd-label", "autodebias", "bal-autodebias", "mf-uniform", *extra)
    series = [
        system_of(dataset, name, lam, moments, {**changes, "split": "nested"})
        for name in dict.fromkeys(names)
    ]
    title = f"Uniform-size study on {title_of(dataset)}"
    return plan_of("uniform", title, dataset, seeds, series, "uniform_fraction", values)


def grid(
    dataset: str,
    axis: str,
    values: Sequence[Any],
    against: str = "",
    levels: Sequence[Any] = (),
    seeds: Sequence[int] = range(SEEDS),
    method: str = "ips",
    **changes: Any,
) -> Plan:
    """Your own: any field of a run along the axis, any other told apart by a curve each."""
    if bool(against) != bool(levels):
        raise ConfigError("against", against or "nothing", "a field together with its levels")
    if against and against not in RunConfig.model_fields:
        raise ConfigError("against", against, "a setting of a run")
    if against and against == axis:
        raise ConfigError("against", against, "another field than that of the axis")
    if against in changes or axis in changes:
        raise ConfigError("axis", axis, "fields that are not fixed too", "leave the fixed one out")
    series = []
    for level in levels or (None,):
        fields = dict(changes) | ({against: level} if against else {})
        config = preset(dataset, str(fields.pop("method", method)), **fields)
        label = f"{against} {_shown(level)}" if against else TITLES[config.method]
        series.append(Series(key=label, label=label, config=config))
    title = f"{axis} on {title_of(dataset)}"
    return plan_of("grid", title, dataset, seeds, series, axis, values)


STUDIES: dict[str, Callable[..., Plan]] = {
    "lambda": lambda_study,
    "uniform": uniform_study,
    "table2": table2,
    "table3": table3,
    "table4": table4,
    "grid": grid,
}
KINDS = tuple(STUDIES)
# What the axis of a figure takes unless told otherwise.
VALUES: dict[str, tuple[float, ...]] = {"lambda": LAMS, "uniform": FRACTIONS}


def make_plan(kind: str, dataset: str, **choices: Any) -> Plan:
    """The study of that kind on a data set; `choices` as its function takes them.

    Raises:
        ConfigError: an unknown kind, or choices that make no study.
    """
    if kind not in STUDIES:
        raise ConfigError("kind", kind, "one of " + ", ".join(KINDS))
    plan = STUDIES[kind](dataset, **choices)
    for series in plan.series:  # contradictions are said before anything is stored
        for x in plan.values if plan.axis else (None,):
            plan.config_of(series, x, plan.seeds[0])
    return plan


def _shown(level: Any) -> str:
    if isinstance(level, tuple | list):
        return ", ".join(map(str, level))
    return f"{level:g}" if isinstance(level, float) else str(level)
