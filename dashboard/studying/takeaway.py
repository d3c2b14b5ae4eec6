"""What can be taken away of a study: the figure for a paper, its numbers, the command."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

import pandas as pd
import streamlit as st

from dashboard.charts.study_panels import columns_of, panels_of
from dashboard.charts.study_paper import paper_figure, picture
from dashboard.studying import reading
from dashboard.studying.form import Form, command_lines
from dashboard.studying.reading import Found
from dashboard.text import studies as text
from engine import api

MIMES = {"png": "image/png", "svg": "image/svg+xml", "pdf": "application/pdf"}
SHELL_WIDTH = 56  # characters beside the files on a small screen
RUN_COLUMNS = ("label", "x", "seed", "state", "source", "run", "error")


def below(form: Form, studies: Sequence[Found]) -> None:
    """Files, table and command."""
    with st.container(key="results"):
        left, right = st.columns([1, 1], gap="medium")
        with left:
            _files(form, studies)
        with right:
            st.subheader("The same from a shell", anchor=False)
            st.code("\n".join(map(folded, command_lines(form).splitlines())), language="bash")
            st.caption(
                "It trains what is still missing and prints the means; --json gives them to a "
                "script. The address of this page shows the same study again."
            )
        _tables(form, studies)


def folded(command: str) -> str:
    """The command in lines that fit the page, broken before options."""
    lines = [""]
    for part in re.split(r" (?=--)", command):
        if len(lines[-1]) + len(part) > SHELL_WIDTH:
            lines.append(" ")
        lines[-1] += f" {part}" if lines[-1] else part
    return " \\\n".join(lines)


def _files(form: Form, studies: Sequence[Found]) -> None:
    st.subheader("Take it away", anchor=False)
    name = f"counterweight-{form.kind}-{'-'.join(_plain(d) for d in form.datasets)}"
    empty = not any(len(found.frame[found.frame["source"] != ""]) for found in studies)
    with st.container(horizontal=True):
        for kind, mime in MIMES.items():
            st.download_button(
                kind.upper(),
                lambda kind=kind: picture(_paper(form, studies), kind),
                file_name=f"{name}-{form.looks['view']}.{kind}",
                mime=mime,
                on_click="ignore",
                key=f"file_{kind}",
                disabled=empty,
            )
        for label, make in (("Means (CSV)", means), ("Runs (CSV)", runs)):
            st.download_button(
                label,
                lambda make=make: make(form, studies).to_csv(index=False),
                file_name=f"{name}-{label[:5].strip().lower()}.csv",
                mime="text/csv",
                on_click="ignore",
                key=f"file_{label[:5].strip().lower()}",
                disabled=empty,
            )
    st.caption(
        "The figure as above, set for a paper: a row for each data set, 505 points wide, 8 point "
        "type; PNG at twice the size. A caption for it:"
    )
    titles, looks = [found.title for found in studies], form.looks
    gains = looks["show"] == "gains"
    levels = looks["view"] == "ranking" and not gains
    caption = text.caption(form.kind, titles, form.seeds, looks["part"], levels, gains)
    st.code(caption, language=None, wrap_lines=True)


def _plain(dataset: str) -> str:
    kept = dataset.removeprefix("csv:").split("/")[-1]
    return "".join(c if c.isalnum() or c in "-_" else "_" for c in kept)


def _paper(form: Form, studies: Sequence[Found]) -> Any:
    rows = [reading.row_of(form, found) for found in studies]
    panels = panels_of(form.kind, form.looks["view"], form.simulated)
    return paper_figure(rows, panels, form.looks["part"])


def means(form: Form, studies: Sequence[Found]) -> pd.DataFrame:
    """Every mean that any view draws, with sd, interval and number of seeds."""
    columns = columns_of(form.kind, form.looks["part"])
    parts = [
        api.summarise(found.frame, columns).assign(dataset=found.plan.dataset) for found in studies
    ]
    whole = pd.concat(parts)
    return whole[["dataset", *(name for name in whole if name != "dataset")]]


def runs(form: Form, studies: Sequence[Found]) -> pd.DataFrame:
    """Every run of the studies with all its numbers."""
    return pd.concat([found.frame for found in studies])


def _tables(form: Form, studies: Sequence[Found]) -> None:
    """The numbers of the figure as tables, of the view shown; made only when asked for."""
    if not st.toggle("The figure as a table", key="study_table"):
        return
    panels = panels_of(form.kind, form.looks["view"], form.simulated)
    titles = {panel.column(form.looks["part"]): panel.title for panel in panels}
    names = {"label": "method", "x": text.AXIS[form.kind], **titles}
    for found in studies:
        st.markdown(f"**{found.title}**, mean ± half a 95 % interval")
        st.dataframe(wide(found.frame, list(titles)), hide_index=True, column_config=names)
    st.markdown("**Runs**")
    every = runs(form, studies)[list(dict.fromkeys(["dataset", *RUN_COLUMNS, *titles]))]
    every = every if every["error"].notna().any() else every.drop(columns="error")
    digits = {k: st.column_config.NumberColumn(title, format="%.4f") for k, title in titles.items()}
    st.dataframe(every, hide_index=True, height=260, column_config=names | digits)


def wide(frame: pd.DataFrame, columns: Sequence[str]) -> pd.DataFrame:
    """A row a series and value, a column a metric, "mean ± half" as text."""
    long = api.summarise(frame, columns)
    half = long["high"] - long["mean"]
    said = [
        f"{mean:.4f} ± {h:.4f}" if h == h else f"{mean:.4f}"
        for mean, h in zip(long["mean"], half, strict=True)
    ]
    table = long.assign(said=said).pivot_table(
        index=["label", "x"], columns="metric", values="said", aggfunc="first", sort=False
    )
    return table.reindex(columns=[c for c in columns if c in table]).reset_index()
