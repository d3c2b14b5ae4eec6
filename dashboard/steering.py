"""Start, pause, resume and stop of the studies that a page shows, and how long they take."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal, Protocol

import streamlit as st

from dashboard import cluster
from engine import api


class Shown(Protocol):
    """One data set's study on a page."""

    @property
    def study(self) -> Any:
        """What is known of it."""

    @property
    def simulated(self) -> bool:
        """Whether its ratings are simulated."""

    @property
    def why_not(self) -> str:
        """Why it cannot be trained here, "" where it can."""


def phase(studies: Sequence[Shown]) -> str:
    """What buttons and timer depend on: "new", "active", "paused", "stopped" or "ended"."""
    states = {found.study.state for found in studies}
    return next((s for s in ("active", "paused", "stopped", "ended") if s in states), "new")


def trainable(studies: Sequence[Shown]) -> list[Shown]:
    """Those whose data are here."""
    return [found for found in studies if not found.why_not]


def counts(studies: Sequence[Shown]) -> tuple[int, int]:
    """Cells measured, and missing."""
    measured = sum(found.study.counts["measured"] for found in studies)
    return measured, sum(len(found.study.plan) for found in studies) - measured


def estimate(studies: Sequence[Shown]) -> tuple[float, bool]:
    """Seconds of one core that the missing runs take, and whether all like them were timed."""
    told = [api.estimate(_as_started(found.study)) for found in studies]
    return sum(one.seconds for one in told), all(one.known for one in told)


def _as_started(study: Any) -> Any:
    """What starting it would find: runs that failed or were stopped are trained anew."""
    if study.state in ("active", "paused"):
        return study
    anew = study.frame["state"].isin(["failed", "stopped"])
    states = study.frame["state"].mask(anew, "missing")
    return replace(study, frame=study.frame.assign(state=states))


def badge(found: Shown) -> str:
    """Simulated and real data told apart."""
    if found.simulated:
        return ":violet-badge[simulated data]"
    own = found.study.plan.dataset.startswith("csv:")
    return f":green-badge[{'your own data' if own else 'real data'}]"


@dataclass(frozen=True)
class Steering:
    """The buttons of one page.

    tell: keeps what could not be done, "" for nothing. prefix: of the buttons' keys.
    """

    tell: Callable[[str], None]
    prefix: str = ""
    width: Literal["content", "stretch"] = "content"

    def start(
        self, name: str, studies: Sequence[Shown], enabled: bool = True, key: str = "start"
    ) -> None:
        """A button that trains what these studies miss; the first one of a page is primary."""
        st.button(
            name,
            type="primary" if key == "start" else "secondary",
            width=self.width,
            key=f"{self.prefix}{key}",
            disabled=not enabled,
            on_click=self._act,
            args=(_start, [found.study.plan for found in studies]),
        )

    def pause_and_stop(self, studies: Sequence[Shown]) -> None:
        """Pause or resume, and stop."""
        if phase(studies) == "paused":
            self._button("Resume", _resume, _in(studies, "paused"))
        else:
            self._button("Pause", api.pause_study, _in(studies, "active"))
        self._button("Stop", api.stop_study, _in(studies, "active", "paused"))

    def _button(self, name: str, act: Callable[[Any], Any], on: Sequence[Any]) -> None:
        st.button(
            name,
            key=f"{self.prefix}{name.lower()}",
            width=self.width,
            disabled=not on,
            on_click=self._act,
            args=(act, on),
        )

    def _act(self, act: Callable[[Any], Any], on: Sequence[Any]) -> None:
        """Do it to each; one that cannot be done is said and leaves the others be."""
        said = []
        for one in on:
            try:
                act(one)
            except api.CounterweightError as error:
                said.append(str(error))
        self.tell(" ".join(dict.fromkeys(said)))


def _in(studies: Sequence[Shown], *states: str) -> list[str]:
    return [found.study.id for found in studies if found.study.state in states]


def _start(plan: Any) -> None:
    cluster.ensure()
    api.start_study(plan)


def _resume(study: str) -> None:
    cluster.ensure()
    api.resume_study(study)
