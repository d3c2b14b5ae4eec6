"""Under every chart: its table, its CSV, its picture."""

from __future__ import annotations

import io
from typing import Any

import altair as alt
import pandas as pd
import streamlit as st

ROWS_MAX = 500


def title(name: str, note: str) -> None:
    """What a chart shows, and under it how to read it."""
    st.markdown(f"**{name}**  \n:small[:gray[{note}]]")


def drawn(
    chart: Any, frame: pd.DataFrame, key: str, file: str, select: Any = "ignore", alt: str = ""
) -> None:
    """A chart with a popover that holds what it is drawn from.

    Args:
        select: the callback that takes over a selection, or "ignore".
        file: name of the files, without ending.
    """
    st.altair_chart(chart, key=key, on_select=select, alt=alt or None)
    offer(frame, key, file, chart)


def offer(frame: pd.DataFrame, key: str, file: str, chart: Any = None) -> None:
    """The popover: table (its first rows, where it is long), CSV, and PNG and SVG of a chart."""
    place = f"{key}_rows" if chart is None else f"{key}_files"
    with st.popover("Table and files", type="tertiary", key=place):
        st.dataframe(frame[:ROWS_MAX], height=240, hide_index=True)
        if len(frame) > ROWS_MAX:
            st.caption(f"The first {ROWS_MAX:,} of {len(frame):,} rows; the CSV has all.")
        with st.container(horizontal=True):
            _file("CSV", lambda: frame.to_csv(index=False), f"{file}.csv", "text/csv", key)
            if chart is not None:
                _file("PNG", lambda: picture(chart, "png"), f"{file}.png", "image/png", key)
                _file("SVG", lambda: picture(chart, "svg"), f"{file}.svg", "image/svg+xml", key)


def _file(label: str, make: Any, name: str, mime: str, key: str) -> None:
    st.download_button(
        label, make, file_name=name, mime=mime, on_click="ignore", key=f"{key}_{label}"
    )


def picture(chart: Any, kind: str) -> bytes:
    """The chart as PNG (twice the size) or SVG, on a page of its own."""
    target: Any = io.BytesIO() if kind == "png" else io.StringIO()
    wide = chart.properties(width=460)
    with alt.data_transformers.disable_max_rows():
        wide.save(target, format=kind, **({"scale_factor": 2} if kind == "png" else {}))
    content = target.getvalue()
    return content if isinstance(content, bytes) else content.encode()
