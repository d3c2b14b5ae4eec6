"""The live figure: a Plotly figure, written in Python, that keeps zoom and legend while data come.

`st.plotly_chart` is mounted anew whenever its data change and so forgets what the reader zoomed to.
This component hands each new version to `Plotly.react` in the browser instead, with `uirevision` as
the identity of what is looked at: as long as it stays, zoom and hidden curves stay. Hovering never
reaches Python, zooming only where it is asked for. plotly.js comes from the installed plotly
package (`dashboard/app.py` serves it) and is loaded once a page.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import plotly
import streamlit as st

from dashboard.charts.theme import palettes

Box = tuple[float, float, float, float]
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
    zoom: tuple[float, float] | None = None,
    on_zoom: Callable[[tuple[float, float] | None], None] | None = None,
    box: Box | None = None,
    on_box: Callable[[str, Box | None], None] | None = None,
    on_pick: Callable[[str, float, float], None] | None = None,
    later: bool = False,
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
        zoom: the part of the x axis shown at first; what the reader does later goes before it.
        on_zoom: called with the part the reader zoomed to, None for all of it.
        box, on_box: the same of a map, both axes: x from, to, y from, to; told with the revision.
        on_pick: called with revision, x and y of the heatmap's cell that was clicked; a heatmap
            with `meta: {"coarse": True}` is zoomed in on instead.
        later: for what stands below other charts: drawn when the browser has drawn those.
    """
    asks = {"box": on_box, "pick": on_pick}
    _component(
        key=key,
        data={
            "figure": figure,
            "palettes": palettes(),
            "label": label,
            "description": description,
            "narrow": narrow or {},
            "crosshair": crosshair,
            "zoom": list(zoom) if zoom else None,
            "box": list(box) if box else None,
            "tells": on_zoom is not None or on_box is not None,
            "later": later,
            "asks": [name for name, told in asks.items() if told],
            "vendor": f"{VENDOR_ROUTE}/plotly.min.js?v={plotly.__version__}",
        },
        height=int(figure["layout"]["height"]) if not narrow else "content",
        **({"on_zoom_change": lambda: on_zoom(_zoom_of(key))} if on_zoom else {}),
        **({"on_box_change": lambda: _tell_box(key, on_box)} if on_box else {}),
        **({"on_pick_change": lambda: _tell_pick(key, on_pick)} if on_pick else {}),
    )


def _tell_box(key: str, on_box: Callable[[str, Box | None], None]) -> None:
    told = (st.session_state.get(key) or {}).get("box")
    if told:
        on_box(str(told[0]), tuple(map(float, told[1])) if told[1] else None)


def _tell_pick(key: str, on_pick: Callable[[str, float, float], None]) -> None:
    told = (st.session_state.get(key) or {}).get("pick")
    if told:
        on_pick(str(told[0]), float(told[1]), float(told[2]))


def _zoom_of(key: str) -> tuple[float, float] | None:
    """What the browser told last."""
    told = (st.session_state.get(key) or {}).get("zoom")
    return (float(told[0]), float(told[1])) if told else None
