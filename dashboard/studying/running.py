"""Start, pause, resume, stop; how far the studies on the page are; what failed."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import pandas as pd
import streamlit as st

from dashboard import cluster
from dashboard.studying import state
from dashboard.studying.form import Form
from dashboard.studying.reading import Found
from dashboard.text import studies as text
from engine import api

FAILED = ("failed", "stopped")
MOST_SAID = 6


def phase(studies: Sequence[Found]) -> str:
    """What buttons and timer depend on: "new", "active", "paused", "stopped" or "ended"."""
    states = {found.study.state for found in studies}
    for one in ("active", "paused", "stopped", "ended"):
        if one in states:
            return one
    return "new"


def buttons(form: Form, studies: Sequence[Found]) -> None:
    """What Start would do, and the four buttons."""
    now = phase(studies)
    here = [found for found in studies if found.installed]
    measured = sum(found.study.counts["measured"] for found in here)
    total = sum(len(found.plan) for found in here)
    missing = total - measured
    if now not in ("active", "paused"):
        st.caption(text.to_train(missing, total, estimate(here), cores()) if here else "")
    st.button(
        "Start" if not measured or not missing else "Train what is missing",
        type="primary",
        width="stretch",
        key="start",
        disabled=now in ("active", "paused") or bool(form.errors) or not here or not missing,
        on_click=_act,
        args=(form.kind, _start, [found.plan for found in here]),
    )
    if state.trouble(form.kind):
        st.markdown(f":red[{state.trouble(form.kind)}]")
    row = st.container(horizontal=True, gap="xsmall")
    held = [
        f.study.id for f in studies if f.study.state == ("paused" if now == "paused" else "active")
    ]
    if now == "paused":
        _button(row, form.kind, "Resume", _resume, held, True)
    else:
        _button(row, form.kind, "Pause", api.pause_study, held, now == "active")
    busy = [f.study.id for f in studies if f.study.state in ("active", "paused")]
    _button(row, form.kind, "Stop", api.stop_study, busy, bool(busy))


def _button(
    place: Any, kind: str, name: str, act: Callable[[Any], Any], on: Sequence[Any], enabled: bool
) -> None:
    place.button(
        name,
        key=name.lower(),
        width="stretch",
        disabled=not enabled,
        on_click=_act,
        args=(kind, act, on),
    )


def _start(plan: Any) -> None:
    cluster.ensure()
    api.start_study(plan)


def _resume(study: str) -> None:
    cluster.ensure()
    api.resume_study(study)


def _act(kind: str, act: Callable[[Any], Any], on: Sequence[Any]) -> None:
    """Do it to each; one that cannot be done is said and leaves the others be."""
    said = []
    for one in on:
        try:
            act(one)
        except api.CounterweightError as error:
            said.append(str(error))
    state.tell(kind, " ".join(dict.fromkeys(said)))


def cores() -> int:
    """Processes that would train."""
    return len(api.workers())


def estimate(studies: Sequence[Found]) -> tuple[float, bool]:
    """Seconds of one core that the missing runs take, and whether all like them were timed."""
    told = [api.estimate(found.study) for found in studies]
    return sum(one.seconds for one in told), all(one.known for one in told)


def status(studies: Sequence[Found]) -> None:
    """The badges, the progress bar and its line, and where numbers come from."""
    kinds = {
        ":violet-badge[simulated data]"
        if found.simulated
        else ":green-badge[your own data]"
        if found.plan.dataset.startswith("csv:")
        else ":green-badge[real data]"
        for found in studies
    }
    total = sum(len(found.plan) for found in studies)
    done = sum(found.study.counts["measured"] for found in studies)
    now = phase(studies)
    left = estimate(studies) if now == "active" else (0.0, True)
    said = text.status(now, done, total, left, cores() if now == "active" else 0)
    share = done / total if total else 0.0
    st.progress(min(1.0, share), text=f"{' '.join(sorted(kinds))} **{said}**")


def said_of(studies: Sequence[Found], kind: str) -> None:
    """What is not installed, what was computed earlier, and what failed, with a retry."""
    for found in studies:
        if found.why_not:
            st.caption(f"{found.title}: {found.why_not}")
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
        text.failed(r["label"], r["x"], f.plan.axis, int(r["seed"]), r["state"], r["error"])
        for f in broken
        for r in f.frame[_broken(f.frame)].to_dict("records")
    ]
    more = len(said) - MOST_SAID
    rest = [f"And {more} more, in the table of runs."] if more > 0 else []
    with st.container(key="failed"):
        st.warning("  \n".join([*said[:MOST_SAID], *rest]), icon=":material/error:")
        if phase(studies) != "active":
            st.button(
                "Try these again",
                key="retry",
                on_click=_act,
                args=(kind, _start, [found.plan for found in broken]),
            )


def _broken(frame: pd.DataFrame) -> pd.Series:
    return frame["state"].isin(FAILED) & (frame["source"] == "")
