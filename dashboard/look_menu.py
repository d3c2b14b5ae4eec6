"""The menu over the curves: which panels, on what axes, how smooth."""

from __future__ import annotations

import streamlit as st

from dashboard import view
from dashboard.charts.looks import SMOOTHEST
from dashboard.charts.panels import FIRST, TITLES, offered
from dashboard.text import lab as text
from dashboard.widget_value import default


def menu(balanced: bool, simulated: bool) -> None:
    """A small button; what is behind it is in the URL."""
    look, can = view.now().look, offered(balanced, simulated)
    with (
        st.container(key="look"),
        st.popover("View", icon=":material/tune:", type="tertiary", key="look_menu"),
    ):
        st.pills(
            "Panels",
            can,
            default=default("v_panels", [key for key in can if key in look.keys]),
            selection_mode="multi",
            format_func=lambda key: TITLES[key],
            key="v_panels",
            on_change=_chose_panels,
            args=(can,),
        )
        for name, label in text.AXES.items():
            on = bool(default(f"v_{name}", getattr(look, name)))
            st.toggle(label, on, key=f"v_{name}", on_change=_chose, args=(name,))
        st.slider(
            "Smoothing",
            *(0.0, SMOOTHEST, default("v_smooth", look.smooth)),
            step=0.02,
            key="v_smooth",
            on_change=_chose,
            args=("smooth",),
            help=text.SMOOTHING,
        )


def _chose_panels(can: tuple[str, ...]) -> None:
    wanted = st.session_state["v_panels"]
    view.change(keys=tuple(key for key in can if key in wanted) or FIRST)


def _chose(name: str) -> None:
    view.change(**{name: st.session_state[f"v_{name}"]})
