"""The studies' charts and sentences, from frames made up here."""

import json
import math

import numpy as np
import pandas as pd
import pytest

from dashboard.charts.study_axis import lambda_axis, uniform_axis
from dashboard.charts.study_layout import narrow
from dashboard.charts.study_live import study_figure
from dashboard.charts.study_panels import panels_of
from dashboard.charts.study_paper import paper_figure, picture
from dashboard.charts.study_rows import Curve, Level, Row, as_gains, placed, seeds_of
from dashboard.charts.study_shapes import APART, curve_names, in_words, span
from dashboard.charts.theme import resolved
from engine.studies.named import FRACTIONS, LAMS
from engine.studies.summary import summarise

CURVES = (Curve("ips", "Bal-IPS", "ips"), Curve("dr", "Bal-DR", "dr"))
COLUMNS = (
    *(f"test_clean_{m}" for m in ("auc", "ndcg5", "ndcg10", "mse", "log_loss")),
    *("violation", "violation_uniform", "target_se", "ess", "true_loss"),
)
PANELS = panels_of("lambda", "ranking", True)


def frame(values=LAMS, seeds=3, series=("ips", "dr"), source="measured") -> pd.DataFrame:
    rows = []
    for key in series:
        for x in values:
            for seed in range(seeds):
                auc = 0.7 + 0.01 * seed + 0.002 * values.index(x)
                row = {"series": key, "label": key, "x": float(x), "seed": seed, "source": source}
                row |= dict.fromkeys(COLUMNS, auc) | {"violation": 0.05 - auc / 100}
                rows.append(row | {"violation_uniform": 0.06})
    return pd.DataFrame(rows)


def row(table: pd.DataFrame | None = None, axis=None, curves=CURVES, **more) -> Row:
    table = frame() if table is None else table
    axis = axis or lambda_axis(LAMS)
    return Row(
        title="<b>Simulated</b> data",
        note="",
        simulated=True,
        axis=axis,
        curves=curves,
        means=placed(summarise(table, COLUMNS), curves, axis),
        seeds=placed(seeds_of(table, COLUMNS), curves, axis),
        band=0.01,
        **more,
    )


def figure(*rows: Row, panels=PANELS) -> dict:
    return study_figure(rows, panels, "test_clean", revision="r")


def test_zero_has_a_tick_of_its_own_left_of_a_break() -> None:
    axis = lambda_axis(LAMS)
    assert axis.ticks[0] == (axis.position[0.0], "0")
    assert axis.position[0.0] < axis.broken_at < axis.position[2.0**-9] == -9
    assert axis.position[256.0] - axis.position[64.0] == 2
    assert [text for _, text in axis.ticks][-1] == "2⁸"
    low, high, _ = axis.shaded
    inside = [v for v, place in axis.position.items() if low < place < high]
    assert inside == [0.0, 2.0**-9, 2.0**-6, 2.0**-3, 1.0]  # the paper's grid


def test_a_grid_without_zero_does_not_break_and_few_ticks_keep_one() -> None:
    assert lambda_axis((1.0, 4.0)).broken_at is None
    thin = [text for _, text in lambda_axis(LAMS, 5).ticks]
    assert thin[0] == "0"
    assert "1" in thin
    assert len(thin) <= 6
    assert lambda_axis((0.0,)).position == {0.0: pytest.approx(-0.2, abs=5)}


def test_the_size_of_u_is_a_count_with_its_share_under_it() -> None:
    axis = uniform_axis(FRACTIONS, {0.01: 46, 0.1: 464})
    assert dict(axis.ticks)[0.01] == "46\n1 %"
    assert dict(axis.ticks)[0.02] == "2 %"
    assert axis.ticks[-1][1] == "464\n10 %"


def test_every_panel_has_means_with_whiskers_and_its_seeds() -> None:
    drawn = figure(row())
    bold = [t for t in drawn["data"] if t["mode"] == "lines+markers"]
    assert len(bold) == len(PANELS) * len(CURVES)
    assert all(len(t["y"]) == len(LAMS) and min(t["error_y"]["array"]) > 0 for t in bold)
    dots = [t for t in drawn["data"] if t["name"] == "each seed"]
    assert all(len(t["y"]) == 3 * len(LAMS) for t in dots)
    assert [t["name"] for t in drawn["data"] if t["showlegend"]] == ["Bal-IPS", "Bal-DR"]
    json.dumps(drawn, allow_nan=False)
    assert "@" not in json.dumps(resolved(drawn)).replace("NDCG@", "")


