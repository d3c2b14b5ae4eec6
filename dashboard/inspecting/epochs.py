"""The scrubber over kept epochs, and what it moves: histogram and map."""

from __future__ import annotations

from typing import Any

import pandas as pd
import streamlit as st

from dashboard.charts.pairs import histogram, reach_of, weight_map
from dashboard.inspecting import frames, state, training
from dashboard.inspecting.takeaway import drawn, title
from dashboard.text import weights as text
from dashboard.widget_value import make_show
from engine import api

PLAY_SECONDS = 0.6
LIVE_SECONDS = 1.5
STOPS = 400
NEWEST = "newest"


def dark() -> bool:
    """Whether the reader's theme is the dark one."""
    return bool(st.context.theme.type == "dark")


def watch(run: str, whole: list[int], best: int | None, found: Any, record: Any) -> None:
    """The scrubber with its two charts, alone renewed while it plays or the run trains.

    Args:
        whole: epochs kept pair by pair.
        found: the run's `Weights` at the one of these that everything else on the page is of, or
            None where there are none, or not yet.
        record: the run's record; while it has not ended, newly kept epochs are taken up: the newest
            is shown unless the reader chose another.
    """
    shown = str(state.picked())
    playing = st.session_state.get("w_playing", False)
    trains = record.state not in api.ENDED
    every = PLAY_SECONDS if playing else LIVE_SECONDS if trains else None

    def look() -> None:
        # Picked in here: the rest of the page lights up too. Played: the timer starts or ends.
        if str(state.picked()) != shown or st.session_state.get("w_playing", False) != playing:
            st.rerun()
        now = _record(run) if trains else record
        if trains and (now is None or now.state in api.ENDED):
            st.rerun()
        epochs = kept(run, trains, whole if found is not None else [])
        if trains:
            st.caption(text.training(now, state.get("epoch") is None))
        if epochs:
            epoch = _scrubber(epochs, best, trains)
            if found is not None and _pairs_at(epoch, whole, best) != found.epoch:
                st.rerun()
            if trains:
                training.charts(run, epoch, dark())
            else:
                _charts(run, epoch, found is not None and epoch == found.epoch, found)
        elif not trains:
            st.caption("Of no epoch the histogram was kept.")
        state.write_url()

    st.fragment(look, run_every=every)()


def _record(run: str) -> Any:
    try:
        return api.run(run)
    except api.StoreError:  # deleted while it is shown: the page says so
        return None


def kept(run: str, trains: bool, whole: list[int]) -> list[int]:
    """The epochs of which something is kept; a run in training is shown by its weights on B."""
    block = "observed" if trains else state.block()
    return sorted({*api.snapshot_epochs(run, block), *whole})


def of_pairs(epochs: list[int], whole: list[int], best: int | None) -> int | None:
    """The epoch that charts of single pairs are of: the one shown if it is kept so, or the best."""
    return _pairs_at(epoch_shown(epochs, best)[0], whole, best) if epochs else best


def _pairs_at(epoch: int, whole: list[int], best: int | None) -> int | None:
    return epoch if epoch in whole else best


def epoch_shown(epochs: list[int], best: int | None) -> tuple[int, str]:
    """The kept epoch to show, and what to say when the one asked for was not kept."""
    default = best if best in epochs else epochs[-1]
    raw = state.get("epoch")
    if raw is None:
        return default, ""
    try:
        wanted = int(raw)
    except ValueError:
        return default, f"Epoch {raw} is no number; shown is {default}."
    if wanted in epochs:
        return wanted, ""
    near = min(epochs, key=lambda e: abs(e - wanted))
    return near, f"No weights were kept of epoch {wanted}; shown is the nearest, {near}."


def offered(epochs: list[int], *always: int | None) -> list[int]:
    """The kept epochs that the scrubber stops at: all, or of many the first, last and `always`
    among some that lie evenly between.
    """
    if len(epochs) <= STOPS:
        return epochs
    step = (len(epochs) - 1) / (STOPS - 1)
    even = {epochs[round(k * step)] for k in range(STOPS)}
    return sorted(even | ({*always} & {*epochs}))


