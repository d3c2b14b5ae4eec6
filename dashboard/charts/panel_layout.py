"""Where the live panels stand: two columns on a desk, one on a phone, one epoch axis."""

from __future__ import annotations

import math
from typing import Any

from dashboard.charts.looks import Look
from dashboard.charts.panels import Panel
from dashboard.charts.theme import heading

HEIGHT = 546  # of up to three rows; more make the figure taller
TOP, BOTTOM = 40, 58  # pixels for the first row's titles; for ticks, axis title and legend
GAP = 50  # pixels between rows, for the titles of the next one
NARROW_ROW = 190
COLUMNS = ((0.0, 0.45), (0.55, 1.0))
ROWS = 3  # that share HEIGHT


def suffix_of(k: int) -> str:
    """Plotly calls its axes x, x2, x3, ..."""
    return "" if k == 0 else str(k + 1)


def rows_of(n: int) -> int:
    """Rows that n panels take in two columns."""
    return -(-n // 2)


def height_of(n: int) -> float:
    """Pixels of a figure of n panels."""
    spare = max(0, rows_of(n) - ROWS)
    return HEIGHT + spare * ((HEIGHT - TOP - BOTTOM - (ROWS - 1) * GAP) / ROWS + GAP)


def base_layout(revision: str, n: int) -> dict[str, Any]:
    """What holds for the whole figure of n panels; hidden curves belong to `revision`."""
    return {
        "height": round(height_of(n)),
        "uirevision": revision,
        "paper_bgcolor": "rgba(0,0,0,0)",
        "plot_bgcolor": "rgba(0,0,0,0)",
        "font": {"size": 12, "color": "@text"},
        "margin": {"l": 40, "r": 12, "t": TOP, "b": BOTTOM, "pad": 0},
        "hovermode": "x",
        "hoverdistance": 60,
        "hoverlabel": {"bgcolor": "@panel", "bordercolor": "@axis", "font": {"color": "@text"}},
        "legend": {
            "orientation": "h",
            "x": 0,
            "xref": "paper",
            "xanchor": "left",
            "y": 0,
            "yref": "container",
            "yanchor": "bottom",
            "font": {"size": 11.5, "color": "@muted"},
            "itemsizing": "trace",
            "bgcolor": "rgba(0,0,0,0)",
        },
        "modebar": {"bgcolor": "rgba(0,0,0,0)", "color": "@axis", "activecolor": "@muted"},
        "annotations": [],
    }


def add_axes(
    layout: dict[str, Any], k: int, n: int, panel: Panel, look: Look, revision: str
) -> None:
    """Give panel k of n its axes and its title; all epoch axes zoom together.

    revision: what the reader's zoom belongs to; a log axis has another one.
    """
    suffix = suffix_of(k)
    column, last = k % 2, k + 2 >= n
    common = {
        "showgrid": True,
        "gridcolor": "@grid",
        "zeroline": False,
        "linecolor": "@axis",
        "tickfont": {"size": 11, "color": "@muted"},
        "automargin": False,
    }
    layout[f"xaxis{suffix}"] = {
        **common,
        "domain": list(COLUMNS[column]),
        "showticklabels": last,
        "anchor": f"y{suffix}",
        "showgrid": False,
        "showline": True,
        "rangemode": "tozero",
        "nticks": 6,
        "tickformat": ".6~g",  # between a few epochs, or close by, there are halves
        "uirevision": f"{revision} {'log' if look.log_epochs else ''}",
        **({"matches": "x"} if k else {}),
    }
    if look.log_epochs:
        layout[f"xaxis{suffix}"] |= {"type": "log", "dtick": 1}
    if last:
        layout[f"xaxis{suffix}"]["title"] = {
            "text": "epoch",
            "font": {"size": 11, "color": "@muted"},
            "standoff": 2,
        }
    logged = look.log_values and panel.logs
    layout[f"yaxis{suffix}"] = {
        **common,
        "domain": _row(k // 2, n),
        "anchor": f"x{suffix}",
        "nticks": 5,
        "tickformat": ".3~g",
        "autorangeoptions": {"include": list(panel.include)} if panel.include else {},
        "uirevision": f"{revision} {panel.key} {'log' if logged else ''}",
    }
    if logged:
        layout[f"yaxis{suffix}"] |= {"type": "log", "autorangeoptions": {}}
        if panel.key != "exact":  # few decades: 1, 2 and 5 of each
            layout[f"yaxis{suffix}"] |= {"dtick": "D2"}
    elif panel.band is True:
        layout[f"yaxis{suffix}"] |= {"zeroline": True, "zerolinecolor": "@axis"}
    layout["annotations"].append(_title(panel, suffix))


def _row(row: int, n: int) -> list[float]:
    """The part of the figure's height that a row of panels takes, from the bottom in [0, 1]."""
    inner = height_of(n) - TOP - BOTTOM
    high = (inner - (rows_of(n) - 1) * GAP) / rows_of(n)
    top = inner - row * (high + GAP)
    return [round(max(0.0, top - high) / inner, 4), round(top / inner, 4)]


def _title(panel: Panel, suffix: str) -> dict[str, Any]:
    return heading(panel.title, panel.note, f"x{suffix} domain", f"y{suffix} domain")


def curve_label(
    text: str,
    x: int,
    y: float,
    k: int,
    *,
    below: bool,
    color: str = "@balanced_text",
    log: tuple[bool, bool] = (False, False),
) -> dict[str, Any]:
    """A curve's name at its last point; it goes out of sight with the point when zoomed.

    log: of the panel's two axes; an annotation stands at the logarithm there.
    """
    suffix = suffix_of(k)
    place = [
        math.log10(v) if logged and v > 0 else v for v, logged in zip((x, y), log, strict=True)
    ]
    return {
        "text": text,
        "xref": f"x{suffix}",
        "yref": f"y{suffix}",
        "x": place[0] if log[0] else x,
        "y": float(f"{place[1]:.4g}"),
        "xanchor": "right",
        "yanchor": "top" if below else "bottom",
        "showarrow": False,
        "font": {"size": 11, "color": color},
    }


def thinned_note(stride: int) -> dict[str, Any]:
    """Says that not every epoch is drawn: nothing is left out silently."""
    return {
        "text": f"one epoch in {stride} is drawn; the CSV has all",
        "xref": "paper",
        "yref": "paper",
        "x": 0.5,  # between the titles of the two x axes
        "y": 0,
        "xanchor": "center",
        "yanchor": "top",
        "yshift": -20,
        "showarrow": False,
        "font": {"size": 11, "color": "@muted"},
    }


def narrow_layout(n: int) -> dict[str, Any]:
    """Layout entries for a phone: the n panels one under another."""
    height = NARROW_ROW * n + 140
    inner = height - TOP - 100
    row = inner / n
    entries: dict[str, Any] = {"height": height, "margin.b": 100}
    for k in range(n):
        suffix = suffix_of(k)
        bottom = max(0.0, 1 - ((k + 1) * row - 64) / inner)
        entries[f"xaxis{suffix}.domain"] = [0.0, 1.0]
        entries[f"xaxis{suffix}.showticklabels"] = True
        entries[f"yaxis{suffix}.domain"] = [bottom, 1 - k * row / inner]
        entries[f"xaxis{suffix}.title.text"] = "epoch" if k == n - 1 else ""
    entries[f"xaxis{suffix_of(n - 1)}.title.standoff"] = 18
    return entries


def hide_ticks(layout: dict[str, Any], *axes: str) -> None:
    """Empty panels show frames and no made-up numbers. axes: which ones, all if none is named."""
    for name in axes or [key for key in layout if key.startswith(("xaxis", "yaxis"))]:
        layout[name] |= {"showticklabels": False}
