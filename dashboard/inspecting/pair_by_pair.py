"""Pair by pair: the map of pairs, all or of a cell, to zoom into; and the picked pair in full."""

from __future__ import annotations

from typing import Any

import numpy as np
import streamlit as st

from dashboard.charts import pair_map as charts
from dashboard.inspecting import state
from dashboard.inspecting.epochs import dark
from dashboard.inspecting.takeaway import offer, title
from dashboard.live_figure import live_figure
from dashboard.text import weights as text

KEY, ALL = "w_pairs", "all"


def view(found: Any) -> None:
    """The map and what is picked on it; zooming renews these two alone."""
    before = str(state.picked())

    def look() -> None:
        if str(state.picked()) != before:  # picked in here: the rest of the page lights up too
            st.rerun()
        left, right = st.columns([1.9, 1], gap="medium")
        with left:
            _map(found)
        with right:
            _cells(found)
            _one(found, state.picked().pair)
        state.write_url()

    st.fragment(look)()


def _map(found: Any) -> None:
    pick, box = state.picked(), state.box()
    shown = found.pair_map(pick.cell, box)
    revision = f"{found.run}-{found.block}-{pick.cell}"

    def zoomed(told: str, part: tuple[float, float, float, float] | None) -> None:
        if told == revision:  # else it is of a map that is gone
            state.zoom(None if part is None else charts.box_of(part))

    def picked(told: str, x: float, y: float) -> None:
        cells = shown.cells
        here = (cells["item"] == round(x) - 1) & (cells["user"] == round(y) - 1)
        if told == revision and here.any():
            state.pick_pair(int(cells.loc[here, "pair"].iloc[0]), KEY)

    title("Pair by pair", text.pair_map_note(shown, int(found.used.sum()), found.block))
    live_figure(
        charts.pair_map(shown, _names(found, shown), _mark(found, pick.pair), revision),
        key=KEY,
        label="Map of the weights pair by pair, users by activity and items by popularity",
        description=charts.in_words(shown),
        box=charts.part_of(box) if box else None,
        on_box=zoomed,
        on_pick=picked,
        later=True,
    )
    name = f"counterweight-{found.run}-pairs"
    offer(_table(found, shown), KEY, name, charts.picture(shown, dark()))


def _mark(found: Any, pair: int | None) -> tuple[int, int] | None:
    if pair is None:
        return None
    return int(found.ranks.user[pair]), int(found.ranks.item[pair])


def _names(found: Any, shown: Any) -> tuple[list[str], list[str]]:
    """What rows and columns of the map are called: who, or from which rank to which."""
    named = []
    codes = found.ranks.users, found.ranks.items
    for k, (side, names) in enumerate(zip(("user", "item"), found.names, strict=True)):
        low, high, step = shown.box[2 * k], shown.box[2 * k + 1], shown.step[k]
        if shown.single:
            here = codes[k][low:high]
            named.append([f"{side} {names[c] if names else c}" for c in here])
        else:
            named.append([text.ranks(side, r, min(r + step, high)) for r in range(low, high, step)])
    return named[0], named[1]


def _table(found: Any, shown: Any) -> Any:
    """What is drawn, as a table: pairs with all that is known of them, or bins."""
    if not shown.single:
        bins = shown.cells.assign(
            user_to=lambda f: f["user"] + shown.step[0], item_to=lambda f: f["item"] + shown.step[1]
        )
        bins[["user", "item"]] += 1
        renamed = bins.rename(columns={"user": "user_from", "item": "item_from"})
        return renamed[["user_from", "user_to", "item_from", "item_to", "pairs", "weight"]]
    return found.named(found.pairs.iloc[shown.cells["pair"].to_numpy()])


def _cells(found: Any) -> None:
    """The cell of the decile map whose pairs are shown, to choose without a mouse."""
    counts = {
        (int(u), int(i)): int(n)
        for u, i, n in found.cells[["user_group", "item_group", "pairs"]].itertuples(index=False)
    }
    cell = state.picked().cell
    st.session_state["w_cell"] = cell if cell in counts else ALL

    def chose() -> None:
        one = st.session_state["w_cell"]
        state.pick(state.Pick(cell=None if one == ALL else one))

    st.selectbox(
        "Pairs of",
        [ALL, *counts],
        key="w_cell",
        format_func=lambda one: text.cell_title(one, counts),
        on_change=chose,
    )


def _one(found: Any, pair: int | None) -> None:
    """All that is known of the picked pair."""
    if pair is None:
        st.caption(text.PAIR_MAP)
        return
    one = found.named(found.pairs.iloc[[pair]]).iloc[0]
    rows = [("User, item", f"{one['user_name']}, {one['item_name']}"), *text.pair_rows(one)]
    rows += [(f"{side}'s features".capitalize(), _features(found, one, side)) for side in _SIDES]
    lines = ["| | |", "|:--|:--|", *(f"| {name} | {said} |" for name, said in rows if said)]
    with st.container(key="w_pair_table"):
        st.markdown("\n".join(lines))


_SIDES = ("user", "item")


def _features(found: Any, one: Any, side: str) -> str:
    """Those of the pair's user or item: of 0/1 columns the names of the ones, else the values."""
    said = []
    for name, table in found.feature_tables.items():
        if not name.startswith(f"{side}:"):
            continue
        value, plain = float(table[int(one[side])]), name.removeprefix(f"{side}:")
        if np.isin(table, (0.0, 1.0)).all():
            said += [plain.replace(":", " ")] if value else []
        else:
            said.append(f"{plain} {value:g}")
    return ", ".join(said)
