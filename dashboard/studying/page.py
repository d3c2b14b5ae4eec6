"""A study page, top to bottom; both kinds are one page with other words."""

from __future__ import annotations

import streamlit as st

from dashboard.studying import controls, earlier, figure, reading, running, state, takeaway
from dashboard.studying import form as forms
from dashboard.text import studies as text
from engine import api


def page(kind: str) -> None:
    """The whole page."""
    state.adopt_url(kind)
    form = forms.read(kind, state.choices(kind), _first_datasets(kind))
    studies = reading.find(form)
    left, main = st.columns([1, 3.75], gap="medium")
    with left, st.container(key="controls"):
        st.title(forms.KINDS[kind], anchor=False)
        st.caption(text.INTRO[kind])
        controls.controls(form)
        running.buttons(form, studies)
        earlier.earlier(kind, {found.study.id for found in studies})
    state.write_url(form)
    with main, st.container(key="main"):
        if not studies:
            st.info("No study can be drawn with these choices: the sentences beside them say why.")
            return
        with st.container(key="study_head"):
            figure.looks(form)
        figure.watch(form, studies)
        takeaway.below(form, studies)


def _first_datasets(kind: str) -> list[str]:
    """What is shown at first: what ships computed for this kind, else the small simulated one."""
    shipped = [s["plan"]["dataset"] for s in api.gallery() if s["plan"]["kind"] == kind]
    known = [info.name for info in api.datasets() if info.name in shipped]
    return known or ["simulated-small"]
