"""Where the six live panels stand: two columns on a desk, one on a phone, one epoch axis."""

from __future__ import annotations

from typing import Any

from dashboard.charts.panels import Panel
from dashboard.charts.theme import heading

HEIGHT = 572
TOP, BOTTOM = 40, 58  # pixels for the first row's titles; for ticks, axis title and legend
GAP = 50  # pixels between rows, for the titles of the next one
NARROW_ROW = 190
COLUMNS = ((0.0, 0.45), (0.55, 1.0))
N_PANELS = 6


def suffix_of(k: int) -> str:
    """Plotly calls its axes x, x2, x3, ..."""
    return "" if k == 0 else str(k + 1)


def base_layout(revision: str) -> dict[str, Any]:
    """What holds for the whole figure; zoom and hidden curves belong to `revision`."""
    return {
        "height": HEIGHT,
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


def add_axes(layout: dict[str, Any], k: int, panel: Panel) -> None:
    """Give panel k its axes and its title; all epoch axes zoom together."""
    suffix = suffix_of(k)
    row, column = divmod(k, 2)
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
        "showticklabels": row == 2,
        "anchor": f"y{suffix}",
        "showgrid": False,
        "showline": True,
        "rangemode": "tozero",
        "nticks": 6,
        "tickformat": "d",
        **({"matches": "x"} if k else {}),
    }
    if row == 2:
        layout[f"xaxis{suffix}"]["title"] = {
            "text": "epoch",
            "font": {"size": 11, "color": "@muted"},
            "standoff": 2,
        }
    layout[f"yaxis{suffix}"] = {
        **common,
        "domain": _row(row),
        "anchor": f"x{suffix}",
        "nticks": 5,
        "tickformat": ".3~g",
        "autorangeoptions": {"include": list(panel.include)} if panel.include else {},
    }
    if panel.band:
        layout[f"yaxis{suffix}"] |= {"zeroline": True, "zerolinecolor": "@axis"}
    layout["annotations"].append(_title(panel, suffix))


def _row(row: int) -> list[float]:
    """The part of the figure's height that a row of panels takes, from the bottom in [0, 1]."""
    inner = HEIGHT - TOP - BOTTOM
    high = (inner - 2 * GAP) / 3
    top = inner - row * (high + GAP)
    return [round(max(0.0, top - high) / inner, 4), round(top / inner, 4)]


def _title(panel: Panel, suffix: str) -> dict[str, Any]:
    return heading(panel.title, panel.note, f"x{suffix} domain", f"y{suffix} domain")


def curve_label(text: str, x: int, y: float, k: int, *, below: bool) -> dict[str, Any]:
    """A curve's name at its last point; it goes out of sight with the point when zoomed."""
    suffix = suffix_of(k)
    return {
        "text": text,
        "xref": f"x{suffix}",
        "yref": f"y{suffix}",
        "x": x,
        "y": float(f"{y:.4g}"),
        "xanchor": "right",
        "yanchor": "top" if below else "bottom",
        "showarrow": False,
        "font": {"size": 11, "color": "@balanced_text"},
    }


def thinned_note(stride: int) -> dict[str, Any]:
    """Says that not every epoch is drawn: nothing is left out silently."""
    return {
        "text": f"one epoch in {stride} is drawn; the CSV has all",
        "xref": "paper",
        "yref": "paper",
        "x": 1,
        "y": 0,
        "xanchor": "right",
        "yanchor": "top",
        "yshift": -20,
        "showarrow": False,
        "font": {"size": 11, "color": "@muted"},
    }


def narrow_layout() -> dict[str, Any]:
    """Layout entries for a phone: the six panels one under another."""
    height = NARROW_ROW * N_PANELS + 140
    inner = height - TOP - 100
    row = inner / N_PANELS
    entries: dict[str, Any] = {"height": height, "margin.b": 100, "xaxis5.title.text": ""}
    entries["xaxis6.title.standoff"] = 18
    for k in range(N_PANELS):
        suffix = suffix_of(k)
        bottom = max(0.0, 1 - ((k + 1) * row - 64) / inner)
        entries[f"xaxis{suffix}.domain"] = [0.0, 1.0]
        entries[f"xaxis{suffix}.showticklabels"] = True
        entries[f"yaxis{suffix}.domain"] = [bottom, 1 - k * row / inner]
    return entries


def hide_ticks(layout: dict[str, Any], *axes: str) -> None:
    """Empty panels show frames and no made-up numbers. axes: which ones, all if none is named."""
    for name in axes or [key for key in layout if key.startswith(("xaxis", "yaxis"))]:
        layout[name] |= {"range": [0, 1], "showticklabels": False}
