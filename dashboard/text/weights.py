"""What the Weights page says: plain functions from values to sentences."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from dashboard.charts.theme import lam_label, number
from dashboard.text.settings import choice

ACROSS = {
    "inverse_propensity": "1/p̂, the inverse propensity",
    "error": "squared error at the best epoch",
    "label": "label r",
    "rating": "rating",
    "prediction": "prediction",
    "item_popularity": "item's number of ratings",
    "user_activity": "user's number of ratings",
}
STRETCHED = ("inverse_propensity",)

EXACT = (
    "Exact weights are a function of the balanced moments alone, so every other pattern on this "
    "page follows from how those moments are spread over the pairs."
)
SELECT = "Click a cell, a point or a row: it lights up everywhere."


def across_title(name: str) -> str:
    """A column or feature in words."""
    return ACROSS.get(name) or name.replace("user:", "user feature: ").replace(
        "item:", "item feature: "
    )


def run_title(row: Mapping[str, Any]) -> str:
    """A run in a line: method, what it balances, λ, data, seed, id."""
    how = choice(row["method"])
    moments = row["moments"]
    moments = moments.split(",") if isinstance(moments, str) else list(moments)
    how += " balanced on " + " + ".join(choice(m) for m in moments)
    if row["balance"] == "exact":
        how += ", exact weights"
    free = row["balance"] == "exact" and row["constraint"] != "penalised"
    how += f", {row['constraint']}" if free else f", λ = {lam_label(float(row['lam']))}"
    data = row["dataset"]
    if str(data).startswith("simulated"):
        data += f", {row['confounding']} confounding"
    return f"{how} · {data} · seed {row['seed']} · {row['run']}"


def value(amount: float, unit: str) -> str:
    """One diagnostic in print."""
    if not math.isfinite(amount):
        return "none" if math.isnan(amount) else "infinite"
    if unit == "%":
        return f"{100 * amount:.1f}\u00a0%"
    if unit == "x":
        return f"×{amount:.2f}"
    if unit == "n":
        return f"{int(amount):,}"
    digits = 3 if abs(amount) >= 0.01 or abs(amount) < 5e-6 else 5
    return number(amount, digits)


def exact_reading(r: float | None, kl: float, hard: bool) -> str:
    """How learned weights stand to the exact ones, in words."""
    name = "the hard constraint's" if hard else "the exact ones at this λ"
    if r is None:
        return f"Either these weights or {name} are uniform: nothing to correlate."
    if r >= 0.98 and kl < 0.002:
        return f"The weights are {name}: r = {number(r, 2)}, KL {kl:.4f}."
    if r >= 0.98:
        return (
            f"The same direction, another strength: r = {number(r, 2)} with {name}, KL {kl:.4f}. "
            "Points beside the dashed line are stretched or shrunk, not out of order."
        )
    return f"Not {name}: r = {number(r, 2)}, KL {kl:.4f}. The balancing model orders pairs anew."


def oracle_reading(r: float | None, kl: float, met: bool | None, uniform: bool = False) -> str:
    """How they stand to the oracle's, in words."""
    if r is None and uniform:
        return "These weights are uniform: nothing to correlate with the oracle's."
    if r is None:
        return (
            "The oracle's weights are 1 for every pair: the propensity leaves nothing to correct."
        )
    said = f"r = {number(r, 2)}, KL {kl:.3f}"
    if r >= 0.6:
        return f"Close to the oracle's ({said}): they undo much of the confounding."
    much = "only partly" if r >= 0.2 else "not"
    if met:
        return (
            f"**Constraint met, weights {much} the oracle's** ({said}). Few equations leave "
            "many weights that satisfy them; other moments would choose other weights."
        )
    return f"{much.capitalize()} the oracle's ({said})."


def hidden_reading(r: float | None) -> str:
    """What weights have to do with the hidden confounder."""
    if r is None:
        return "The weights do not vary."
    size = "hardly" if abs(r) < 0.1 else "somewhat" if abs(r) < 0.4 else "clearly"
    way = "" if abs(r) < 0.1 else ": pairs with a high h weigh less"
    if r > 0.1:
        way = ": pairs with a high h weigh more"
    return f"Weights follow the hidden h {size} (r = {number(r, 2)}){way}."


def sampled(shown: int, total: int) -> str:
    """What the points are."""
    if shown >= total:
        return f"all {total:,} pairs"
    return f"{shown:,} of {total:,} pairs drawn"
