"""The paper's studies by name, and your own grid.

Settings come from `engine.presets`; lam of tables was fixed on simulated data (DEVIATIONS.md). A
study of the paper never overrides a preset, so that its runs serve the lab and other studies too.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from engine.config import RunConfig, changed
from engine.datasets.catalogue import spec_of
from engine.errors import ConfigError
from engine.methods import METHODS
from engine.presets import preset
from engine.studies.plan import Plan, Series

PAPER_LAMS = (0.0, 2.0**-9, 2.0**-6, 2.0**-3, 1.0)
LAMS = (*PAPER_LAMS, 4.0, 16.0, 64.0, 256.0)
FRACTIONS = (0.01, 0.02, 0.03, 0.04, 0.05, 0.06, 0.07, 0.08, 0.09, 0.10)
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
        for method in _balancable(methods)
    ]
    return _plan("lambda", f"λ study on {_title(dataset)}", dataset, seeds, series, "lam", values)


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
        _system(dataset, name, lam, moments, {**changes, "split": "nested"})
        for name in dict.fromkeys(names)
    ]
    title = f"Uniform-size study on {_title(dataset)}"
    return _plan("uniform", title, dataset, seeds, series, "uniform_fraction", values)


def table2(
    dataset: str,
    seeds: Sequence[int] = range(SEEDS),
    lam: float = LAM,
    methods: Sequence[str] = (),
    forms: Sequence[tuple[str, tuple[str, ...]]] = (("learned", ("e",)), ("learned", ("e", "r"))),
    residuals: Sequence[str] = ("in_sample",),
    **changes: Any,
) -> Plan:
    """Table 2: every method, with uniform weights and balanced.

    methods: some only, () for all. forms: (balance, moments) of the balanced rows. On simulated
    data IPS with the true propensity, oracle weights, stands beside.
    """
    series = []
    for method in methods or METHODS:
        _known(method)
        base = preset(dataset, method, **changes).twin()
        series.append(Series(key=method, label=TITLES[method], config=base))
        if method == "ips" and dataset.startswith("simulated"):
            oracle = changed(base, propensity="true")
            label = "IPS, true propensity (oracle weights)"
            series.append(Series(key="ips/oracle", label=label, config=oracle))
        if METHODS[method].info.balances == ("none",):
            continue
        for balance, moments in forms:
            for kind in residuals if balance == "learned" else ("in_sample",):
                fields = {"lam": lam, "balance": balance, "moments": moments, "residuals": kind}
                label = balanced_label(method, moments, balance)
                label += "" if kind == "in_sample" else f", {kind.replace('_', '-')}"
                series.append(
                    Series(
                        key=f"{method}/{balance}/{','.join(moments)}/{kind}",
                        label=label,
                        config=preset(dataset, method, **{**changes, **fields}),
                        base=method,
                    )
                )
    return _plan("table2", f"Table 2 on {_title(dataset)}", dataset, seeds, series)


def table3(
    dataset: str, seeds: Sequence[int] = range(SEEDS), lam: float = LAM, **changes: Any
) -> Plan:
    """Table 3: balanced methods that start from a finished IPS, DR or AutoDebias run."""
    series = []
    for start in STARTS:
        config = preset(dataset, start, **changes).twin()
        series.append(Series(key=start, label=TITLES[start], config=config))
    for start in STARTS:
        for method in STARTS:
            config = preset(dataset, method, lam=lam, **changes)
            label = f"Bal-{TITLES[method]} from {TITLES[start]}"
            series.append(
                Series(key=f"{start}>{method}", label=label, config=config, start=start, base=start)
            )
    return _plan("table3", f"Table 3 on {_title(dataset)}", dataset, seeds, series)


def table4(
    dataset: str, seeds: Sequence[int] = range(SEEDS), lam: float = LAM, **changes: Any
) -> Plan:
    """Table 4: MF or NCF as balancing model of w1 (all pairs) and of w2 (biased ratings)."""
    series = []
    for w1 in ("mf", "ncf"):
        for w2 in ("mf", "ncf"):
            models = {"weights_model": w2, "weights_model_all": w1}
            config = preset(dataset, "autodebias", **{"lam": lam, **changes, **models})
            label = f"w1 {w1.upper()}, w2 {w2.upper()}"
            series.append(Series(key=f"{w1}/{w2}", label=label, config=config))
    return _plan("table4", f"Table 4 on {_title(dataset)}", dataset, seeds, series)


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
    title = f"{axis} on {_title(dataset)}"
    return _plan("grid", title, dataset, seeds, series, axis, values)


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


def _system(
    dataset: str, name: str, lam: float, moments: Sequence[str], changes: dict[str, Any]
) -> Series:
    """A base method by name, or "bal-NAME"."""
    method = name.removeprefix("bal-")
    if method == name:
        _known(method)
        config = preset(dataset, method, **changes).twin()
        return Series(key=method, label=TITLES[method], config=config)
    _balancable([method])
    config = preset(dataset, method, **{"lam": lam, "moments": tuple(moments), **changes})
    return Series(key=name, label=balanced_label(method, moments), config=config, base=method)


def _plan(
    kind: str,
    title: str,
    dataset: str,
    seeds: Sequence[int],
    series: Sequence[Series],
    axis: str = "",
    values: Sequence[Any] = (),
) -> Plan:
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


def _title(dataset: str) -> str:
    return dataset if dataset.startswith("csv:") else spec_of(dataset).about.title


def _known(method: str) -> None:
    if method not in METHODS:
        raise ConfigError("methods", method, "one or more of " + ", ".join(METHODS))


def _balancable(methods: Sequence[str]) -> Sequence[str]:
    for method in methods:
        if method not in BALANCED:
            raise ConfigError("methods", method, "one or more of " + ", ".join(BALANCED))
    return methods


def _shown(level: Any) -> str:
    if isinstance(level, tuple | list):
        return ", ".join(map(str, level))
    return f"{level:g}" if isinstance(level, float) else str(level)
