"""The weights of one run: what they look like, whether they are what they should be."""

from __future__ import annotations

from typing import Any

import streamlit as st

from dashboard.inspecting import (
    beside,
    blocks,
    epochs,
    frames,
    judged,
    linked,
    own,
    pair_by_pair,
    picker,
    state,
)
from dashboard.text import weights as text
from engine import api


def page() -> None:
    """The whole page, top to bottom."""
    state.adopt_url()
    runs = picker.balanced_runs()
    if not state.get("run") and len(runs):
        state.put("run", picker.first(runs))
    with st.container(key="inspect_page"):
        if state.get("run"):
            _run(runs)
        else:
            _nothing_yet()
        own.bring()
    state.write_url()


def _run(runs: Any) -> None:
    """First what the store has in aggregate, at once; then what ratings must be read for."""
    run = state.get("run")
    record, trouble = _record(run)
    _head(runs, record)
    if record is None:
        st.warning(trouble)
        return
    trains, whole = record.state not in api.ENDED, api.pair_epochs(run)
    best = record.best_epoch if whole else None
    epoch = epochs.of_pairs(epochs.kept(run, trains, whole), whole, best)
    found, reading, trouble = _at_hand(record, epoch)
    with st.container():  # one place whatever is said, or the charts below would be drawn anew
        if not trains:
            blocks.choice(record, found)
        if trouble:
            st.warning(trouble)
        elif reading:
            st.caption(text.READING)
    if found is not None:
        _settle(found)
    left, right = (st.container(), None) if trains else st.columns([2, 1.12], gap="medium")
    with left:
        epochs.watch(run, whole, best, found, record)
    if reading:
        with right:
            _read(run, epoch)
    if found is None:
        return
    with right:
        linked.against_anything(found)
    linked.picked_words(found)
    pair_by_pair.view(found)
    linked.extremes(found)
    judged.references(found)
    judged.diagnostics(found)
    beside.compare(found, runs)


def _record(run: str) -> tuple[api.RunRecord | None, str]:
    """The run, or in words why there is none; of one without w1 it is w2 that is shown."""
    try:
        record = api.run(run)
    except api.StoreError as error:
        gone = str(error).startswith("There is no run")
        why = " It was made on another machine, or deleted since." if gone else ""
        return None, f"{error}{why}"
    if "all" not in blocks.of_method(record.config.method):
        state.put("on", None)
    return record, ""


def _at_hand(record: api.RunRecord, epoch: int | None) -> tuple[Any, bool, str]:
    """The run's weights where they are ready; whether they have to be read; why there are none."""
    if record.state not in api.ENDED:
        return None, False, ""
    try:
        found = api.weights_at_hand(record.run, state.block(), epoch)
    except api.CounterweightError as error:
        return None, False, str(error)
    return found, found is None, ""


def _read(run: str, epoch: int | None) -> None:
    """Read what the rest of the page is drawn from, then draw it."""
    try:
        with st.spinner("Reading the ratings and solving for the exact weights"):
            api.weights(run, state.block(), epoch)
    except api.CounterweightError as error:
        st.warning(str(error))
        return
    st.rerun()


def _settle(found: Any) -> None:
    """A pair that is not there, or not in the picked cell, is not picked with it."""
    pick = state.picked()
    if (settled := frames.settled(found, pick)) != pick:
        state.pick(settled)


def _head(runs: Any, record: Any) -> None:
    with st.container(key="inspect_head"):
        left, right = st.columns([3.2, 1], gap="medium", vertical_alignment="bottom")
        with left:
            picker.run_box("run", "Weights of", runs)
        if record is None:
            return
        with right, st.container(horizontal=True, vertical_alignment="center"):
            name = record.config.dataset
            real = "your own data" if name.startswith("csv:") else "real data"
            simulated = name.startswith("simulated")
            st.markdown(
                ":violet-badge[simulated data]" if simulated else f":green-badge[{real}]",
                width="content",
            )
            st.page_link(
                "app_pages/lab.py",
                label="Its launch in the Lab",
                icon=":material/science:",
                query_params={"launch": record.launch},
            )


def _nothing_yet() -> None:
    st.title("Weights", anchor=False)
    st.markdown(
        "No balanced run has ended yet. Start one in the Lab, and look here at what its weights "
        "do; or bring weights of your own."
    )
    st.page_link("app_pages/lab.py", label="To the Lab", icon=":material/science:")


page()
