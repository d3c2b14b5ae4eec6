"""The studies on the page: what is known of each, and start, pause, resume, stop."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import streamlit as st

from dashboard import cluster
from dashboard.tables import state
from dashboard.tables.form import Form, plan_of
from dashboard.text import tables as text
from engine import api

MOST_SAID = 4


@dataclass(frozen=True)
class Found:
    """One data set's study. why_not: why it cannot be trained here, "" where it can."""

    plan: Any
    study: Any
    title: str
    simulated: bool
    why_not: str

    def again(self) -> Found:
        """The same, with what runs have changed since."""
        return Found(self.plan, api.study(self.plan), self.title, self.simulated, self.why_not)


def find(form: Form) -> list[Found]:
    """The studies of the chosen data sets, in their order."""
    infos = {info.name: info for info in api.datasets()}
    found = []
    for dataset in form.datasets:
        plan, info = plan_of(form, dataset), infos.get(dataset)
        why = ""
        if info is not None and not info.installed:
            why = f"not installed. To get it: {info.how_to_get}."
        title = dataset if info is None else info.title
        simulated = bool(info and info.simulated)
        found.append(Found(plan, api.study(plan), title, simulated, why))
    return found


def phase(studies: Sequence[Found]) -> str:
    """What buttons and timer depend on: "new", "active", "paused", "stopped" or "ended"."""
    states = {found.study.state for found in studies}
    return next((s for s in ("active", "paused", "stopped", "ended") if s in states), "new")


def buttons(form: Form, studies: Sequence[Found]) -> None:
    """Start or extend, pause or resume, stop."""
    now, here = phase(studies), [found for found in studies if not found.why_not]
    measured, missing = _counts(here)
    busy = now in ("active", "paused")
    st.button(
        text.start(measured, missing) if here else "Start",
        type="primary",
        key="tables_start",
        disabled=busy or bool(form.errors) or not here or not missing,
        on_click=_act,
        args=(_start, [found.plan for found in here]),
    )
    if now == "paused":
        _button("Resume", _resume, _in(studies, "paused"))
    else:
        _button("Pause", api.pause_study, _in(studies, "active"))
    _button("Stop", api.stop_study, _in(studies, "active", "paused"))


def _counts(studies: Sequence[Found]) -> tuple[int, int]:
    measured = sum(found.study.counts["measured"] for found in studies)
    return measured, sum(len(found.plan) for found in studies) - measured


def _in(studies: Sequence[Found], *states: str) -> list[str]:
    return [found.study.id for found in studies if found.study.state in states]


def _button(name: str, act: Callable[[str], Any], on: Sequence[str]) -> None:
    key = f"tables_{name.lower()}"
    st.button(name, key=key, disabled=not on, on_click=_act, args=(act, on))


def _start(plan: Any) -> None:
    cluster.ensure()
    api.start_study(plan)


def _resume(study: str) -> None:
    cluster.ensure()
    api.resume_study(study)


def _act(act: Callable[[Any], Any], on: Sequence[Any]) -> None:
    """Do it to each; one that cannot be done is said and leaves the others be."""
    said = []
    for one in on:
        try:
            act(one)
        except api.CounterweightError as error:
            said.append(str(error))
    state.tell(" ".join(dict.fromkeys(said)))


def left(studies: Sequence[Found]) -> str:
    """How long all that is missing takes, in words."""
    told = [api.estimate(found.study) for found in studies if not found.why_not]
    known = all(one.known for one in told)
    return text.about(sum(one.seconds for one in told), len(api.workers()), known)


def status(found: Found, eta: str) -> str:
    """One study's title, badge and how far it is, in a line."""
    own = found.plan.dataset.startswith("csv:")
    badge = f":green-badge[{'your own data' if own else 'real data'}]"
    if found.simulated:
        badge = ":violet-badge[simulated data]"
    measured, missing = _counts([found])
    said = text.status(phase([found]), measured, measured + missing, eta)
    return f"**{found.title}** {badge} :gray[{'Not installed here' if found.why_not else said}]"


def progress(found: Found) -> None:
    """A thin bar while it is under way."""
    measured, missing = _counts([found])
    if missing and phase([found]) in ("active", "paused"):
        st.progress(measured / max(1, measured + missing))


def failures(found: Found) -> None:
    """A sentence for each run that failed and has no result; Start trains it again."""
    frame = found.study.frame
    broken = frame[(frame["state"] == "failed") & (frame["source"] == "")]
    if broken.empty:
        return
    said = [
        f"{row['label']}, seed {row['seed']} failed. {row['error'] or ''}".strip()
        for row in broken.head(MOST_SAID).to_dict("records")
    ]
    more = len(broken) - MOST_SAID
    rest = [f"And {more} more."] if more > 0 else []
    st.warning("  \n".join([*said, *rest]), icon=":material/error:")
