"""The finished figure for a paper: the live figure in Altair, rows data sets, columns metrics.

White background, 8 and 9 point type, a width of 505 points (two columns of a proceedings page), a
marker and a dash for every hue.
"""

from __future__ import annotations

import io
import json
from collections.abc import Sequence
from typing import Any

import altair as alt
import pandas as pd

from dashboard.charts.study_axis import Axis
from dashboard.charts.study_panels import Panel
from dashboard.charts.study_rows import Row
from dashboard.charts.study_shapes import span
from dashboard.charts.theme import MARKERS, PALETTE, method_hue

WIDTH, HEIGHT = 505, 98
FONT = "Liberation Sans, Arial, sans-serif"  # vl-convert brings the first one along
SMALL, LARGE = 8, 9
INK, QUIET, GRID = "#000000", "#555555", "#E6E6E6"
DASHES = {"solid": [1, 0], "dash": [4, 2]}
BASELINE, CHANCE = "strongest baseline", "random scorer"
KINDS = {"png": 2.0, "svg": None, "pdf": None}


def paper_figure(rows: Sequence[Row], panels: Sequence[Panel], part: str) -> Any:
    """The figure; only rows that have a number are drawn. None where none has."""
    known = [row for row in rows if len(row.means)]
    if not known:
        return None
    scales = _Scales(known, panels)
    lines = []
    for r, row in enumerate(known):
        last = r == len(known) - 1
        drawn = [
            _panel(row, panel, part, scales, len(panels), (r == 0, last, p == 0))
            for p, panel in enumerate(panels)
        ]
        lines.append(alt.hconcat(*drawn, spacing=10))
    whole = alt.vconcat(*lines, spacing=8, title=_axis_note(known[-1].axis))
    return (
        whole.configure(font=FONT, background="white")
        .configure_axis(
            labelFontSize=SMALL, titleFontSize=LARGE, titleFontWeight="normal", labelColor=INK,
            titleColor=INK, gridColor=GRID, gridWidth=0.5, domainColor=INK, domainWidth=0.6,
            tickColor=INK, tickWidth=0.6, tickSize=3, labelPadding=2,
        )
        .configure_view(stroke=None)
        .configure_title(fontSize=LARGE, fontWeight="normal", color=INK, offset=4)
        .configure_legend(
            labelFontSize=SMALL, symbolSize=36, orient="top", direction="horizontal", title=None,
            labelColor=INK, columnPadding=12, symbolStrokeWidth=1.4, symbolOpacity=1, padding=0,
            offset=6,
        )
        .configure_concat(spacing=8)
    )  # fmt: skip


def picture(chart: Any, kind: str) -> bytes:
    """The chart as a file: "png" (twice the size), "svg" or "pdf"."""
    target: Any = io.StringIO() if kind == "svg" else io.BytesIO()
    scale = KINDS[kind]
    chart.save(target, format=kind, **({"scale_factor": scale} if scale else {}))
    content = target.getvalue()
    return content if isinstance(content, bytes) else content.encode()


def _axis_note(axis: Axis) -> alt.TitleParams:
    """The axis' title, once, under everything."""
    return alt.TitleParams(axis.title, orient="bottom", anchor="middle", fontSize=LARGE, offset=2)


class _Scales:
    """Hue, dash and marker of every name that the legend has."""

    def __init__(self, rows: Sequence[Row], panels: Sequence[Panel]) -> None:
        names: dict[str, tuple[str, list[int], str]] = {}
        for row in rows:
            for curve in row.curves:
                hue = PALETTE[method_hue(curve.method)][0]
                marker = MARKERS.get(curve.method, MARKERS["mf"])[1]
                names[curve.label] = (hue, DASHES[curve.dash], marker)
        roles = {level.role for row in rows for level in row.levels}
        if "baseline" in roles and any(panel.reference for panel in panels):
            names[BASELINE] = (INK, [4, 2], "stroke")
        domain = list(names)
        self.hue = alt.Scale(domain=domain, range=[names[n][0] for n in domain])
        self.dash = alt.Scale(domain=domain, range=[names[n][1] for n in domain])
        self.shape = alt.Scale(domain=domain, range=[names[n][2] for n in domain])

    def colour(self) -> alt.Color:
        """With the one legend that all panels share."""
        return alt.Color("label:N", scale=self.hue, title=None)


