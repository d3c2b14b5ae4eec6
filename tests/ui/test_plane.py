"""The phase plane as data: what is drawn, what is read off it."""

import json

import numpy as np
import pandas as pd
import plotly.graph_objects as go
import pytest

from dashboard.charts.plane import Plane, in_words, phase_plane, smooth_frontier
from dashboard.charts.plane_paper import paper_plane, table
from dashboard.charts.theme import resolved
from dashboard.inspecting.takeaway import picture

LAM = np.concatenate([[0.0], 2.0 ** np.arange(-3, 9)])


def frontier() -> pd.DataFrame:
    """A made-up one: H = 1 - 0.01 (1 - v / 0.05)^2."""
    violation = 0.05 / (1 + LAM)
    entropy = 1 - 0.01 * (1 - violation / 0.05) ** 2
    return pd.DataFrame({"lam": LAM, "entropy": entropy, "violation": violation})


def path(last: tuple[float, float] = (0.01, 1 - 0.01 * 0.8**2)) -> pd.DataFrame:
    """Three epochs; the last stands at (violation, entropy)."""
    return pd.DataFrame(
        {"epoch": [1, 2, 3], "violation": [0.05, 0.03, last[0]], "entropy": [1.0, 0.99, last[1]]}
    )


def plane(**changes: object) -> Plane:
    given = {"path": path(), "frontier": frontier(), "epoch": 3, "lam": 4.0, "se": 0.013}
    return Plane(**(given | {"name": "r"} | changes))


def traces(figure: dict) -> dict[str, dict]:
    return {t["uid"]: t for t in figure["data"] if "uid" in t}


def test_the_figure_has_a_path_by_epoch_a_frontier_one_dot_and_the_exact_weights() -> None:
    figure = phase_plane(plane(), "r")
    drawn = traces(figure)
    assert set(drawn) == {"after", "line", "path", "frontier", "now", "exact"}
    assert drawn["path"]["marker"]["color"] == [1, 2, 3]
    assert drawn["frontier"]["line"] == {"color": "@exact", "width": 1.8, "dash": "dash"}
    assert (drawn["now"]["x"], drawn["now"]["y"]) == ([0.01], [pytest.approx(0.9936)])
    assert drawn["exact"]["x"][0] == pytest.approx(0.05 / 5, rel=1e-3)
    assert figure["layout"]["shapes"][0]["x1"] == 0.013
    for dark in (False, True):
        go.Figure(resolved(figure, dark))
    json.dumps(figure, allow_nan=False)


def test_the_curve_between_the_frontiers_points_is_the_frontier() -> None:
    violation, entropy = smooth_frontier(frontier())
    true = 1 - 0.01 * (1 - violation / 0.05) ** 2
    assert np.abs(entropy - true).max() < 4e-5
    assert (np.diff(entropy) > 0).all()


def test_the_gap_says_how_far_below_the_frontier_a_run_stands() -> None:
    assert plane().gap() == pytest.approx(0.0, abs=5e-5)
    assert "on the frontier" in in_words(plane())
    low = plane(path=path((0.01, 0.985)))
    assert low.gap() == pytest.approx(0.0086, abs=5e-5)
    assert "0.0086 below the frontier" in in_words(low)
    beyond = plane(path=path((0.08, 0.98)))  # more violation than uniform weights have
    assert beyond.gap() == pytest.approx(0.02)


def test_an_earlier_epoch_leaves_the_later_path_grey() -> None:
    drawn = traces(phase_plane(plane(epoch=2)))
    assert drawn["path"]["marker"]["color"] == [1, 2]
    assert len(drawn["after"]["x"]) == 2
    assert drawn["now"]["x"] == [0.03]


def test_what_there_is_not_is_not_drawn() -> None:
    empty = phase_plane(None, note="press Start")
    assert empty["data"] == []
    assert not empty["layout"]["xaxis"]["showticklabels"]
    assert in_words(None) == "Nothing is drawn yet."
    alone = plane(frontier=None)
    assert set(traces(phase_plane(alone))) == {"after", "line", "path", "now"}
    assert in_words(alone) == "Epoch 3: violation 0.0100, entropy 0.9936."
    assert "exact" not in traces(phase_plane(plane(penalised=False)))
    assert "exact" not in traces(phase_plane(plane(lam=0.0)))
    one = frontier().iloc[:1]
    assert "frontier" not in traces(phase_plane(plane(frontier=one)))


def test_the_table_has_every_epoch_and_every_point_of_the_frontier() -> None:
    frame = table(plane(epoch=2))
    assert list(frame["what"]) == ["run"] * 3 + ["frontier"] * len(LAM)
    assert list(frame["epoch"]) == [1, 2, 3, *[2] * len(LAM)]
    assert frame["lam"].isna().sum() == 3
    assert list(table(plane(frontier=None))["violation"]) == [0.05, 0.03, 0.01]
    assert table(None).empty


@pytest.mark.parametrize(("kind", "starts"), [("png", b"\x89PNG"), ("svg", b"<svg")])
def test_the_picture_to_take_away_says_what_the_page_says(kind: str, starts: bytes) -> None:
    chart = paper_plane(plane())
    assert chart.to_dict()["description"] == in_words(plane())
    content = picture(chart, kind)
    assert content.startswith(starts)
    assert len(content) > 5_000
    picture(paper_plane(plane(frontier=None, se=0.0)), "svg")


def test_the_picture_of_a_long_run_can_be_drawn() -> None:
    n = 7000
    long = pd.DataFrame({"epoch": np.arange(1, n + 1), "violation": 0.01, "entropy": 0.99})
    assert picture(paper_plane(plane(path=long, epoch=n)), "svg")


def test_a_long_path_stays_small() -> None:
    n = 5000
    long = pd.DataFrame(
        {
            "epoch": np.arange(1, n + 1),
            "violation": np.linspace(0.05, 0.01, n),
            "entropy": np.linspace(1, 0.99, n),
        }
    )
    assert len(json.dumps(phase_plane(plane(path=long, epoch=n)))) < 30_000
