"""What the Weights page says: plain functions from values to sentences."""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping
from typing import Any

from dashboard.charts.theme import lam_label, number
from dashboard.text.settings import choice

ACROSS = {
    "inverse_propensity": "1/p̂, the inverse propensity",
    "error": "squared error",
    "label": "label r",
    "rating": "rating",
    "prediction": "prediction",
    "item_popularity": "item's number of ratings",
    "user_activity": "user's number of ratings",
}
# Of the pairs of D, rated or not.
ACROSS_ALL = {
    "imputed": "imputed error ê",
    "inverse_propensity": "1/p̂₁, by which ê is multiplied",
    "prediction": "prediction",
    "observed": "rated or not",
    "label": "label r, of rated pairs",
    "rating": "rating, of rated pairs",
    "error": "squared error, of rated pairs",
    "item_popularity": "item's number of ratings",
    "user_activity": "user's number of ratings",
}
STRETCHED = ("inverse_propensity",)
BLOCKS = {"observed": "w₂ on rated pairs", "all": "w₁ on all pairs"}
NOUN = {"observed": "rating", "all": "pair"}
WHAT = {
    ("dr", "all"): "w₁ weighs the imputed error ê of every pair of D, rated or not, in the first "
    "sum of (12).",
    ("dr", "observed"): "w₂ weighs (e − ê)/p̂, what a rating corrects of its imputed error, in the "
    "second sum of (12).",
    ("autodebias", "all"): "w₁ weighs ê/p̂₁, the error at the imputed label, of every pair of D, "
    "rated or not, in the first sum of (13).",
    ("autodebias", "observed"): "w₂ weighs e/p̂₂, the errors of rated pairs, in the second sum of "
    "(13).",
}
LOVE = (
    "features, activity, popularity against all pairs, known exactly; label and error "
    "against the few uniform ratings, band: their standard error"
)
LOVE_ALL = "means of features, activity, popularity over all pairs, against the same unweighted"
LOVE_WAYS_ALL = {"raw": "uniform", "inverse": "1/p̂₁", "weighted": "w₁/p̂₁"}
UNIFORM_IS_RIGHT = (
    "All pairs are what is to be estimated, so the oracle's w₁ is 1 for every pair, on real data "
    "too. What departs from 1 makes up for imputed errors that are off; it corrects no selection."
)

EXACT = (
    "Exact weights are a function of the balanced moments alone, so every other pattern on this "
    "page follows from how those moments are spread over the pairs."
)
SELECT = "Click a cell, a point or a row: it lights up everywhere."
SELECT_CELL = "Click a cell to follow it; drag over a chart to zoom in. Both stay as epochs come."

PAIR_MAP = (
    "Click a pair to see all that is known of it. Drag over the map to zoom in, double-click to "
    "zoom out; a cell of the decile map, or one chosen here, narrows the map to its pairs."
)


def picked_cell(cell: tuple[int, int], weight: float) -> str:
    """A cell of the decile map and its mean weight at the epoch shown."""
    known = f"mean weight **×{weight:.2f}**" if math.isfinite(weight) else "no pairs"
    return f":blue[**Picked:**] users {cell[0]} and items {cell[1]} of 12; {known} in this epoch."


def pair_map_note(shown: Any, total: int, block: str) -> str:
    """What a cell of the map of pairs is, and how many pairs it shows."""
    how_many = f"{shown.pairs:,} of {total:,} pairs" if shown.pairs < total else f"{total:,} pairs"
    if shown.single:
        what, rest = ("rated pair", "not rated") if block == "observed" else ("pair", "not drawn")
        return f"a cell a {what}; {how_many}; grey: {rest}"
    users, items = (
        f"{n:,} {side}{'s' if n > 1 else ''}" for n, side in zip(shown.step, _SIDES, strict=True)
    )
    return (
        f"{how_many}, too many to tell apart: cells of {users} × {items}, mean of their pairs; "
        "click or drag to zoom in until pairs appear"
    )


_SIDES = ("user", "item")


def ranks(side: str, low: int, high: int) -> str:
    """Users or items between two ranks, from 0, the end not included."""
    return f"{side} {high:,} by rank" if high - low == 1 else f"{side}s {low + 1:,} to {high:,}"


