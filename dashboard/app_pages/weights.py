"""The weights of one run: what they look like, whether they are what they should be."""

from __future__ import annotations

from typing import Any

import streamlit as st

from dashboard.inspecting import beside, epochs, judged, linked, own, picker, state
from engine import api


def page() -> None:
    """The whole page, top to bottom."""
    state.adopt_url()
    runs = picker.balanced_runs()
    if not state.get("run") and len(runs):
        state.put("run", runs["run"].iloc[0])
    with st.container(key="inspect_page"):
        if state.get("run"):
            _run(runs)
        else:
            _nothing_yet()
        own.bring()
    state.write_url()


def _run(runs: Any) -> None:
    run = state.get("run")
    found, record, trouble = _found(run)
    _head(runs, record)
    if trouble:
        st.warning(trouble)
    if found is not None:
        st.markdown(found.verdict)
    kept = api.snapshot_epochs(run) if record is not None else []
    best = found.epoch if found is not None else None
    if found is None:
        if kept:
            epochs.watch(run, kept, None, None)
        return
    left, right = st.columns([2, 1.12], gap="medium")
    with left:
        if kept:
            epochs.watch(run, kept, best, found)
        else:
            st.caption("Of no epoch the histogram was kept.")
    with right:
        linked.against_anything(found)
    linked.picked_words(found)
    linked.extremes(found)
    judged.references(found)
    judged.diagnostics(found)
    beside.compare(found, runs)


def _found(run: str) -> tuple[Any, Any, str]:
    """The run's weights and record, and in words why there are none."""
    try:
        record = api.run(run)
    except api.StoreError as error:
        gone = str(error).startswith("There is no run")
        why = " It was made on another machine, or deleted since." if gone else ""
        return None, None, f"{error}{why}"
    try:
        with st.spinner("Reading the ratings and solving for the exact weights"):
            return api.weights(run), record, ""
    except api.CounterweightError as error:
        return None, record, str(error)


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
