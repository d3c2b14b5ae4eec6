"""One panel's traces: seeds, their mean, the twin, bands; raw curves beneath smoothed ones."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd

from dashboard.charts.curves import Table, ended_early, mean_of_runs, points, rounded
from dashboard.charts.looks import Look, smoothed
from dashboard.charts.panel_layout import curve_label, suffix_of
from dashboard.charts.panels import PHASES, Line, Panel

Style = dict[str, Any]
_FILL = {"phi": "@phi", "weights": "@balanced", "prediction": "@base", "evaluation": "@axis"}


@dataclass
class Drawing:
    """What all panels of one figure are drawn from.

    role: the colour of the runs, "balanced" or "base". stride: every how many epochs are drawn.
    """

    table: Table
    runs: Sequence[str]
    twins: Sequence[str]
    role: str
    look: Look
    stride: int = 1

    def panel(self, panel: Panel, k: int) -> list[dict[str, Any]]:
        """Every curve of a panel: ghosts first, then seeds, then what is bold."""
        if panel.stack:
            return self._stacked(panel, k)
        ghosts, thin, bold = [], [], []
        for column in panel.twin:
            curve = mean_of_runs(self._values(panel, column, self.twins))
            if len(curve):
                style = {"color": "@base", "width": 1.7, "dash": "dash"}
                ghosts += self._curve(panel, k, curve, style, ("twin", "twin", 20, "twin"))
        for line in panel.lines:
            wide = self._values(panel, line.column, self.runs)
            if len(self.runs) > 1 and line.role == "mean":
                style = {"color": f"@{self.role}_thin", "width": 0.9, "dash": line.dash}
                thin.append(self._seeds(panel, k, wide, style))
            style = {"color": self._color(line), "width": line.width, "dash": line.dash}
            name, rank = self._name(), 10
            if line.role == "uniform":
                name, rank = "same model, uniform weights", 25
            curve = mean_of_runs(wide)
            if len(curve):
                bold += self._curve(panel, k, curve, style, (name, line.role, rank, line.name))
        return ghosts + thin + bold

    def band(self, panel: Panel, k: int) -> list[dict[str, Any]]:
        """The target's ± SE, as one filled outline: around nought, or around the target's curve."""
        if not panel.band:
            return []
        se = mean_of_runs(self.table.wide("target_se", self.runs))
        if se.empty:
            return []
        if panel.band is True:
            first, last = int(se.index[0]), int(se.index[-1])
            wide = float(f"{se.iloc[-1]:.4g}")
            below = self._lowest(panel, wide) if self._magnitude(panel) else -wide
            return [_outline(k, panel.key, [first, last, last, first], [wide, wide, below, below])]
        middle = mean_of_runs(self.table.wide(panel.band, self.runs))
        kept = pd.DataFrame({"t": middle, "se": se}).dropna()
        kept = kept.iloc[sorted({*range(0, len(kept), self.stride), len(kept) - 1})]
        x = [int(v) for v in kept.index]
        up, down = (rounded((kept["t"] + sign * kept["se"]).to_numpy()) for sign in (1, -1))
        return [_outline(k, panel.key, x + x[::-1], up + down[::-1])]

    def labels(self, panel: Panel, k: int) -> list[dict[str, Any]]:
        """Names at the ends of the curves that have one, away from the panel's first curve."""
        if panel.stack:
            return []
        last = {
            line: curve
            for line in panel.lines
            if len(curve := mean_of_runs(self._values(panel, line.column, self.runs)))
        }
        if not last or panel.lines[0] not in last:
            return []
        main = float(last[panel.lines[0]].iloc[-1])
        return [
            curve_label(
                *(line.label, int(curve.index[-1]), y := float(curve.iloc[-1]), k),
                below=y < main,
                color="@band_text" if line.role == "target" else "@balanced_text",
                log=(self.look.log_epochs, self.look.log_values and panel.logs),
            )
            for line, curve in last.items()
            if line.label
        ]

    def _values(self, panel: Panel, column: str, runs: Sequence[str]) -> pd.DataFrame:
        wide = self.table.wide(column, runs)
        return wide.abs() if self._magnitude(panel) else wide

    def _lowest(self, panel: Panel, se: float) -> float:
        """Where the band of a log axis ends, under everything that is drawn: it has no nought."""
        means = [mean_of_runs(self._values(panel, line.column, self.runs)) for line in panel.lines]
        drawn = [float(curve[curve > 0].min()) for curve in means if (curve > 0).any()]
        return float(f"{min([se, *drawn]) / 1.5:.4g}")

    def _magnitude(self, panel: Panel) -> bool:
        return panel.magnitude and self.look.log_values

    def _color(self, line: Line) -> str:
        """The role's hue; darker beside the run's own curve, not to look like a seed."""
        if line.role in ("uniform", "target"):
            return "@base" if line.role == "uniform" else "@band_text"
        return f"@{self.role}" if line.role == "mean" else "@balanced_text"

    def _name(self) -> str:
        if len(self.runs) <= 1:
            return "this run"
        return "mean, ended seeds held" if ended_early(self.table, self.runs) else "mean"

    def _curve(
        self,
        panel: Panel,
        k: int,
        curve: pd.Series,
        style: Style,
        who: tuple[str, str, int, str],
    ) -> list[dict[str, Any]]:
        """A curve; smoothed, with the raw one thin beneath.

        who: its legend entry, group and rank, and its own name.
        """
        name, group, rank, column = who
        smooth = smoothed(curve, self.look.smooth)
        found = []
        if smooth is not curve:
            thin = {"color": style["color"], "width": 0.8, "dash": "solid"}
            raw = styled(k, f"{panel.key} raw {column}", thin, "not smoothed", "raw", 28)
            found.append(raw | {"opacity": 0.45, "hoverinfo": "skip"} | points(curve, self.stride))
        drawn = points(smooth, self.stride)
        said = "twin" if group == "twin" else column
        about = {
            "hovertemplate": f"{said} %{{y:.4~g}}<extra></extra>",
            "mode": "lines+markers" if len(drawn["y"]) == 1 else "lines",
        }
        return [
            *found,
            styled(k, f"{panel.key} {column}", style, name, group, rank) | drawn | about,
        ]

    def _seeds(self, panel: Panel, k: int, wide: pd.DataFrame, style: Style) -> dict[str, Any]:
        """Every run's curve as one trace with gaps: a browser draws one much faster than five."""
        x: list[int | None] = []
        y: list[float | None] = []
        for run in wide:
            one = points(wide[run], self.stride)
            n = len(one["y"])
            start, step = one.get("x0", 0), one.get("dx", 1)
            x += [*one.get("x", range(start, start + n * step, step)), None]
            y += [*one["y"], None]
        trace = {"x": x[:-1], "y": y[:-1], "connectgaps": False, "hoverinfo": "skip"}
        uid = f"{panel.key} seeds {style['dash']}"
        return styled(k, uid, style, "each seed", "seed", 30) | trace

    def _stacked(self, panel: Panel, k: int) -> list[dict[str, Any]]:
        found = []
        for line, phase in zip(panel.lines, PHASES, strict=True):
            curve = mean_of_runs(self.table.wide(line.column, self.runs))
            if curve.empty:
                continue
            curve = smoothed(curve, self.look.smooth)
            style = {"color": _FILL[phase], "width": 0.6, "dash": "solid"}
            filled = {"stackgroup": "seconds", "fillcolor": _FILL[phase], "opacity": 0.7}
            said = {
                "hovertemplate": f"{'φ' if phase == 'phi' else phase} %{{y:.3~g}} s<extra></extra>"
            }
            trace = styled(k, f"{panel.key} {phase}", style, phase, phase, 50)
            found.append(trace | filled | said | points(curve, self.stride))
        return found


def styled(k: int, uid: str, style: Style, name: str, group: str, rank: int) -> dict[str, Any]:
    """What every trace has; its uid is the same at every update, so that hiding it lasts.

    Plotly looks for uids by CSS selectors, which letters, digits and hyphens are safe in.
    """
    suffix = suffix_of(k)
    return {
        "type": "scatter",
        "uid": re.sub("[^A-Za-z0-9]+", "-", uid),
        "mode": "lines",
        "xaxis": f"x{suffix}",
        "yaxis": f"y{suffix}",
        "line": style,
        "name": name,
        "legendgroup": group,
        "legendrank": rank,
        "showlegend": False,
    }


def _outline(k: int, key: str, x: list[int], y: list[float | None]) -> dict[str, Any]:
    suffix = suffix_of(k)
    return {
        "type": "scatter",
        "uid": f"{key}-band",
        "mode": "none",
        "x": x,
        "y": y,
        "fill": "toself",
        "fillcolor": "@band",
        "hoverinfo": "skip",
        "xaxis": f"x{suffix}",
        "yaxis": f"y{suffix}",
        "name": "± SE",
        "legendgroup": "band",
        "legendrank": 40,
        "showlegend": False,
    }