def test_a_growing_figure_keeps_its_axes_and_its_identity() -> None:
    empty, some = figure(row(frame().iloc[:0])), figure(row(frame().iloc[:4]))
    for layout in (empty["layout"], some["layout"]):
        assert layout["uirevision"] == "r"
        assert layout["xaxis"]["range"] == figure(row())["layout"]["xaxis"]["range"]
        assert layout["height"] == figure(row())["layout"]["height"]
    assert all(layout["matches"] == "x" for k, layout in empty["layout"].items() if k == "xaxis3")
    assert not any(t.get("error_y") for t in figure(row(frame(seeds=1)))["data"])


def test_eight_curves_of_many_values_stay_small_on_the_wire() -> None:
    names = tuple(f"m{k}" for k in range(8))
    values = (0.0, *(2.0**k for k in range(-9, 9)))
    curves = tuple(Curve(name, name, "ips") for name in names)
    axis = lambda_axis(values)
    wide = row(frame(values, 5, names), axis=axis, curves=curves)
    assert len(json.dumps(figure(wide))) < 250_000


def test_cells_computed_earlier_are_open_and_say_so() -> None:
    bold = [t for t in figure(row(frame(source="gallery")))["data"] if "lines+" in t["mode"]]
    assert all(symbol.endswith("-open") for t in bold for symbol in t["marker"]["symbol"])
    assert all("computed earlier" in text for text in bold[0]["text"])


def test_levels_marks_and_the_band_are_drawn_where_they_belong() -> None:
    axis = lambda_axis(LAMS)
    kinds = ("chosen", "best", "published")
    marks = pd.DataFrame(
        [("ips", "test_clean_auc", kind, x, 0.7) for kind, x in zip(kinds, LAMS, strict=False)],
        columns=["series", "metric", "kind", "x", "value"],
    )
    levels = (Level("auc", 0.71, "DR", "baseline"), Level("ndcg5", 0.3, "random", "chance"))
    drawn = figure(row(levels=levels, marks=placed(marks, CURVES, axis)))
    symbols = [t["marker"]["symbol"] for t in drawn["data"] if t["legendgroup"] in kinds]
    assert symbols == ["circle-open", "star", "diamond-open"]
    lines = [s for s in drawn["layout"]["shapes"] if s["type"] == "line"]
    assert [(s["yref"], s["y0"]) for s in lines] == [("y2", 0.71), ("y3", 0.3)]
    band = [t for t in drawn["data"] if t["name"] == "± SE of the target"]
    assert [(t["yaxis"], max(t["y"])) for t in band] == [("y", 0.01)]
    named = [t["name"] for t in drawn["data"] if t["showlegend"]]
    assert named[-2:] == ["strongest baseline", "random scorer"]
    empty = figure(row(frame().iloc[:0], levels=levels))
    assert not any(t["showlegend"] for t in empty["data"])  # nothing is drawn, nothing is named


def test_what_is_far_below_does_not_flatten_the_curves() -> None:
    near, far = Level("auc", 0.69, "DR", "baseline"), Level("auc", 0.2, "random", "chance")
    low, high = span(row(levels=(near, far)), "test_clean_auc")
    assert 0.6 < low < 0.69
    assert high < 0.85
    table = frame(series=("ips", "mf-uniform"))
    table.loc[table["series"] == "mf-uniform", "test_clean_mse"] = 5.0
    curves = (CURVES[0], Curve("mf-uniform", "MF (uniform)", "mf-uniform", False))
    assert span(row(table, curves=curves), "test_clean_mse")[1] < 1


def test_names_of_curves_never_touch() -> None:
    curves = tuple(Curve(f"m{k}", f"m{k}", "ips") for k in range(5))
    table = frame(series=[c.key for c in curves])
    names = curve_names(row(table, curves=curves), "test_clean_auc", 0, 160)
    low, high = span(row(table, curves=curves), "test_clean_auc")
    at = sorted(n["y"] * 160 / (high - low) + n["yshift"] for n in names)
    assert min(np.diff(at)) > APART - 1


