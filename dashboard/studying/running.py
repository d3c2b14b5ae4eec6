"""Start, pause, resume, stop; how far the studies on the page are; what failed."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

import pandas as pd
import streamlit as st

from dashboard.steering import Steering, badge, counts, estimate, phase, trainable
from dashboard.studying import state
from dashboard.studying.form import Form
from dashboard.studying.reading import Found
from dashboard.text import steering as steering_text
from dashboard.text import studies as text
from engine import api

MOST_SAID = 6


def buttons(form: Form, studies: Sequence[Found]) -> None:
    """What Start would do, and the four buttons."""
    here = trainable(studies)
    measured, missing = counts(here)
    said = steering_text.MEANWHILE.get(phase(studies), "")
    free = not said
    if free:  # always a line, so that no button moves when another is pressed
        said = text.to_train(missing, measured + missing, estimate(here), cores())
    st.caption(said if here else steering_text.NONE_HERE)
    steering = Steering(partial(state.tell, form.kind), width="stretch")
    enabled = free and not form.errors and missing > 0
    steering.start(steering_text.start(measured, missing), here, enabled=enabled)
    if state.trouble(form.kind):
        st.markdown(f":red[{state.trouble(form.kind)}]")
    with st.container(horizontal=True, gap="xsmall"):
        steering.pause_and_stop(studies)


def cores() -> int:
    """Processes that would train."""
    return len(api.workers())


def status(studies: Sequence[Found]) -> None:
    """The badges, the progress bar and its line, and where numbers come from."""
    kinds = {badge(found) for found in studies}
    here = trainable(studies) or studies  # where nothing can train, what was measured counts
    done, missing = counts(here)
    total = done + missing
    now = phase(studies)
    left = estimate(here) if now == "active" else (0.0, True)
    said = text.status(now, done, total, left, cores() if now == "active" else 0)
    share = done / total if total else 0.0
    st.progress(min(1.0, share), text=f"{' '.join(sorted(kinds))} **{said}**")


def said_of(studies: Sequence[Found], kind: str) -> None:
    """What is not installed, what was computed earlier, and what failed, with a retry."""
    for found in studies:
        if found.why_not:
            st.caption(found.why_not)
    shipped = {f.plan.dataset: int((f.frame["source"] == "gallery").sum()) for f in studies}
    if any(shipped.values()):
        prints = [p for f in studies for p in f.frame.loc[f.frame["source"] == "gallery", "key"]]
        st.caption(text.earlier(shipped, api.made_by(prints)))
    failed(studies, kind)


def failed(studies: Sequence[Found], kind: str) -> None:
    """A sentence for each cell whose run failed, and the way to try again."""
    broken = [found for found in studies if _broken(found.frame).any()]
    if not broken:
        return
    said = [
        text.failed(r["label"], r["x"], f.plan.axis, int(r["seed"]), r["error"])
        for f in broken
        for r in f.frame[_broken(f.frame)].to_dict("records")
    ]
    more = len(said) - MOST_SAID
    rest = [f"And {more} more, in the table of runs."] if more > 0 else []
    with st.container(key="failed"):
        st.warning("  \n".join([*said[:MOST_SAID], *rest]), icon=":material/error:")
        here = trainable(broken)
        if here and phase(studies) != "active":
            Steering(partial(state.tell, kind)).start("Try these again", here, key="retry")


def _broken(frame: pd.DataFrame) -> pd.Series:
    return (frame["state"] == "failed") & (frame["source"] == "")
