"""Where a study's panels stand: a row a data set; two by two for one; one column on a phone."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from dashboard.charts.panel_layout import suffix_of
from dashboard.charts.study_axis import Axis
from dashboard.charts.theme import heading

TOP = 62  # for the first row's titles
BOTTOM, LINE = 80, 15  # for ticks, axis title and legend; for the second line of ticks
BETWEEN, TITLE = 58, 24  # between rows of panels: their titles; a data set's own title
LEFT, RIGHT = 46, 104  # RIGHT holds the names of the curves
GUTTER = 50  # pixels between columns, at the width of a desk
WIDTH = 920
NARROW_PANEL = 210


@dataclass(frozen=True)
class Grid:
    """rows: data sets. across: panels beside one another. lines: of panels within a data set.

    more: pixels that ticks in two lines take beside those in one.
    """

    rows: int
    across: int
    lines: int
    more: int = 0

    @property
    def height(self) -> int:
        """Of the whole figure, in pixels."""
        panels = self.n_lines * self.high + (self.n_lines - 1) * BETWEEN
        return TOP + panels + self._titles + self.bottom

    @property
    def high(self) -> int:
        """Of one panel, in pixels."""
        return 158 if self.n_lines > 1 else 330

    @property
    def n_lines(self) -> int:
        """Lines of panels in the figure."""
        return self.rows * self.lines

    @property
    def bottom(self) -> int:
        """Pixels under the last panel."""
        return BOTTOM + self.more

    @property
    def _titles(self) -> int:
        return (self.rows - 1) * (TITLE + self.more)

    def place(self, row: int, panel: int) -> tuple[int, int]:
        """Line of panels, and column, both from 0."""
        return row * self.lines + panel // self.across, panel % self.across

    def domains(self, row: int, panel: int) -> tuple[list[float], list[float]]:
        """The panel's part of the figure's width and height."""
        line, column = self.place(row, panel)
        inner = self.height - TOP - self.bottom
        top = inner - line * (self.high + BETWEEN) - row * (TITLE + self.more)
        gap = GUTTER / (WIDTH - LEFT - RIGHT)
        wide = (1 - gap * (self.across - 1)) / self.across
        left = column * (wide + gap)
        return (
            [round(left, 4), round(min(1.0, left + wide), 4)],
            [round(max(0.0, top - self.high) / inner, 4), round(top / inner, 4)],
        )


def grid_of(axes: Sequence[Axis], panels: int) -> Grid:
    """One data set's panels stand two by two, several data sets' in a row each."""
    rows = len(axes)
    across = 2 if rows == 1 and panels == 4 else panels
    more = LINE * any(two_lines(axis) for axis in axes)
    return Grid(rows, across, -(-panels // across), more)


def two_lines(axis: Axis) -> bool:
    """Whether its ticks stand in two lines."""
    return any("\n" in text for _, text in axis.ticks)


def base(grid: Grid, revision: str) -> dict[str, Any]:
    """What holds for the whole figure; zoom and hidden curves belong to `revision`."""
    return {
        "height": grid.height,
        "uirevision": revision,
        "paper_bgcolor": "rgba(0,0,0,0)",
        "plot_bgcolor": "rgba(0,0,0,0)",
        "font": {"size": 12, "color": "@text"},
        "margin": {"l": LEFT, "r": RIGHT, "t": TOP, "b": grid.bottom, "pad": 0},
        "hovermode": "closest",
        "hoverlabel": {"bgcolor": "@panel", "bordercolor": "@axis", "font": {"color": "@text"}},
        "legend": {
            "orientation": "h",
            "x": 0,
            "xref": "container",
            "xanchor": "left",
            "y": 0,
            "yref": "container",
            "yanchor": "bottom",
            "font": {"size": 11.5, "color": "@muted"},
            "bgcolor": "rgba(0,0,0,0)",
        },
        "modebar": {"bgcolor": "rgba(0,0,0,0)", "color": "@axis", "activecolor": "@muted"},
        "annotations": [],
        "shapes": [],
    }


def add_axes(
    layout: dict[str, Any], k: int, grid: Grid, row: int, panel: int, axis: Axis, signed: bool
) -> None:
    """Give panel number k its axes; all axes of values zoom together."""
    suffix = suffix_of(k)
    wide, high = grid.domains(row, panel)
    line, _ = grid.place(row, panel)
    last = line == grid.n_lines - 1
    own_ticks = last or (row < grid.rows - 1 and two_lines(axis))
    common = {
        "zeroline": False,
        "linecolor": "@axis",
        "tickfont": {"size": 11, "color": "@muted"},
        "automargin": False,
    }
    layout[f"xaxis{suffix}"] = {
        **common,
        "domain": wide,
        "anchor": f"y{suffix}",
        "showgrid": False,
        "showline": True,
        "ticks": "outside",
        "ticklen": 3,
        "tickcolor": "@axis",
        "tickvals": [round(place, 4) for place, _ in axis.ticks],
        "ticktext": [text.replace("\n", "<br>") for _, text in axis.ticks],
        "tickangle": 0,
        "showticklabels": own_ticks,
        "range": [round(end, 4) for end in axis.ends],
        **({"matches": "x"} if k else {}),
    }
    layout[f"yaxis{suffix}"] = {
        **common,
        "domain": high,
        "anchor": f"x{suffix}",
        "gridcolor": "@grid",
        "nticks": 6,
        "tickformat": ".3~g",
        **({"zeroline": True, "zerolinecolor": "@axis"} if signed else {}),
    }


def titles(
    layout: dict[str, Any], k: int, first: bool, row_title: str, title: str, note: str
) -> None:
    """A panel's title, and above the first panel of a row the data set's."""
    suffix = suffix_of(k)
    layout["annotations"].append(heading(title, note, f"x{suffix} domain", f"y{suffix} domain"))
    if first:
        layout["annotations"].append(
            {
                "text": row_title,
                "xref": f"x{suffix} domain",
                "yref": f"y{suffix} domain",
                "x": 0,
                "y": 1,
                "xanchor": "left",
                "yanchor": "bottom",
                "yshift": 40,
                "align": "left",
                "showarrow": False,
                "font": {"size": 12.5, "color": "@text"},
            }
        )


def axis_title(layout: dict[str, Any], text: str) -> None:
    """One title for all axes of values."""
    two = any("<br>" in t for t in layout["xaxis"]["ticktext"])
    layout["annotations"].append(
        {
            "text": text,
            "xref": "paper",
            "yref": "paper",
            "x": 0.5,
            "y": 0,
            "yshift": -36 if two else -22,
            "xanchor": "center",
            "yanchor": "top",
            "showarrow": False,
            "font": {"size": 11.5, "color": "@muted"},
        }
    )


def narrow(figure: dict[str, Any], panels: Sequence[int]) -> dict[str, Any]:
    """Layout entries for a phone: every panel under the one before, names in the legend only.

    Args:
        panels: for each panel, 1 where it is the first of its data set, else 0.
    """
    n = len(panels)
    bottom = 170
    height = TOP + bottom + n * NARROW_PANEL
    inner = height - TOP - bottom
    entries: dict[str, Any] = {"height": height, "margin.b": bottom, "margin.r": 12}
    for k in range(n):
        suffix = suffix_of(k)
        top = 1 - k * NARROW_PANEL / inner
        gap = 84 / inner
        entries[f"xaxis{suffix}.domain"] = [0.0, 1.0]
        entries[f"xaxis{suffix}.showticklabels"] = True
        entries[f"yaxis{suffix}.domain"] = [
            max(0.0, top - (NARROW_PANEL / inner - (gap if k < n - 1 else 0))),
            top,
        ]
    for k, note in enumerate(figure["layout"]["annotations"]):
        if note.get("name") == "curve":
            entries[f"annotations.{k}.visible"] = False
    return entries
