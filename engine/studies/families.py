"""The families of claims that each study checks, fixed before its results are looked at.

A family is what holds together: all of its intervals do at once, so it is a choice made here and
not after the numbers. Every claim reads "a is better than b" between two cells of the plan.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

from engine.events import METRICS
from engine.studies.plan import Plan, Series

# A series by its key, and the axis' value, None in a table.
Place = tuple[str, Any]
RANKING = ("auc", "ndcg5", "ndcg10")
BEST = "autodebias"
PEAK, ENDS = 2.0**-6, (0.0, 1.0)  # where the paper sees the best lam, and the ends of its grid
_SUPERSCRIPT = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")


@dataclass(frozen=True)
class Family:
    """Claims checked together. key: short and stable; name: as sentences say it."""

    key: str
    name: str
    pairs: tuple[tuple[Place, Place], ...]
    metrics: tuple[str, ...] = RANKING


def families(plan: Plan) -> tuple[Family, ...]:
    """Every family of a study's kind; those without a pair in this plan are left out."""
    made = {
        "table2": _table2,
        "table3": lambda plan: (_gains(plan, "Table 3: balanced over its start"),),
        "table4": _table4,
        "lambda": _lambda,
        "uniform": _uniform,
    }
    found: tuple[Family, ...] = made[plan.kind](plan) if plan.kind in made else ()
    return tuple(family for family in found if family.pairs)


def place_label(plan: Plan, place: Place) -> str:
    """A cell's place in words: "Bal-IPS at λ = 2⁻⁶"."""
    key, x = place
    label = next(series.label for series in plan.series if series.key == key)
    if x is None:
        return label
    if plan.axis == "lam":
        return f"{label} at λ = {lam_text(float(x))}"
    if plan.axis == "uniform_fraction":
        return f"{label} at {100 * float(x):g} %"
    return f"{label} at {plan.axis} = {x}"


def lam_text(lam: float) -> str:
    """λ as the paper writes it: "0", "2⁻⁶", "1"; other values as plain numbers."""
    power = math.log2(lam) if lam > 0 else 0.0
    if lam <= 0 or power == 0 or power != round(power):
        return f"{lam:g}"
    return "2" + str(round(power)).translate(_SUPERSCRIPT)


def _gains(plan: Plan, name: str) -> Family:
    pairs = tuple(((s.key, None), (s.base, None)) for s in plan.series if s.base)
    return Family("gains", name, pairs, METRICS)


def _table2(plan: Plan) -> tuple[Family, ...]:
    learned = {s.config.method: s for s in plan.series if _form(s) == ("e",)}
    both = {s.config.method: s for s in plan.series if _form(s) == ("e", "r")}
    rivals = [s for s in plan.series if _form(s) == () and s.key == s.config.method]
    rivals += [s for method, s in learned.items() if method != BEST]
    best = [] if BEST not in learned else [(learned[BEST].key, rival.key) for rival in rivals]
    more = [(both[m].key, learned[m].key) for m in both if m in learned]
    return (
        _gains(plan, "Table 2: balanced over base"),
        Family("best", "Table 2: Bal-AutoDebias over every other method", _at(best)),
        Family("moments", "Table 2: {e, r} over {e}", _at(more), METRICS),
    )


def _form(series: Series) -> tuple[str, ...] | None:
    """The moments learned weights balance with in-sample errors, () without weights, else None."""
    config = series.config
    if config.balance == "none":
        return ()
    own = config.balance == "learned" and config.residuals == "in_sample"
    return tuple(config.moments) if own else None


def _table4(plan: Plan) -> tuple[Family, ...]:
    keys = [series.key for series in plan.series]
    pairs = [("ncf/mf", key) for key in keys if key != "ncf/mf" and "ncf/mf" in keys]
    name = "Table 4: NCF for w1 with MF for w2 over the other three"
    return (Family("best", name, _at(pairs)),)


def _at(pairs: list[tuple[str, str]]) -> tuple[tuple[Place, Place], ...]:
    return tuple(((a, None), (b, None)) for a, b in pairs)


def _lambda(plan: Plan) -> tuple[Family, ...]:
    keys = [series.key for series in plan.series]
    lams = [float(x) for x in plan.values]
    positive = tuple(((key, x), (key, 0.0)) for key in keys for x in lams if x > 0 and 0.0 in lams)
    ends = tuple(
        ((key, PEAK), (key, end)) for key in keys for end in ENDS if PEAK in lams and end in lams
    )
    return (
        Family("positive", "Figure 2: every λ > 0 over λ = 0", positive),
        Family("peak", "Figure 2: λ = 2⁻⁶ over both ends of the paper's grid", ends),
    )


def _uniform(plan: Plan) -> tuple[Family, ...]:
    keys = [series.key for series in plan.series]
    best = f"bal-{BEST}"
    others = [key for key in ("mf", "cause", "kd-label", BEST) if key in keys]
    pairs = tuple(((best, x), (key, x)) for x in plan.values for key in others if best in keys)
    small = 0.01 in plan.values and {"mf", "cause"} <= set(keys)
    below = ((("mf", 0.01), ("cause", 0.01)),) if small else ()
    return (
        Family("best", "Figure 3: Bal-AutoDebias over the paper's others, every size", pairs),
        Family("cause", "Figure 3: MF over CausE with 1 % uniform ratings", below),
    )
