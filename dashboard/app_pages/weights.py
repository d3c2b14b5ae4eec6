"""The weights of one run: what they look like, whether they are what they should be."""

from __future__ import annotations

from typing import Any

import streamlit as st

from dashboard.inspecting import beside, blocks, epochs, judged, linked, own, picker, state
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
    record, trouble = _record(run)
    found, kept, whole, best = None, [], [], None
    if record is not None:
        whole, kept = api.pair_epochs(run), api.snapshot_epochs(run, state.block())
        best = record.best_epoch if whole else None
        both = sorted({*kept, *whole})
        found, trouble = _found(run, epochs.of_pairs(both, whole, best))
        kept = both if found is not None else kept
    _head(runs, record)
    if record is not None:
        blocks.choice(record, found)
    if trouble:
        st.warning(trouble)
    if found is None:
        if kept:
            epochs.watch(run, kept, whole, best, None)
        return
    left, right = st.columns([2, 1.12], gap="medium")
    with left:
        epochs.watch(run, kept, whole, best, found)
    with right:
        linked.against_anything(found)
    linked.picked_words(found)
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


def _found(run: str, epoch: int | None) -> tuple[Any, str]:
    """The run's weights at an epoch kept pair by pair, or in words why there are none."""
    try:
        with st.spinner("Reading the ratings and solving for the exact weights"):
            return api.weights(run, state.block(), epoch), ""
    except api.CounterweightError as error:
        return None, str(error)


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
