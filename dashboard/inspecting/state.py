"""What the Weights page shows: run, block, epoch, what across, what is picked; session and URL.

As on the Lab: the URL is read when it is not the one this page wrote last, and repeats everything
after every change. A pick is a cell of the map, (users' twelfth, items' twelfth), one pair, or a
pair looked at inside a cell. `box` is the part of the map of pairs that is zoomed to.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

import streamlit as st

from engine import api

NAMES = ("run", "on", "beside", "epoch", "across", "pick", "box")
Box = tuple[int, int, int, int]
_STATE, _WRITTEN, _SOURCE = "inspecting", "inspecting_written", "picked_in"


@dataclass(frozen=True)
class Pick:
    """A cell, a pair by its number, or a pair inside a cell."""

    cell: tuple[int, int] | None = None
    pair: int | None = None

    def __str__(self) -> str:
        cell = "" if self.cell is None else f"cell-{self.cell[0]}-{self.cell[1]}"
        pair = "" if self.pair is None else f"pair-{self.pair}"
        return "-".join(part for part in (cell, pair) if part)

    @classmethod
    def parse(cls, text: str | None) -> Pick:
        """The inverse of `str`; anything else picks nothing."""
        found = re.fullmatch(r"(?:cell-(\d{1,2})-(\d{1,2}))?-?(?:pair-(\d{1,9}))?", text or "")
        if not found:
            return cls()
        cell = (int(found[1]), int(found[2])) if found[1] else None
        if cell is not None and not all(1 <= k <= 12 for k in cell):
            return cls()
        return cls(cell, int(found[3]) if found[3] else None)


def adopt_url() -> None:
    """Take everything from the URL when it is not what this page wrote."""
    params = st.query_params.to_dict()
    state = st.session_state
    state.setdefault(_STATE, {})
    if params and params != state.get(_WRITTEN):
        state[_STATE] = {k: v for k, v in params.items() if k in NAMES and v}
    state[_WRITTEN] = params
    state["written"] = {}  # the Lab, come back to without parameters, goes on where it was


def write_url() -> None:
    """Make the URL repeat the state."""
    params = {k: str(v) for k, v in st.session_state[_STATE].items() if v not in (None, "")}
    kept = {k: v for k, v in st.query_params.to_dict().items() if k.startswith("embed")}
    if st.query_params.to_dict() != params | kept:
        st.query_params.from_dict(params | kept)
    st.session_state[_WRITTEN] = params | kept


def get(name: str) -> Any:
    """One part of the state, None where it is not set."""
    return st.session_state[_STATE].get(name)


def put(name: str, value: Any) -> None:
    """Set one part; another run forgets epoch and pick, another block a picked pair."""
    state = dict(st.session_state[_STATE])
    if name == "run" and value != state.get("run"):
        for gone in ("epoch", "pick", "box"):
            state.pop(gone, None)
    if name == "on" and value != state.get("on"):  # pairs are numbered within a block
        cell = Pick.parse(state.get("pick")).cell
        state |= {"pick": str(Pick(cell))}
    if value in (None, ""):
        state.pop(name, None)
    else:
        state[name] = value
    st.session_state[_STATE] = state


def chose(name: str) -> None:
    """Take over the value of the widget of the same name."""
    put(name, st.session_state[f"w_{name}"])


def block() -> api.Block:
    """Which weights: w2 on the rated pairs, or w1 on all."""
    return "all" if get("on") == "all" else "observed"


def picked() -> Pick:
    """What is picked."""
    return Pick.parse(get("pick"))


def pick(new: Pick) -> None:
    """Pick something, or nothing; another cell is a map of its own, not zoomed yet."""
    if new.cell != picked().cell:
        put("box", None)
    put("pick", str(new))


def box() -> Box | None:
    """The part of the map of pairs, ranks of users from, to, of items from, to; None for all."""
    found = re.fullmatch(r"(\d{1,9})-(\d{1,9})-(\d{1,9})-(\d{1,9})", get("box") or "")
    if not found:
        return None
    low_user, high_user, low_item, high_item = map(int, found.groups())
    ordered = low_user < high_user and low_item < high_item
    return (low_user, high_user, low_item, high_item) if ordered else None


def zoom(part: Box | None) -> None:
    """Zoom to a part of the map of pairs, or out."""
    put("box", None if part is None else "-".join(str(max(0, end)) for end in part))


def from_chart(key: str) -> None:
    """Take over what was clicked in an Altair chart; a click beside everything clears it."""
    chosen = st.session_state[key]["selection"].get("pick") or []
    if chosen and "pair" not in chosen[0]:
        st.session_state[_SOURCE] = key
        pick(Pick(cell=(int(chosen[0]["user_group"]), int(chosen[0]["item_group"]))))
    else:
        pick_pair(int(chosen[0]["pair"]) if chosen else None, key)


def from_table(key: str, pairs: list[int]) -> None:
    """Take over the row chosen in a table whose rows are `pairs`."""
    rows = st.session_state[key]["selection"]["rows"]
    pick_pair(pairs[rows[0]] if rows else None, key)


def pick_pair(pair: int | None, key: str) -> None:
    """Pick a pair in a view, the cell stays; or let go of what was picked in that view."""
    if pair is not None:
        st.session_state[_SOURCE] = key
        pick(Pick(picked().cell, pair))
    elif st.session_state.get(_SOURCE) == key:
        now = picked()
        pick(Pick(now.cell) if now.pair is not None else Pick())
