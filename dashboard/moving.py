"""λ of a launch that trains: whose the slider moves, and what the launch is by now."""

from __future__ import annotations

from typing import Any

import streamlit as st

from dashboard import forms, widgets
from dashboard.live import Shown, phase
from dashboard.play import BUSY
from dashboard.settings import lam_counts
from dashboard.text import lab as lab_text
from dashboard.text import play as text
from engine import api


def seed_to_move(shown: Shown) -> None:
    """Whose λ the slider moves: every seed's, or one's."""
    seeds = [None, *range(len(shown.launch.runs))]
    if st.session_state.get("p_seed") not in seeds:  # of a launch with more
        st.session_state["p_seed"] = None
    st.selectbox(
        "λ moves in",
        seeds,
        format_func=lambda seed: "every seed" if seed is None else f"seed {seed}",
        key="p_seed",
        label_visibility="collapsed",
    )


def movable(form: forms.Form, shown: Shown | None, progress: Any) -> Shown | None:
    """The launch whose λ the slider moves: one under way that the settings describe but for λ."""
    if shown is None or phase(progress) not in BUSY or not shown.balanced:
        return None
    return shown if lam_counts(form.config) and same_but_lam(form, shown) else None


def same_but_lam(form: forms.Form, shown: Shown) -> bool:
    """Whether the settings are the launch's, λ aside."""
    plain = [
        [config.model_copy(update={"lam": 0.0}) for config in configs]
        for configs in (forms.configs(form), shown.configs)
    ]
    return plain[0] == plain[1]


def move_lam(shown: Shown) -> None:
    """Take the slider's value as λ from the next block on, of every seed or of one."""
    lam, seed = st.session_state["f_lam"], st.session_state.get("p_seed")
    widgets.chose("lam")
    try:
        api.set_lam(shown.launch.id, lam, None if seed is None else shown.launch.runs[seed])
    except api.CounterweightError as error:
        st.session_state["refused"] = {"lam": str(error)}


def lams(shown: Shown) -> list[float]:
    """λ of every run of the launch as it is by now."""
    moves = api.interventions(shown.launch.id)
    last = dict(zip(moves["run"], moves["new"], strict=True))
    pairs = zip(shown.launch.runs, shown.configs, strict=True)
    return [float(last.get(run, config.lam)) for run, config in pairs]


def title(form: forms.Form, shown: Shown) -> str:
    """A launch in a few words, where it branched from, and whether the settings are others now."""
    record, moved = api.run(shown.launch.runs[0]), lams(shown)
    said = lab_text.launch_title(shown.configs[0], len(shown.configs), moved)
    if record.branched_from is not None:
        said += text.branch_note(_launch_of(record.branched_from), record.branched_epoch)
    other = form.config.balance != "none" and form.config.lam not in moved
    if other or not same_but_lam(form, shown):
        said += " · :gray[the settings have changed since]"
    return said


def _launch_of(run: str) -> str | None:
    """The launch of a run, None where it has been deleted since."""
    try:
        return str(api.run(run).launch)
    except api.StoreError:
        return None