def cell_title(cell: Any, counts: Mapping[tuple[int, int], int]) -> str:
    """A cell of the decile map in a list, or all of them."""
    if cell not in counts:
        return f"all cells: {sum(counts.values()):,} pairs"
    return f"users {cell[0]} × items {cell[1]} of 12: {counts[cell]:,} pairs"


PAIR = {
    "rating": ("Rating", "{:g}"),
    "label": ("Label", "{:g}"),
    "prediction": ("Prediction", "{:.3f}"),
    "error": ("Squared error", "{:.3f}"),
    "imputed": ("Imputed error ê", "{:.3f}"),
    "inverse_propensity": ("1/p̂", "{:.1f}"),
    "weight": ("Weight w", "×{:.3f}"),
    "exact": ("Exact weight", "×{:.3f}"),
    "exact_hard": ("Exact, hard constraint", "×{:.3f}"),
    "oracle": ("Oracle weight", "×{:.3f}"),
    "hidden": ("Hidden confounder h", "{:.2f}"),
    "user_activity": ("User's ratings", "{:,.0f}"),
    "item_popularity": ("Item's ratings", "{:,.0f}"),
}


def pair_rows(one: Mapping[str, Any]) -> list[tuple[str, str]]:
    """What is known of a pair: name and value in print, without what is not."""
    known = ((name, float(one[name])) for name in PAIR if name in one)
    return [(PAIR[k][0], PAIR[k][1].format(v)) for k, v in known if math.isfinite(v)]


def across(block: str, columns: Collection[str]) -> dict[str, str]:
    """What weights of a block can be drawn against, of what there is."""
    offered = ACROSS_ALL if block == "all" else ACROSS
    return {name: title for name, title in offered.items() if name in columns}


def across_title(name: str, block: str = "observed") -> str:
    """A column or feature in words."""
    own = ACROSS_ALL if block == "all" else ACROSS
    return own.get(name) or name.replace("user:", "user feature: ").replace(
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
    trains = " · in training" if row.get("state") in ("running", "paused") else ""
    return f"{how} · {data} · seed {row['seed']} · {row['run']}{trains}"


READING = "Reading the ratings and solving for the exact weights; the epochs are there already."


def training(record: Any, newest: bool) -> str:
    """How far a run is that has not ended, and which of its epochs is shown."""
    how = {"running": "trains", "paused": "is paused", "queued": "waits to be trained"}
    far = f"epoch {record.epochs_done} of at most {record.config.epochs}"
    shown = (
        "the newest epoch is shown as it comes"
        if newest
        else "the chosen epoch stays; move to the end to follow the newest"
    )
    return (
        f"**This run {how.get(record.state, record.state)}**, {far}: {shown}. Pairs, exact weights "
        "and diagnostics come when it ends."
    )


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


def what(method: str, block: str, shown: int, of_pairs: int) -> str:
    """What the weights of a method with two blocks are, and of which pairs they are shown."""
    said = WHAT.get((method, block), "")
    if of_pairs > shown:
        said += f" Shown are {shown:,} of {of_pairs:,} pairs, a fixed sample."
    return f"{said} Both blocks share one constraint, and so one μ of the exact weights."


def oracle_note(method: str) -> str:
    """What the oracle's weights on rated pairs are, for the method."""
    if method == "dr":
        return "p̂/p̃, which makes the correction of ê unbiased; dashed: equal"
    if method == "autodebias":
        return "p̂₂/p̃ at mean 1, with which e/p̂₂ is as by the true p̃; dashed: equal"
    return "p̂/p̃, which makes the estimate unbiased; dashed: equal"


def uniform_reading(kl: float, spread: float) -> str:
    """How w1 stands to its oracle, which is uniform. spread: mean |w - 1|."""
    if spread < 0.005:
        return f"All but the oracle's: KL {kl:.4f}, |w₁ − 1| {spread:.4f} on average."
    return (
        f"Away from the oracle's: KL {kl:.4f}, |w₁ − 1| {spread:.3f} on average, which the "
        "constraint asked for."
    )


def infeasible(note: str) -> str:
    """That nothing meets the hard constraint."""
    return f"**The hard constraint cannot be met**, so there is nothing exact to compare: {note}."


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