def _scrubber(epochs: list[int], best: int | None, trains: bool) -> int:
    epoch, trouble = epoch_shown(epochs, best)
    epochs = offered(epochs, best, epoch)
    playing = st.session_state.get("w_playing", False)
    if playing and st.session_state.get("w_played") == epoch:
        after = epochs.index(epoch) + 1
        if after >= len(epochs):
            st.session_state["w_playing"] = False
            if trains:
                state.put("epoch", None)  # from here on with the newest
            st.rerun()
        epoch = epochs[after]
        state.put("epoch", epoch)
    st.session_state["w_played"] = epoch
    if trouble:
        st.warning(trouble)
    if len(epochs) == 1 and not trains:
        st.caption(f"One epoch was kept: {epoch}.")
        return epoch
    row = st.container(horizontal=True, vertical_alignment="bottom", key="scrubber")
    row.button(
        "Pause" if playing else "Play",
        icon=":material/pause:" if playing else ":material/play_arrow:",
        key="w_play",
        on_click=_toggle,
        args=(epochs, epoch),
    )
    # A stop of its own: its value does not change as epochs come, so what the browser repeats of it
    # a moment later is no choice of another epoch.
    stops = [*epochs, NEWEST] if trains else epochs
    make_show("w_epoch", NEWEST if trains and state.get("epoch") is None else epoch)
    row.select_slider(
        "Epoch",
        stops,
        key="w_epoch",
        on_change=_chose,
        format_func=lambda e: f"{e}, best" if e == best else str(e),
    )
    return epoch


def _chose() -> None:
    """Take over the epoch; the newest of a run that trains is followed as it moves on."""
    chosen = st.session_state["w_epoch"]
    state.put("epoch", None if chosen == NEWEST else chosen)


def _toggle(epochs: list[int], epoch: int) -> None:
    playing = not st.session_state.get("w_playing", False)
    st.session_state["w_playing"] = playing
    st.session_state["w_played"] = epoch
    if playing and epoch == epochs[-1]:
        state.put("epoch", epochs[0])
        st.session_state["w_played"] = None


def _aggregates(
    run: str, epoch: int, at_best: bool, found: Any
) -> tuple[pd.DataFrame, pd.DataFrame | None]:
    """Histogram and map of a kept epoch; of the best from its pairs, of others as stored.

    Raises:
        StoreError: nothing is kept of it.
    """
    if at_best and found is not None:
        return found.histogram(), found.cells
    snapshot = api.snapshot(run, epoch, state.block())
    bars = frames.snapshot_histogram(snapshot.histogram)
    if snapshot.decile_map is None:
        return bars, None
    known = found.cells if found is not None else None
    return bars, frames.snapshot_map(snapshot.decile_map, known)


def _charts(run: str, epoch: int, at_best: bool, found: Any) -> None:
    try:
        bars, cells = _aggregates(run, epoch, at_best, found)
    except api.StoreError as error:  # deleted while it is shown
        st.warning(str(error))
        return
    pick, noun = state.picked(), text.NOUN[state.block()]
    part = None
    if found is not None and at_best and pick.cell is not None:
        mask = found.in_cell(pick.cell)
        part = found.histogram(mask) if (mask & found.used).any() else None
    left, right = st.columns([1, 1.18], gap="medium")
    with left:
        note = "share of the pairs" + ("; blue: the picked cell alone" if part is not None else "")
        title(f"How much {noun}s count", note)
        reach = reach_of(bars, *([found.histogram()] if found is not None else []))
        name = f"counterweight-{run}-epoch{epoch}"
        drawn(histogram(bars, part, reach, dark()), bars, "w_histogram", f"{name}-histogram")
    with right:
        if cells is None:
            st.caption("Of this epoch no map was kept.")
            return
        title("Where they count more", "mean weight of each cell; its number of pairs inside")
        chart = weight_map(cells, frames.cell_of(found, pick), dark())
        select = lambda: state.from_chart("w_map")  # noqa: E731
        drawn(chart, cells, "w_map", f"{name}-map", select)
