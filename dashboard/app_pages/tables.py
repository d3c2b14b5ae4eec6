"""Tables 2, 3 and 4: measured beside published, gains with intervals, and the paper's claims."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import streamlit as st

from dashboard.tables import claims, controls, html, running, state, takeaway
from dashboard.tables.form import Form, form_of
from dashboard.tables.running import Found
from dashboard.text import tables as text
from engine import api

EVERY_SECONDS = 1.5
PAUSED_SECONDS = 4.0


def page() -> None:
    """The whole page, top to bottom."""
    state.adopt_url()
    infos = api.datasets()
    form = form_of(
        state.choices(), known=tuple(info.name for info in infos), default=_default(infos)
    )
    with st.container(key="tables_page"):
        with st.container(horizontal=True, vertical_alignment="center", key="tables_head"):
            st.title("Tables", anchor=False, width="content")
            controls.tables(form)
            st.markdown(f":gray[{text.ABOUT[form.table]}]")
        studies = running.find(form)
        controls.controls(form, lambda: running.buttons(form, studies))
        state.write_url(form)
        _watch(form, studies)
        if running.phase(studies) != "active":
            claims.statements(form, studies)


def _default(infos: Sequence[api.DatasetInfo]) -> str:
    """Coat where it is here or came with results, else the small simulation."""
    shipped = {study["plan"]["dataset"] for study in api.gallery()}
    here = {info.name for info in infos if info.installed} | shipped
    return "coat" if "coat" in here else "simulated-small"


def _watch(form: Form, studies: Sequence[Found]) -> None:
    """Status and tables, renewed while a study is active."""
    before = running.phase(studies)
    every = {"active": EVERY_SECONDS, "paused": PAUSED_SECONDS}.get(before)
    first = [list(studies)]

    def look() -> None:
        # The first look is the page's own; later ones read what runs have changed.
        now = first.pop() if first else [found.again() for found in studies]
        if running.phase(now) != before:
            st.rerun()  # buttons, claims and timer depend on it
        for found in now:
            with st.container(key=f"study_{found.study.id}"):
                _study(form, found, before == "active")
        if before != "active" and claims.check(now):
            st.rerun()  # now with marks and verdicts

    st.fragment(look, run_every=every)()


def _study(form: Form, found: Found, live: bool) -> None:
    """One data set: its table, what to say of it, its claims."""
    checked = None if live else claims.held(found)
    table = api.table(found.study, form.part, checked or ())
    # Four places, whatever is said in them: one that slides leaves a table twice for a moment.
    with st.container(key=f"over_{found.study.id}"):
        _over(form, found, table)
    st.html(html.table(table))
    with st.container(key=f"under_{found.study.id}"):
        shipped = int((found.study.frame["source"] == "gallery").sum())
        if shipped:
            st.caption(text.earlier(shipped, len(found.study.frame)))
        running.failures(found)
        st.caption(table.caption)
    with st.container(key=f"claims_{found.study.id}"):
        claims.family(form, table, checked or (), waiting=checked is None)


def _over(form: Form, found: Found, table: Any) -> None:
    with st.container(horizontal=True, vertical_alignment="center", key=f"head_{found.study.id}"):
        st.markdown(running.status(found), width="stretch")
        takeaway.offer(form, table)
    running.progress(found)
    if found.why_not:
        st.caption(f"{found.title} is {found.why_not}")


page()
