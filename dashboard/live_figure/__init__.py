"""The live figure: a Plotly figure, written in Python, that keeps zoom and legend while data come.

`st.plotly_chart` is mounted anew whenever its data change and so forgets what the reader zoomed to.
This component hands each new version to `Plotly.react` in the browser instead, with `uirevision` as
the identity of what is looked at: as long as it stays, zoom and hidden curves stay. Hovering and
zooming never reach Python. plotly.js comes from the installed plotly package (`dashboard/app.py`
serves it) and is loaded once a page.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import plotly
import streamlit as st

from dashboard.charts.theme import palettes

VENDOR_ROUTE = "/vendor"
VENDOR_FOLDER = Path(plotly.__file__).parent / "package_data"
_HERE = Path(__file__).parent

_component = st.components.v2.component(
    "counterweight_live_figure",
    html='<div class="live-figure"><div class="live-figure-plot"></div></div>',
    css=(_HERE / "live_figure.css").read_text(encoding="utf-8"),
    js=(_HERE / "live_figure.js").read_text(encoding="utf-8"),
    isolate_styles=False,
)


def live_figure(
    figure: dict[str, Any],
    *,
    key: str,
    label: str,
    description: str = "",
    narrow: dict[str, Any] | None = None,
    crosshair: bool = False,
) -> None:
    """Show `figure`, updating the one already on the page under `key`.

    Args:
        figure: Plotly figure as a dict; `layout.uirevision` says what the reader's zoom belongs to,
            `layout.height` its height in pixels; colours may be palette names such as "@text".
        key: identity of the chart on the page.
        label: what a screen reader calls it.
        description: its text alternative, kept up to date with the data.
        narrow: layout entries, with dots ("xaxis2.domain"), used below 560 pixels of width.
        crosshair: draw one line at the hovered epoch through all panels.
    """
    _component(
        key=key,
        data={
            "figure": figure,
            "palettes": palettes(),
            "label": label,
            "description": description,
            "narrow": narrow or {},
            "crosshair": crosshair,
            "vendor": f"{VENDOR_ROUTE}/plotly.min.js?v={plotly.__version__}",
        },
        height=int(figure["layout"]["height"]) if not narrow else "content",
    )
