"""Pairs at one epoch: weight against anything, the heaviest and the lightest, one picked."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import streamlit as st

from dashboard.charts.against import Across, against
from dashboard.inspecting import frames, state
from dashboard.inspecting.epochs import dark
from dashboard.inspecting.takeaway import drawn, offer, title
from dashboard.text import weights as text

EACH_END = 10
COLUMNS = {
    "weight": "counts as",
    "user_name": "user",
    "item_name": "item",
    "rating": "rating",
    "error": "error",
    "imputed": "ê",
    "inverse_propensity": "1/p̂",
    "user_activity": "user's ratings",
    "item_popularity": "item's ratings",
    "user_is": "the user",
    "item_is": "the item",
}


def against_anything(found: Any) -> None:
    """The scatter whose other axis is chosen."""
    titles = text.across(found.block, found.pairs.columns)
    offered = [*titles, *found.features]
    chosen = state.get("across") if state.get("across") in offered else offered[0]
    st.session_state["w_across"] = chosen
    title("Weight against", _note(found))
    st.selectbox(
        "Against",
        offered,
        key="w_across",
        format_func=lambda name: text.across_title(name, found.block),
        on_change=state.chose,
        args=("across",),
        label_visibility="collapsed",
    )
    words = text.across_title(chosen, found.block)
    across = Across(chosen, words, stretch=chosen in text.STRETCHED)
    scatter(found, across, "w_against", height=284)


def _note(found: Any) -> str:
    shown = text.sampled(len(found.sample()), int(found.used.sum()))
    return f"epoch {found.epoch}; {shown}; black: means of all, 95 % intervals"


def scatter(found: Any, across: Across, key: str, height: int = 300) -> None:
    """Weights against one quantity, linked to everything else."""
    points = frames.points(found, across.name, state.picked())
    bins = found.binned(across.name)
    chart = against(points, bins, across, dark(), height)
    name = f"counterweight-{found.run}-against-{across.name.replace(':', '-')}"
    drawn(chart, bins, key, name, lambda: state.from_chart(key))


def extremes(found: Any) -> None:
    """The most up- and down-weighted pairs, of the picked cell or of all."""
    pick = state.picked()
    cell = pick.cell
    rows = found.extremes(EACH_END, cell)
    where = "of all pairs"
    if cell is not None:
        where = f"in the picked cell (users {cell[0]}, items {cell[1]} of 12)"
    noun = text.NOUN[found.block]
    title(f"Heaviest and lightest {noun}s", f"{EACH_END} at each end {where}; a row can be picked")
    if rows.empty:
        st.caption("No pair lies in this cell.")
        return
    rows = found.traits(rows)
    columns = {name: words for name, words in COLUMNS.items() if name in rows}
    if found.block == "all":  # whose errors are imputed ones
        del columns["error"]
    shown = rows[list(columns)].rename(columns=columns)
    if found.block == "all":
        shown["rating"] = frames.ratings_in_words(rows["rating"])
    shown.insert(0, "", np.where(rows["weight"] >= 1, "▲", "▼"))
    key = "w_extremes"
    pairs = [int(k) for k in rows.index]
    st.dataframe(
        shown,
        key=key,
        hide_index=True,
        height=35 * (len(rows) + 1) + 3 if len(rows) < 8 else 318,
        column_config=_formats(found.block),
        on_select=lambda: state.from_table(key, pairs),
        selection_mode="single-row",
    )
    offer(rows, "w_extremes_all", f"counterweight-{found.run}-extremes")


def _formats(block: str) -> dict[str, Any]:
    number = st.column_config.NumberColumn
    words = st.column_config.TextColumn(width="small")
    return {
        "counts as": number(format="×%.2f", width="small"),
        "rating": number(format="%g", width="small") if block == "observed" else words,
        "error": number(format="%.3f", width="small"),
        "ê": number(format="%.3f", width="small"),
        "1/p̂": number(format="%.1f", width="small"),
    }


def picked_words(found: Any) -> None:
    """What is picked, in words, with a button that lets go of it."""
    pick = state.picked()
    mask = frames.mask_of(found, pick)
    if mask is None:
        st.caption(text.SELECT)
        return
    row = st.container(horizontal=True, vertical_alignment="center", key="picked")
    row.markdown(_said(found, pick, mask), width="content")
    row.button("Let go", key="w_clear", type="tertiary", on_click=state.pick, args=(state.Pick(),))


def _said(found: Any, pick: state.Pick, mask: Any) -> str:
    if pick.pair is None and pick.cell is not None:
        here = found.pairs[mask & found.used]
        if here.empty:
            return ":blue[**Picked:**] a cell without pairs."
        means = (
            f"mean label {here['label'].mean():.2f}, mean error {here['error'].mean():.3f}"
            if found.block == "observed"
            else f"{int(here['observed'].sum()):,} of them rated, mean imputed error "
            f"{here['imputed'].mean():.3f}"
        )
        return (
            f":blue[**Picked:**] {len(here):,} pairs of users {pick.cell[0]} and items "
            f"{pick.cell[1]} of 12; mean weight **×{here['weight'].mean():.2f}**, {means}."
        )
    one = found.named(found.pairs.iloc[[pick.pair]]).iloc[0]
    count = f"This {text.NOUN[found.block]} counts as **{one['weight']:.2f}**"
    if one["weight"] <= 0:
        count = "This rating is held out and counts for the weights only"
    rated = f"rated {one['rating']:g}" if np.isfinite(one["rating"]) else "not rated"
    if "imputed" in one.index:
        rated += f", imputed error {one['imputed']:.3f}"
    return f":blue[**Picked:**] user {one['user_name']}, item {one['item_name']}, " + (
        f"{rated}, predicted {one['prediction']:.2f}. {count}{_others(one)}."
    )


def _others(one: pd.Series) -> str:
    named = {"exact": "exact", "oracle": "oracle"}
    said = [f"{word} {one[name]:.2f}" for name, word in named.items() if name in one.index]
    return f" ({', '.join(said)})" if said else ""
