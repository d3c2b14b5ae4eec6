"""Playing with a launch: its buttons, its speed, λ while it trains, and what a step changed."""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable
from typing import Any

import streamlit as st

from dashboard import forms
from dashboard.live import Shown, phase, stepping
from dashboard.text import play as text
from dashboard.widget_value import make_show
from engine import api

BUSY = ("active", "paused")
BETWEEN_BRANCHES = 2.0  # seconds, in which a second click is one of the same press
EPOCH_COLUMNS = tuple(column for _, columns in text.EPOCH for column, _ in columns)


def buttons(
    form: forms.Form,
    shown: Shown | None,
    progress: Any,
    start: Callable[..., None],
    reset: Callable[[], None],
) -> None:
    """Start, pause or resume, stop, reset; steps; speed and a branch.

    Args:
        start: of (form, token) and, to take a step at once, its name.
    """
    now, launch = phase(progress), shown.launch.id if shown else ""
    token = secrets.token_hex(8)
    with st.container(key="play"):
        row = st.container(horizontal=True, gap="xsmall")
        unfit = now in BUSY or bool(form.errors)
        _button(row, "Start", lambda: start(form, token), type="primary", disabled=unfit)
        if now == "paused":
            _button(row, "Resume", lambda: api.resume(launch))
        else:
            _button(row, "Pause", lambda: api.pause(launch), disabled=now != "active")
        _button(row, "Stop", lambda: api.stop(launch), disabled=now not in BUSY)
        row.button("Reset", key="reset", width="stretch", on_click=reset)
        _steps(form, shown, progress, lambda to: start(form, token, to))
        left, right = st.columns([1.05, 1], gap="xxsmall")
        _speed(left, launch if now in BUSY else "", progress)
        _button(
            right,
            "Branch from here",
            lambda: _branch(launch, token),
            disabled=now not in BUSY,
            help=text.HELP["branch"],
        )
    if "start_trouble" in st.session_state:
        st.markdown(f":red[{st.session_state['start_trouble']}]")
    if "late" in st.session_state:
        st.caption(st.session_state["late"])


def _button(place: Any, name: str, act: Callable[[], object], **options: Any) -> None:
    key = name.lower().replace(" ", "_")
    place.button(name, key=key, width="stretch", on_click=_said, args=(act,), **options)


def _said(act: Callable[[], object]) -> None:
    """Do it; what cannot be done is said under the buttons, and what came too late."""
    for name in ("start_trouble", "late"):
        st.session_state.pop(name, None)
    try:
        act()
    except api.CounterweightError as error:
        st.session_state["start_trouble"] = str(error)


def too_late(launch: str | None, what: str) -> bool:
    """Whether a click came when its button had done its work already; says so then.

    A browser sends the clicks that are made before the page is renewed with the button disabled.

    Args:
        what: "start", or "step".
    """
    if not launch:
        return False
    now = api.progress(launch)
    late = phase(now) in BUSY if what == "start" else stepping(now)
    if late:
        st.session_state["late"] = text.LATE[what]
    return late


def _step(launch: str, to: str) -> None:
    if not too_late(launch, "step"):
        api.step(launch, to)


def _steps(
    form: forms.Form, shown: Shown | None, progress: Any, start: Callable[[str], None]
) -> None:
    """An epoch, or one update, one at a time; before anything trains, the first of a new launch."""
    busy, waits = shown is not None and phase(progress) in BUSY, stepping(progress)
    possible = api.steps(shown.configs[0] if busy else form.config)
    row = st.container(horizontal=True, gap="xsmall", key="steps")
    for to, name in text.STEPS.items():
        can = to in possible
        act = (lambda to=to: _step(shown.launch.id, to)) if busy else (lambda to=to: start(to))
        row.button(
            name,
            key=f"step_{to}",
            width="stretch",
            disabled=not can or waits or (not busy and bool(form.errors)),
            help=text.HELP["none" if not can else "waits" if waits else to],
            on_click=_said,
            args=(act,),
        )


def speed() -> float | None:
    """The speed chosen for the next launch, in blocks a second; None for as fast as it goes."""
    return st.session_state.get("speed") or None


def _speed(place: Any, launch: str, progress: Any) -> None:
    now = (progress.speed if launch else st.session_state.get("speed")) or 0.0
    make_show("p_speed", now)
    place.selectbox(
        "Speed",
        sorted({*text.SPEEDS, now}, key=lambda value: -(value or 1e9)),
        format_func=text.speed,
        key="p_speed",
        label_visibility="collapsed",
        on_change=_said,
        args=(lambda: _set_speed(launch),),
        help=text.HELP["speed"],
    )


def _set_speed(launch: str) -> None:
    st.session_state["speed"] = st.session_state["p_speed"]
    if launch:
        api.set_speed(launch, speed())


def _branch(launch: str, token: str) -> None:
    now = time.monotonic()
    if now - st.session_state.get("branched", -BETWEEN_BRANCHES) < BETWEEN_BRANCHES:
        st.session_state["late"] = text.LATE["branch"]
        return
    st.session_state["branched"] = now
    st.session_state["launch"] = api.branch(launch, token=token).id


# What a step changed


def changed(shown: Shown | None, progress: Any) -> bool:
    """Say what the last step changed, where the launch stands still or goes slowly; if it could."""
    if shown is None or phase(progress) not in BUSY:
        return False
    steps = api.half_step(shown.launch.id)
    # In slow motion the last update of an epoch stays until the next one's first.
    slow = phase(progress) == "active" and 0 < (progress.speed or 0) <= text.BY_HALVES
    if steps and steps[-1].epoch > progress.epoch - slow:
        possible = api.steps(shown.configs[0])
        _columns(text.halves(steps, possible, shown.launch.runs))
        return True
    if phase(progress) == "paused" and not stepping(progress) and progress.epoch:
        told = text.epoch(_epoch_rows(shown, progress.epoch), progress.epoch)
        _columns(told)
        return bool(told)
    return False


def _columns(told: list[tuple[str, str]]) -> None:
    for place, (about, said) in zip(st.columns(len(told) or 1), told, strict=False):
        place.markdown(f"**{about}**  \n{said}")


def _epoch_rows(shown: Shown, epoch: int) -> dict[str, tuple[float | None, float]]:
    """Means over the runs before and after an epoch, by column; None before the first one."""
    runs = list(dict.fromkeys(shown.launch.runs))
    found = api.epochs(runs, columns=EPOCH_COLUMNS, after=dict.fromkeys(runs, epoch - 2))
    means = found.groupby("epoch")[list(EPOCH_COLUMNS)].mean()
    if epoch not in means.index:
        return {}
    now = means.loc[epoch].dropna()
    was = means.loc[epoch - 1] if epoch - 1 in means.index else {}
    return {column: (was.get(column), value) for column, value in now.items()}
