"""Two runs' weights side by side: histogram, map, numbers, and pair against pair."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import streamlit as st

from dashboard.charts.against import Across, against
from dashboard.charts.pairs import histogram, reach_of, weight_map
from dashboard.charts.theme import number
from dashboard.inspecting import frames, state
from dashboard.inspecting.epochs import dark
from dashboard.inspecting.picker import TRAINS, run_box
from dashboard.inspecting.takeaway import drawn, offer, title
from dashboard.text import weights as text
from engine import api


def compare(found: Any, runs: pd.DataFrame) -> None:
    """The second picker, and once something is picked, everything twice."""
    st.subheader("Beside another run", anchor=False)
    others = runs[(runs["run"] != found.run) & ~runs["state"].isin(TRAINS)]
    if others.empty:
        st.caption("There is no other balanced run yet: train one with another λ or moments.")
        return
    run_box("beside", "Compare with", others, optional=True)
    chosen = state.get("beside")
    if not chosen or chosen == found.run:
        st.caption("Choose a run: another λ, method, preset, solver or set of moments.")
        return
    try:
        other = api.weights(chosen, found.block)
    except api.CounterweightError as error:
        st.warning(str(error))
        return
    if len(found.blocks) > 1:
        st.caption(f"Of both runs: {text.BLOCKS[found.block]}.")
    differs(found, other)
    _both(found, other)


def differs(found: Any, other: Any) -> None:
    """Which settings differ."""
    mine, theirs = found.config.model_dump(), other.config.model_dump()
    apart = [f"{k}: {_plain(v)} | {_plain(theirs[k])}" for k, v in mine.items() if v != theirs[k]]
    said = "; ".join(apart) if apart else "nothing but what chance does"
    st.caption(f"What differs (this run | the other): {said}")


def _plain(value: Any) -> str:
    return " + ".join(map(str, value)) if isinstance(value, tuple) else str(value)


def _both(found: Any, other: Any) -> None:
    reach = reach_of(found.histogram(), other.histogram())
    same = len(found.pairs) == len(other.pairs) and bool(
        np.array_equal(found.pairs["user"], other.pairs["user"])
        and np.array_equal(found.pairs["item"], other.pairs["item"])
    )
    places = st.columns(3 if same else 2, gap="medium")
    for k, (place, one) in enumerate(zip(places, (found, other), strict=False)):
        with place:
            name = "This run" if k == 0 else "The other"
            title(name, f"{one.run}, epoch {one.epoch}, {one.config.dataset}")
            bars = one.histogram()
            file = f"counterweight-{one.run}"
            drawn(histogram(bars, None, reach, dark()), bars, f"w_two_h{k}", f"{file}-histogram")
            cell = frames.cell_of(one, state.picked()) if same else None
            chart = weight_map(one.cells, cell, dark())
            drawn(chart, one.cells, f"w_two_m{k}", f"{file}-map")
    if same:
        with places[2]:
            _pairwise(found, other)
    _numbers(found, other)


def _pairwise(found: Any, other: Any) -> None:
    points = frames.points(found, "weight", state.picked())
    theirs = other.column("weight")
    points["value"] = theirs[points["pair"].to_numpy()]
    used = found.used & other.used
    points = points[points["value"] > 0]
    mine = found.column("weight")
    bins = api.binned(theirs[used], mine[used])
    a, b = np.log(mine[used]), np.log(theirs[used])
    flat = min(a.std(), b.std()) < 1e-6
    said = "one of them is uniform" if flat else f"r = {number(np.corrcoef(a, b)[0, 1], 2)}"
    title("Pair against pair", f"{said} (logarithms); dashed: equal")
    across = Across("other", "weight in the other run", log=True, diagonal=True)
    drawn(
        against(points, bins, across, dark(), 318),
        bins,
        "w_two",
        f"counterweight-{found.run}-{other.run}",
        lambda: state.from_chart("w_two"),
    )


def _numbers(found: Any, other: Any) -> None:
    both = found.numbers.merge(
        other.numbers[["name", "value"]], on="name", suffixes=("", "_other"), how="left"
    )
    lines = ["| | This run | The other |", "|:--|--:|--:|"]
    for row in both.itertuples():
        cells = (text.value(row.value, row.unit), text.value(row.value_other, row.unit))
        name = str(row.name).replace("|", "\\|")
        lines.append(f"| {name} | {cells[0]} | {cells[1]} |")
    left, right = st.columns([1.2, 1], gap="medium")
    with left, st.container(key="w_two_table"):
        st.markdown("\n".join(lines))
        offer(both, "w_two_numbers", f"counterweight-{found.run}-{other.run}-diagnostics")
    right.markdown(f"**This run.** {found.verdict}\n\n**The other.** {other.verdict}")
