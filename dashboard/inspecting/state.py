"""What the Weights page shows: run, block, epoch, what across, what is picked; session and URL.

As on the Lab: the URL is read when it is not the one this page wrote last, and repeats everything
after every change. A pick is a cell of the map, (users' twelfth, items' twelfth), or one pair.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

import streamlit as st

from engine import api

NAMES = ("run", "on", "beside", "epoch", "across", "pick")
_STATE, _WRITTEN = "inspecting", "inspecting_written"


@dataclass(frozen=True)
class Pick:
    """A cell, or a pair by its number; source: the chart it was picked in."""

    cell: tuple[int, int] | None = None
    pair: int | None = None

    def __str__(self) -> str:
        if self.cell is not None:
            return f"cell-{self.cell[0]}-{self.cell[1]}"
        return "" if self.pair is None else f"pair-{self.pair}"

    @classmethod
    def parse(cls, text: str | None) -> Pick:
        """The inverse of `str`; anything else picks nothing."""
        if found := re.fullmatch(r"cell-(\d{1,2})-(\d{1,2})", text or ""):
            cell = (int(found[1]), int(found[2]))
            return cls(cell=cell) if all(1 <= k <= 12 for k in cell) else cls()
        found = re.fullmatch(r"pair-(\d{1,9})", text or "")
        return cls(pair=int(found[1])) if found else cls()


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
        state.pop("epoch", None)
        state.pop("pick", None)
    if name == "on" and value != state.get("on") and Pick.parse(state.get("pick")).pair is not None:
        state.pop("pick")  # pairs are numbered within a block
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
    """Pick something, or nothing."""
    put("pick", str(new))


def from_chart(key: str) -> None:
    """Take over what was clicked in an Altair chart; a click beside everything clears it."""
    chosen = st.session_state[key]["selection"].get("pick") or []
    source = "picked_in"
    if not chosen:
        if st.session_state.get(source) == key:
            pick(Pick())
        return
    st.session_state[source] = key
    one = chosen[0]
    if "pair" in one:
        pick(Pick(pair=int(one["pair"])))
    else:
        pick(Pick(cell=(int(one["user_group"]), int(one["item_group"]))))


def from_table(key: str, pairs: list[int]) -> None:
    """Take over the row chosen in a table whose rows are `pairs`."""
    rows = st.session_state[key]["selection"]["rows"]
    if rows:
        st.session_state["picked_in"] = key
        pick(Pick(pair=pairs[rows[0]]))
    elif st.session_state.get("picked_in") == key:
        pick(Pick())
