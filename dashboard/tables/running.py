"""The studies on the page: what is known of each, its buttons, how far it is."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import streamlit as st

from dashboard.steering import Steering, badge, counts, estimate, phase, trainable
from dashboard.tables import state
from dashboard.tables.form import Form, plan_of
from dashboard.text import steering as steering_text
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


def buttons(form: Form, studies: Sequence[Found]) -> None:
    """Start or extend, pause or resume, stop."""
    here = trainable(studies)
    measured, missing = counts(here)
    free = phase(studies) not in ("active", "paused") and not form.errors
    steering = Steering(state.tell, prefix="tables_")
    name = steering_text.start(measured, missing)
    steering.start(name, here, enabled=free and missing > 0)
    steering.pause_and_stop(studies)


def status(found: Found) -> str:
    """One study's title, badge and how far it is, in a line."""
    measured, missing = counts([found])
    workers = len(api.workers())
    said = text.status(phase([found]), measured, measured + missing, estimate([found]), workers)
    said = "Not installed here" if found.why_not else said
    return f"**{found.title}** {badge(found)} :gray[{said}]"


def progress(found: Found) -> None:
    """A thin bar while it is under way."""
    measured, missing = counts([found])
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
