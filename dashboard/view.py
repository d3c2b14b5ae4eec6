"""How the reader looks at the Lab: panels, axes, smoothing, what stands beside the curves, zoom.

None of it changes a run, so none is in a config; all of it is in the URL, beside the settings.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import streamlit as st

from dashboard import url_guard
from dashboard.charts.looks import AT_FIRST, SMOOTHEST, Look
from dashboard.charts.panels import FIRST, MORE

NAMES = ("panels", "log", "smooth", "beside", "lane", "at", "zoom")
BESIDE = ("weights", "plane")


@dataclass(frozen=True)
class View:
    """look: of the curves. beside: what stands to their right. lane: which run the phase plane is
    of, by place. at: its epoch, None for the latest. zoom: the epochs shown, None for all."""

    look: Look = AT_FIRST
    beside: str = BESIDE[0]
    lane: int = 0
    at: int | None = None
    zoom: tuple[float, float] | None = None


def of_params(params: Mapping[str, str]) -> View:
    """The view a URL asks for; what it cannot mean is as if it were not there."""
    keys = tuple(k for k in params.get("panels", "").split(",") if k in (*FIRST, *MORE))
    log = params.get("log", "")
    look = Look(
        keys=tuple(dict.fromkeys(keys)) or FIRST,
        log_epochs="epochs" in log,
        log_values="values" in log,
        smooth=min(max(_number(params.get("smooth")) or 0.0, 0.0), SMOOTHEST),
    )
    beside = params.get("beside", "")
    lane, at = _number(params.get("lane")), _number(params.get("at"))
    return View(
        look=look,
        beside=beside if beside in BESIDE else BESIDE[0],
        lane=int(lane) if lane and lane > 0 else 0,
        at=int(at) if at and at > 0 else None,
        zoom=_span(params.get("zoom")),
    )


def as_params(view: View) -> dict[str, str]:
    """The URL's parameters of a view; nothing of what is as at first."""
    look, found = view.look, {}
    if look.keys != FIRST:
        found["panels"] = ",".join(look.keys)
    log = [n for n, on in (("epochs", look.log_epochs), ("values", look.log_values)) if on]
    if log:
        found["log"] = ",".join(log)
    if look.smooth:
        found["smooth"] = f"{look.smooth:g}"
    if view.beside != BESIDE[0]:
        found["beside"] = view.beside
    if view.lane:
        found["lane"] = str(view.lane)
    if view.at is not None:
        found["at"] = str(view.at)
    if view.zoom is not None:
        found["zoom"] = "to".join(f"{v:.4g}" for v in view.zoom)
    return found


def _number(text: str | None) -> float | None:
    try:
        value = float(text or "")
    except ValueError:
        return None
    return value if abs(value) < 1e9 else None


def _span(text: str | None) -> tuple[float, float] | None:
    ends = [_number(part) for part in (text or "").split("to")]
    if len(ends) != 2 or ends[0] is None or ends[1] is None or not ends[0] < ends[1]:
        return None
    return ends[0], ends[1]


def now() -> View:
    """The view of this session."""
    found: View = st.session_state.get("view") or View()
    return found


def adopt(params: Mapping[str, str]) -> None:
    """Take the view from a URL."""
    st.session_state["view"] = of_params(params)


def change(**changes: Any) -> None:
    """Change the view: its own fields, or those of its look."""
    view = now()
    own = {k: v for k, v in changes.items() if k in View.__dataclass_fields__}
    look = {k: v for k, v in changes.items() if k in Look.__dataclass_fields__}
    st.session_state["view"] = replace(view, look=replace(view.look, **look), **own)


def write() -> None:
    """Make the URL repeat the view, and leave everything else in it alone.

    A look that began before the browser heard of the page's newest URL still has the old one:
    taken as it is, it would bring back, say, the lam from before it was moved.
    """
    held = st.query_params.to_dict()
    newest = st.session_state.get("written", held) if url_guard.late(held) else held
    params = {k: v for k, v in newest.items() if k not in NAMES} | as_params(now())
    if params != held:
        url_guard.replaced(held)
        st.query_params.from_dict(params)
    st.session_state["written"] = params