def _panel(
    row: Row,
    panel: Panel,
    part: str,
    scales: _Scales,
    across: int,
    place: tuple[bool, bool, bool],
) -> Any:
    """One panel; place: whether it is of the top row, of the last, of the first column."""
    top, last, first = place
    column = panel.column(part)
    means = row.means[row.means["metric"] == column]
    ends = list(row.axis.ends)
    wide = (WIDTH - 14 - 32 * across) / across
    every = -(-len(row.axis.ticks) // 5) if wide < 130 else 1
    kept = row.axis.ticks[::every] if row.axis.broken_at is None else _with_zero(row.axis, every)
    # Not by the number as text: Vega writes a true minus sign.
    labels = "".join(
        f"abs(datum.value - ({p:.6f})) < 1e-4 ? {json.dumps(t.split(chr(10)))} : " for p, t in kept
    )
    labels += "''"
    x = alt.X(
        "position:Q",
        scale=alt.Scale(domain=ends, nice=False, zero=False),
        axis=alt.Axis(
            title=None, values=[place for place, _ in kept], labelExpr=labels, grid=False,
            labels=last or "\n" in kept[0][1], labelOverlap=False, labelFlush=False,
        ),
    )  # fmt: skip
    plain = row.title.split("</b>")[0].removeprefix("<b>")
    y = alt.Y(
        "mean:Q",
        scale=_domain(row, panel, part),
        axis=alt.Axis(tickCount=4, format="~g", title=plain if first else None, titlePadding=3),
    )
    layers = _behind(row, panel, x, y) + _curves(row, panel, means, x, y, scales)
    layers += _levels(row, panel, y, scales) + _marks(row, column, x, y)
    over = row.gain.split(",")[0] if row.gain and not panel.signed else ""
    name = f"{panel.title} {over}".strip() if top else ""
    title = alt.TitleParams(name, anchor="middle", frame="group")
    return alt.layer(*layers).properties(width=wide, height=HEIGHT, title=title)


def _with_zero(axis: Axis, every: int) -> list[tuple[float, str]]:
    """0 and every k-th of the other ticks, the last among them."""
    rest = [tick for tick in axis.ticks if tick[1] != "0"]
    zero = [tick for tick in axis.ticks if tick[1] == "0"]
    return zero + rest[(len(rest) - 1) % every :: every]


def _domain(row: Row, panel: Panel, part: str) -> alt.Scale:
    """As in the live figure."""
    low, high = span(row, panel.column(part))
    return alt.Scale(domain=[low, high], nice=False, zero=False)


def _behind(row: Row, panel: Panel, x: alt.X, y: alt.Y) -> list[Any]:
    """The paper's range, the target's noise, nought, the axis break."""
    layers: list[Any] = []
    if row.axis.shaded is not None:
        strip = pd.DataFrame({"position": [row.axis.shaded[0]], "to": [row.axis.shaded[1]]})
        layers.append(alt.Chart(strip).mark_rect(color="#F1F1F1").encode(x=x, x2="to:Q"))
    if panel.key == "violation" and row.band is not None:
        band = pd.DataFrame({"mean": [-row.band], "to": [row.band]})
        layers.append(
            alt.Chart(band)
            .mark_rect(color="#0072B2", opacity=0.13, clip=True)
            .encode(y=y, y2="to:Q")
        )
    if panel.signed or row.gain:
        nought = pd.DataFrame({"mean": [0.0]})
        layers.append(alt.Chart(nought).mark_rule(color="#999999", strokeWidth=0.6).encode(y=y))
    if row.axis.broken_at is not None:
        cut = pd.DataFrame({"position": [row.axis.broken_at], "text": ["//"]})
        text = alt.Chart(cut).mark_text(fontSize=SMALL, color=INK, baseline="middle")
        layers.append(text.encode(x=x, y=alt.value(HEIGHT), text="text:N"))
    return layers


def _curves(
    row: Row, panel: Panel, means: pd.DataFrame, x: alt.X, y: alt.Y, scales: _Scales
) -> list[Any]:
    shown = means[["label", "position", "mean", "low", "high", "source"]]
    base = alt.Chart(shown).encode(x=x, color=scales.colour())
    line = base.mark_line(strokeWidth=1.3, clip=True).encode(
        y=y, strokeDash=alt.StrokeDash("label:N", scale=scales.dash, title=None)
    )
    bars = alt.Chart(shown.dropna(subset=["low"])).mark_rule(
        strokeWidth=0.7, opacity=0.55, clip=True
    )
    layers = [
        bars.encode(
            x=x,
            color=scales.colour(),
            y=alt.Y("low:Q", scale=y["scale"], axis=y["axis"]),
            y2="high:Q",
        )
    ]
    if panel.key == "violation":
        names = {curve.key: curve.label for curve in row.curves}
        own = row.means[row.means["metric"] == "violation_uniform"]
        own = own.assign(label=own["series"].map(names))[["label", "position", "mean"]]
        uniform = alt.Chart(own).mark_line(strokeWidth=0.8, strokeDash=[2, 2], clip=True)
        layers.append(uniform.encode(x=x, y=y, color=scales.colour()))
    dots = base.mark_point(filled=True, size=22, opacity=1, clip=True).encode(
        y=y, shape=alt.Shape("label:N", scale=scales.shape, title=None)
    )
    return [*layers, line, dots]


def _levels(row: Row, panel: Panel, y: alt.Y, scales: _Scales) -> list[Any]:
    layers: list[Any] = []
    for level in row.levels:
        if level.metric != panel.key:
            continue
        name = BASELINE if level.role == "baseline" else CHANCE
        at = pd.DataFrame({"mean": [level.value], "label": [name]})
        if level.role == "baseline":
            rule = alt.Chart(at).mark_rule(strokeWidth=1, clip=True)
            layers.append(
                rule.encode(
                    y=y,
                    color=scales.colour(),
                    strokeDash=alt.StrokeDash("label:N", scale=scales.dash, title=None),
                )
            )
        else:
            rule = alt.Chart(at).mark_rule(
                strokeWidth=0.8, strokeDash=[1, 2], color=QUIET, clip=True
            )
            layers.append(rule.encode(y=y))
    return layers


def _marks(row: Row, column: str, x: alt.X, y: alt.Y) -> list[Any]:
    """A ring where validation chooses, a hollow diamond where the paper fixes a value."""
    hue = {curve.key: PALETTE[method_hue(curve.method)][0] for curve in row.curves}
    marks = row.marks[(row.marks["metric"] == column) & (row.marks["kind"] != "best")]
    layers: list[Any] = []
    for kind, shape, size in (("chosen", "circle", 75), ("published", "diamond", 60)):
        own = marks[marks["kind"] == kind]
        if own.empty:
            continue
        # One layer a curve: a second colour scale would take the legend away.
        for series, part in own.groupby("series", sort=False):
            ring = alt.Chart(part[["position"]].assign(mean=part["value"])).mark_point(
                shape=shape, filled=False, size=size, strokeWidth=1, color=hue[series], opacity=1
            )
            layers.append(ring.encode(x=x, y=y))
    return layers
