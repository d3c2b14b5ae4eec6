"""The paper's Tables 2, 3 and 4 as studies."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from engine.config import RunConfig, changed
from engine.methods import METHODS
from engine.presets import preset
from engine.studies.plan import Plan, Series
from engine.studies.systems import (
    LAM,
    SEEDS,
    STARTS,
    TITLES,
    balanced_label,
    check_method,
    plan_of,
    title_of,
)

PENALISED = "penalised"


def table2(
    dataset: str,
    seeds: Sequence[int] = range(SEEDS),
    lam: float = LAM,
    methods: Sequence[str] = (),
    forms: Sequence[tuple[str, tuple[str, ...]]] = (("learned", ("e",)), ("learned", ("e", "r"))),
    residuals: Sequence[str] = ("in_sample",),
    constraints: Sequence[str] = (PENALISED,),
    **changes: Any,
) -> Plan:
    """Table 2: every method, with uniform weights and balanced.

    methods: some only, () for all. forms: (balance, moments) of the balanced rows, each with every
    one of residuals; constraints: of exact weights. On simulated data IPS with the true
    propensity, oracle weights, stands beside.
    """
    series = []
    for method in methods or METHODS:
        check_method(method)
        base = preset(dataset, method, **changes).twin()
        series.append(Series(key=method, label=TITLES[method], config=base))
        if method == "ips" and dataset.startswith("simulated"):
            oracle = changed(base, propensity="true")
            label = "IPS, true propensity (oracle weights)"
            series.append(Series(key="ips/oracle", label=label, config=oracle))
        if METHODS[method].info.balances == ("none",):
            continue
        for balance, moments in forms:
            for kind, constraint in _ways(balance, residuals, constraints):
                plain = constraint == PENALISED
                fields = {"lam": lam, "balance": balance, "moments": moments, "residuals": kind}
                fields |= {} if plain else {"constraint": constraint}
                config = preset(dataset, method, **{**changes, **fields})
                label = balanced_label(method, moments, balance)
                label += "" if kind == "in_sample" else f", {kind.replace('_', '-')}"
                label += "" if plain else f", {_constraint_label(config)}"
                key = f"{method}/{balance}/{','.join(moments)}/{kind}"
                key += "" if plain else f"/{constraint}"
                series.append(Series(key=key, label=label, config=config, base=method))
    return plan_of("table2", f"Table 2 on {title_of(dataset)}", dataset, seeds, series)


def _ways(
    balance: str, residuals: Sequence[str], constraints: Sequence[str]
) -> list[tuple[str, str]]:
    """Residuals and constraint of every row of one form."""
    ends = (PENALISED,) if balance == "learned" else constraints
    return [(kind, constraint) for kind in residuals for constraint in ends]


def _constraint_label(config: RunConfig) -> str:
    return "met" if config.constraint == "hard" else f"within {config.tolerance:g} SE"


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
    return plan_of("table3", f"Table 3 on {title_of(dataset)}", dataset, seeds, series)


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
    return plan_of("table4", f"Table 4 on {title_of(dataset)}", dataset, seeds, series)
