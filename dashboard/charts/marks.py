"""Marks of moved λ: a line at its epoch on every panel of a live figure, whatever panels it has."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import pandas as pd

from dashboard.charts.theme import lam_label

SMALLEST = 0.5  # a mark before the first epoch, where a log axis has no 0
LABELS_APART = 0.16  # of the epochs drawn: names of marks closer than this would overlap


def with_marks(
    figure: dict[str, Any], moves: pd.DataFrame, runs: Sequence[str], last: int
) -> dict[str, Any]:
    """`figure` with a line at every move of λ on each panel, named on the first row of panels.

    Args:
        moves: as `api.interventions` gives them. runs: the launch's, one a seed.
        last: the last epoch drawn.
    """
    marks = marks_of(moves, runs)
    if not marks:
        return figure
    layout = dict(figure["layout"])
    suffixes = [name.removeprefix("yaxis") for name in layout if name.startswith("yaxis")]
    lines = [_line(max(x, SMALLEST), suffix) for x, _ in marks for suffix in suffixes]
    logged = any(layout.get(f"xaxis{suffix}", {}).get("type") == "log" for suffix in suffixes)
    top = max(layout[f"yaxis{suffix}"]["domain"][1] for suffix in suffixes)
    first = [s for s in suffixes if layout[f"yaxis{s}"]["domain"][1] == top]
    named = [
        # On a log axis an annotation, unlike a shape, stands at the logarithm.
        _name(math.log10(max(x, SMALLEST)) if logged else x, said, suffix)
        for x, said in _apart(marks, max(last, 1))
        for suffix in first
    ]
    layout["shapes"] = [*layout.get("shapes", []), *lines]
    layout["annotations"] = [*layout.get("annotations", []), *named]
    return {**figure, "layout": layout}


def marks_of(moves: pd.DataFrame, runs: Sequence[str]) -> list[tuple[float, str]]:
    """Where on the epoch axis λ was moved, and to what: one mark a place.

    A mark stands at the last epoch that λ did not act on, or half an epoch on, where it was moved
    within one.
    """
    every = list(dict.fromkeys(runs))
    marks = []
    for place, at in moves.groupby(["epoch", "block", "half"], sort=True):
        new = dict(zip(at["run"], at["new"], strict=True))
        said = "λ " + ", ".join(dict.fromkeys(lam_label(lam) for lam in new.values()))
        if len(every) > 1 and not set(every) <= set(new):
            some = ", ".join(str(every.index(run)) for run in new if run in every)
            said += f" (seed {some})"
        marks.append((place[0] + (0.5 if any(place[1:]) else 0.0), said))
    return marks


def in_words(moves: pd.DataFrame, runs: Sequence[str]) -> str:
    """The marks' text alternative, "" without any."""
    said = "; ".join(f"{said} after epoch {int(x)}" for x, said in marks_of(moves, runs))
    return f" Moved by hand: {said}." if said else ""


def _apart(marks: list[tuple[float, str]], last: int) -> list[tuple[float, str]]:
    """Marks whose names have room, the later of two that are close."""
    kept: list[tuple[float, str]] = []
    for x, said in reversed(marks):
        if not kept or kept[-1][0] - x > LABELS_APART * last:
            kept.append((x, said))
    return kept


def _line(x: float, suffix: str) -> dict[str, Any]:
    return {
        "type": "line",
        "xref": f"x{suffix}",
        "yref": f"y{suffix} domain",
        "x0": x,
        "x1": x,
        "y0": 0,
        "y1": 1,
        "line": {"color": "@band_text", "width": 1.2, "dash": "dot"},
        "name": "lam moved",
    }


def _name(x: float, said: str, suffix: str) -> dict[str, Any]:
    return {
        "text": said,
        "xref": f"x{suffix}",
        "yref": f"y{suffix} domain",
        "x": x,
        "y": 0,
        "xanchor": "left",
        "yanchor": "bottom",
        "xshift": 2,
        "showarrow": False,
        "font": {"size": 11, "color": "@band_text"},
    }