def test_several_data_sets_have_a_row_each_and_a_phone_one_column() -> None:
    two = figure(row(), row())
    layout = two["layout"]
    assert [layout[f"yaxis{k}"]["domain"] for k in ("", 2)] == [layout["yaxis"]["domain"]] * 2
    assert layout["yaxis5"]["domain"][1] < layout["yaxis"]["domain"][0]
    entries = narrow(two, [1, 0, 0, 0] * 2)
    tops = [entries[f"yaxis{k or ''}.domain"][1] for k in ("", *range(2, 9))]
    assert tops == sorted(tops, reverse=True)
    assert all(entries[f"xaxis{k or ''}.domain"] == [0.0, 1.0] for k in ("", *range(2, 9)))


def test_ticks_in_two_lines_have_room_between_data_sets_and_below_the_last() -> None:
    shares = uniform_axis(FRACTIONS, dict.fromkeys(FRACTIONS, 40))
    one, two = figure(row(), row()), figure(*[row(frame(FRACTIONS), shares)] * 2)
    room = [f["layout"]["height"] - f["layout"]["margin"]["b"] for f in (one, two)]
    assert two["layout"]["margin"]["b"] > one["layout"]["margin"]["b"]
    assert room[1] > room[0]


def test_gains_are_paired_by_seed() -> None:
    gained = as_gains(frame(), ["test_clean_auc"], {"ips": ("ips", 0.0), "dr": ("dr", 0.0)})
    at = gained[(gained["series"] == "ips") & (gained["x"] == 256.0)]["test_clean_auc"]
    assert at.to_numpy() == pytest.approx(0.002 * 8)  # what seeds share is gone
    zero = gained[gained["x"] == 0.0]["test_clean_auc"]
    assert (zero == 0).all()
    other = as_gains(frame(), ["test_clean_auc"], {"dr": ("ips", None)})
    assert other["test_clean_auc"].to_numpy() == pytest.approx(0.0)
    assert set(other["series"]) == {"dr"}


def test_gains_over_what_is_not_there_yet_are_unknown() -> None:
    table = frame()
    table = table[~((table["x"] == 0) & (table["seed"] == 2))]
    gained = as_gains(table, ["test_clean_auc"], {"ips": ("ips", 0.0)})
    assert gained.loc[gained["seed"] == 2, "test_clean_auc"].isna().all()
    assert not math.isnan(gained.loc[gained["seed"] == 1, "test_clean_auc"].iloc[0])


def test_a_figure_in_words_names_ends_and_best() -> None:
    said = in_words(row(), list(PANELS), "test_clean")
    assert "AUC of Bal-IPS: 0.710 at 0, best 0.726 at 256, 0.726 at 256." in said
    assert "Constraint violation of Bal-DR" in said
    assert in_words(row(frame().iloc[:0]), list(PANELS), "test_clean").endswith("No result yet.")


@pytest.mark.parametrize(
    ("kind", "starts"), [("png", b"\x89PNG"), ("svg", b"<svg"), ("pdf", b"%PDF")]
)
def test_the_figure_for_a_paper_is_a_file_of_every_kind(kind: str, starts: bytes) -> None:
    chart = paper_figure([row(), row()], PANELS, "test_clean")
    content = picture(chart, kind)
    assert content.startswith(starts)
    assert len(content) > 5_000


def test_the_figure_for_a_paper_has_rows_of_data_sets_and_white_ground() -> None:
    level = (Level("auc", 0.71, "DR", "baseline"),)
    spec = paper_figure([row(levels=level), row(), row(frame().iloc[:0])], PANELS, "test_clean")
    told = spec.to_dict()
    assert [len(line["hconcat"]) for line in told["vconcat"]] == [4, 4]  # an empty row is left out
    assert told["config"]["background"] == "white"
    sizes = [told["config"]["axis"][name] for name in ("labelFontSize", "titleFontSize")]
    assert sizes == [8, 9]
    assert "strongest baseline" in json.dumps(told)
    text = picture(spec, "svg").decode()
    for word in ("Bal-IPS", "NDCG@10", "2⁸", "Simulated"):
        assert word in text
    assert paper_figure([row(frame().iloc[:0])], PANELS, "test_clean") is None
