"""Charts are checked as data: what is drawn, in which role, and that Plotly accepts it."""

import itertools
import json
import re

import numpy as np
import pandas as pd
import plotly.graph_objects as go
import pytest

from dashboard.charts.curves import MAX_POINTS, mean_of_runs, pivot, points, stride_for
from dashboard.charts.live import in_words, live_panels
from dashboard.charts.looks import Look
from dashboard.charts.panel_layout import HEIGHT, narrow_layout
from dashboard.charts.panels import FIRST, MORE, OPTIONAL, offered
from dashboard.charts.theme import PALETTE, decimals_for, lam_label, number, resolved
from dashboard.charts.weights import decile_map, histogram_in_words, weights_histogram
from engine.events import EPOCH_COLUMNS, HISTOGRAM_EDGES

RUNS, TWINS = ["a", "b"], ["at", "bt"]


def epochs(last: int = 5, short: str | None = None) -> pd.DataFrame:
    rows = []
    for run in RUNS + TWINS:
        for epoch in range(1, (last if run != short else last - 2) + 1):
            row = dict.fromkeys(EPOCH_COLUMNS, 0.1 * epoch) | {"run": run, "epoch": epoch}
            if run in TWINS:
                row |= {"violation": np.nan, "entropy": np.nan, "ess": np.nan}
            row |= dict.fromkeys(OPTIONAL, np.nan)
            rows.append(row)
    return pd.DataFrame(rows)


def drawn(figure: dict) -> list[dict]:
    return [t for t in figure["data"] if len(t["y"]) and t["legendgroup"] != "frame"]


def test_every_figure_is_one_that_plotly_accepts() -> None:
    counts = np.ones(len(HISTOGRAM_EDGES) + 1, dtype=np.int32)
    figures = [
        live_panels(epochs(), RUNS, TWINS, simulated=True, revision="L"),
        live_panels(epochs().iloc[:0], [], []),
        weights_histogram(counts, HISTOGRAM_EDGES),
        weights_histogram(None, HISTOGRAM_EDGES),
        decile_map(np.zeros((12, 12))),
        decile_map(None),
    ]
    for figure in figures:
        for dark in (False, True):
            assert len(go.Figure(resolved(figure, dark)).data) == len(figure["data"])
        json.dumps(figure, allow_nan=False)


def test_seeds_are_thin_their_mean_bold_and_the_twin_a_dashed_ghost() -> None:
    traces = drawn(live_panels(epochs(), RUNS, TWINS, revision="L"))
    auc = [t for t in traces if t["yaxis"] == "y4"]
    by_group = {t["legendgroup"]: t for t in auc}
    assert set(by_group) == {"mean", "seed", "twin"}
    assert by_group["mean"]["line"]["width"] > 2 > by_group["seed"]["line"]["width"]
    assert by_group["mean"]["line"]["color"] == "@balanced"
    assert by_group["twin"]["line"]["dash"] == "dash"
    assert by_group["twin"]["line"]["color"] == "@base"
    assert None in by_group["seed"]["y"]  # one trace for all seeds, with gaps


def test_violation_has_uniform_weights_beside_it_and_a_band_of_the_targets_error() -> None:
    frame = epochs()
    frame["target_se"] = 0.013
    traces = [t for t in drawn(live_panels(frame, RUNS, TWINS)) if t["yaxis"] == "y2"]
    groups = {t["legendgroup"] for t in traces}
    assert {"mean", "uniform", "band"} <= groups
    band = next(t for t in traces if t["legendgroup"] == "band")
    assert sorted(set(band["y"])) == [-0.013, 0.013]


def test_each_legend_entry_appears_once() -> None:
    traces = live_panels(epochs(), RUNS, TWINS, simulated=True)["data"]
    shown = [t["legendgroup"] for t in traces if t["showlegend"]]
    assert len(shown) == len(set(shown))
    assert "frame" not in shown


def test_a_single_run_has_no_seeds_and_a_base_method_no_balanced_colour() -> None:
    one = drawn(live_panels(epochs(), RUNS[:1], [], balanced=False))
    assert all(t["legendgroup"] != "seed" for t in one)
    assert all("balanced" not in str(t["line"]["color"]) for t in one if "line" in t)


def test_a_base_method_alone_has_a_frame_for_weights_and_no_made_up_numbers() -> None:
    layout = live_panels(epochs(), RUNS, balanced=False)["layout"]
    assert not layout["yaxis"]["showticklabels"]
    assert layout["yaxis2"].get("showticklabels", True)
    assert "every weight is 1" in layout["annotations"][0]["text"]


def test_a_second_moment_is_drawn_only_when_it_is_balanced() -> None:
    without = drawn(live_panels(epochs(), RUNS, TWINS))
    frame = epochs()
    frame["violation_r"] = 0.2
    with_r = drawn(live_panels(frame, RUNS, TWINS))
    dashed = [t for t in with_r if t.get("line", {}).get("dash") == "dashdot"]
    assert dashed
    assert not [t for t in without if t.get("line", {}).get("dash") == "dashdot"]


def of_group(figure: dict, group: str) -> list[dict]:
    return [t for t in drawn(figure) if t["legendgroup"] == group]


def labels(figure: dict) -> dict[str, dict]:
    return {a["text"]: a for a in figure["layout"]["annotations"] if a["xref"][0] == "x"}


def test_weights_on_all_pairs_are_thin_curves_beside_those_on_rated_ones() -> None:
    frame = epochs()
    frame["entropy_all"], frame["ess_all"] = 0.99, 0.98
    figure = live_panels(frame, RUNS, TWINS)
    entropy, ess = of_group(figure, "all")
    assert {entropy["yaxis"], ess["yaxis"]} == {"y"}
    assert (entropy["y"][-1], ess["y"][-1]) == (0.99, 0.98)
    assert (entropy["line"]["dash"], ess["line"]["dash"]) == ("solid", "dot")
    assert entropy["line"]["width"] < 1.5
    assert entropy["line"]["color"] != "@balanced_thin"  # not to be taken for a seed
    label = labels(figure)["w₁"]
    assert (label["xref"], label["x"], label["y"]) == ("x", 5, 0.99)
    assert "w₁" in " ".join(a["text"] for a in figure["layout"]["annotations"])
    assert "of the weights on all pairs 0.980" in in_words(frame, RUNS, TWINS)


def test_the_in_sample_violation_is_a_dotted_curve_that_says_its_name() -> None:
    frame = epochs()
    frame["violation_in_sample"] = -0.02
    figure = live_panels(frame, RUNS, TWINS)
    (inside,) = of_group(figure, "in_sample")
    assert (inside["yaxis"], inside["line"]["dash"], inside["y"][-1]) == ("y2", "dot", -0.02)
    label = labels(figure)["in-sample"]
    assert (label["yref"], label["y"], label["yanchor"]) == ("y2", -0.02, "top")
    assert labels(live_panels(frame.assign(violation=-0.5), RUNS))["in-sample"]["yanchor"] == (
        "bottom"
    )
    assert "violation in-sample −0.020".replace("−", "-") in in_words(frame, RUNS, TWINS)


def test_curves_that_name_themselves_are_not_in_the_legend() -> None:
    frame = epochs()
    frame[list(OPTIONAL)] = 0.5
    frame["entropy_all"] = 0.5
    traces = live_panels(frame, RUNS, TWINS, simulated=True)["data"]
    shown = {t["legendgroup"] for t in traces if t["showlegend"]}
    assert shown == {"mean", "seed", "twin", "uniform", "band"}


def test_what_a_run_does_not_have_changes_nothing() -> None:
    plain = epochs().drop(columns=list(OPTIONAL))
    assert live_panels(epochs(), RUNS, TWINS) == live_panels(plain, RUNS, TWINS)
    alone = epochs().assign(ess_all=0.5, entropy_all=0.5, violation_in_sample=0.1)
    assert not of_group(live_panels(alone, RUNS, balanced=False), "all")
    assert not of_group(live_panels(alone, RUNS, balanced=False), "in_sample")


def test_a_seed_that_ended_counts_with_its_last_value() -> None:
    """By hand: a goes on 0.4, 0.5 while b stays at its 0.3 of epoch 3; the legend says so."""
    frame = epochs(5, short="b")
    mean = mean_of_runs(pivot(frame, "validation_auc", RUNS))
    assert list(mean.index) == [1, 2, 3, 4, 5]
    assert mean.loc[4] == pytest.approx((0.4 + 0.3) / 2)
    assert mean.loc[5] == pytest.approx((0.5 + 0.3) / 2)
    names = {t["name"] for t in live_panels(frame, RUNS, TWINS)["data"]}
    assert "mean, ended seeds held" in names
    assert "mean" in {t["name"] for t in live_panels(epochs(5), RUNS, TWINS)["data"]}


def titles(figure: dict) -> list[str]:
    return [
        re.sub("<[^>]*>", "", a["text"].split("<br>")[0])
        for a in figure["layout"]["annotations"]
        if "domain" in a["xref"]
    ]


def of_axis(figure: dict, title: str) -> list[dict]:
    """The traces of the panel of that title."""
    k = titles(figure).index(title)
    return [t for t in drawn(figure) if t["yaxis"] == f"y{'' if k == 0 else k + 1}"]


def test_any_panels_can_be_chosen_and_take_the_room_they_need() -> None:
    every = live_panels(epochs(), RUNS, TWINS, simulated=True, look=Look((*FIRST, *MORE)))
    assert len(titles(every)) == len(FIRST) + len(MORE)
    assert every["layout"]["height"] > HEIGHT
    assert every["layout"]["xaxis13"]["showticklabels"]
    assert every["layout"]["xaxis12"]["showticklabels"]
    assert not every["layout"]["xaxis11"]["showticklabels"]
    two = live_panels(epochs(), RUNS, TWINS, look=Look(("auc", "sides")))
    assert titles(two) == ["Validation AUC", "Both sides of the constraint"]
    assert two["layout"]["height"] == HEIGHT
    low, high = two["layout"]["yaxis"]["domain"]
    assert high - low == 1.0
    for figure in (every, two):
        go.Figure(resolved(figure))
    assert "oracle" not in offered(True, False)
    assert not {"ess", "exact"} & set(offered(False, True))


def test_both_sides_add_up_and_the_targets_band_follows_it() -> None:
    frame = epochs()
    frame["target"], frame["target_se"], frame["violation"] = 0.15, 0.01, 0.02
    frame["violation_uniform"] = 0.05
    traces = of_axis(live_panels(frame, RUNS, TWINS, look=Look(("sides",))), titles_sides())
    by_group = {t["legendgroup"]: t for t in traces}
    assert by_group["mean"]["y"][-1] == pytest.approx(0.17)
    assert by_group["uniform"]["y"][-1] == pytest.approx(0.20)
    assert by_group["target"]["y"][-1] == pytest.approx(0.15)
    assert sorted(set(by_group["band"]["y"])) == pytest.approx([0.14, 0.16])


def titles_sides() -> str:
    return "Both sides of the constraint"


def test_a_log_axis_shows_the_size_of_a_violation_and_leaves_metrics_alone() -> None:
    frame = epochs()
    frame["violation"], frame["target_se"] = -0.02, 0.01
    figure = live_panels(frame, RUNS, TWINS, look=Look(log_epochs=True, log_values=True))
    layout = figure["layout"]
    assert {layout[f"xaxis{k}"]["type"] for k in ("", 2, 3, 4, 5, 6)} == {"log"}
    assert layout["yaxis2"]["type"] == layout["yaxis3"]["type"] == "log"
    assert "type" not in layout["yaxis4"]
    mean = next(t for t in of_axis(figure, "Constraint violation") if t["legendgroup"] == "mean")
    assert mean["y"][-1] == 0.02
    band = next(t for t in of_axis(figure, "Constraint violation") if t["legendgroup"] == "band")
    assert min(band["y"]) > 0
    assert (
        layout["xaxis"]["uirevision"] != live_panels(frame, RUNS)["layout"]["xaxis"]["uirevision"]
    )


def test_labels_on_log_axes_stand_at_the_logarithm() -> None:
    frame = epochs(10)
    frame["violation_in_sample"] = -0.01
    figure = live_panels(frame, RUNS, look=Look(log_epochs=True, log_values=True))
    label = labels(figure)["in-sample"]
    assert (label["x"], label["y"]) == pytest.approx((1.0, -2.0))


def test_smoothing_keeps_the_raw_line_thin_beneath() -> None:
    frame = epochs(4)
    figure = live_panels(frame, RUNS, TWINS, look=Look(("auc",), smooth=0.5))
    by_group: dict[str, list[dict]] = {}
    for trace in drawn(figure):
        by_group.setdefault(trace["legendgroup"], []).append(trace)
    raw = [t for t in by_group["raw"] if t["line"]["color"] == "@balanced"]
    assert raw[0]["y"] == pytest.approx([0.1, 0.2, 0.3, 0.4])
    # weights 1/8, 1/4, 1/2, 1 over their sum 15/8: (.0125 + .05 + .15 + .4) / 1.875
    assert by_group["mean"][0]["y"][-1] == pytest.approx(0.3267, abs=1e-4)
    assert raw[0]["line"]["width"] < 1 < by_group["mean"][0]["line"]["width"]
    order = [t["legendgroup"] for t in drawn(figure)]
    assert order.index("raw") < order.index("mean")


def test_seconds_add_up_from_phase_to_phase() -> None:
    frame = epochs()
    figure = live_panels(frame, RUNS, look=Look(("seconds",)))
    traces = of_axis(figure, "Seconds an epoch")
    assert [t["name"] for t in traces] == ["phi", "weights", "prediction", "evaluation"]
    assert {t["stackgroup"] for t in traces} == {"seconds"}


def test_every_trace_has_an_identity_of_its_own_that_lasts() -> None:
    look = Look((*FIRST, *MORE), smooth=0.9)
    first = live_panels(epochs(3), RUNS, TWINS, simulated=True, look=look)["data"]
    later = live_panels(epochs(9), RUNS, TWINS, simulated=True, look=look)["data"]
    assert len({t["uid"] for t in first}) == len(first)
    assert all(re.fullmatch("[A-Za-z][A-Za-z0-9_-]*", t["uid"]) for t in first)
    assert [t["uid"] for t in first] == [t["uid"] for t in later]
    few = live_panels(epochs(3), RUNS, TWINS, simulated=True)["data"]
    assert {t["uid"] for t in few} <= {t["uid"] for t in first}


def test_eight_long_curves_stay_small_whatever_is_asked_for() -> None:
    """Eight runs of 2,000 epochs, their twins, every panel: under 300 kB."""
    runs = [f"r{k}" for k in range(8)]
    rng = np.random.default_rng(0)
    long = pd.concat(
        [
            pd.DataFrame(rng.normal(0.3, 0.1, (2000, len(EPOCH_COLUMNS))), columns=EPOCH_COLUMNS)
            .assign(run=run, epoch=np.arange(1, 2001))
            for run in (*runs, *(f"{r}t" for r in runs))
        ]
    )  # fmt: skip
    for keys in (FIRST, (*FIRST, *MORE)):
        figure = live_panels(
            long, runs, [f"{r}t" for r in runs], simulated=True, look=Look(keys, smooth=0.6)
        )
        assert len(json.dumps(figure)) < 300_000
        assert "epoch in" in " ".join(a["text"] for a in figure["layout"]["annotations"])


def test_the_zoom_belongs_to_the_launch() -> None:
    first = live_panels(epochs(3), RUNS, TWINS, revision="L1")["layout"]["uirevision"]
    later = live_panels(epochs(9), RUNS, TWINS, revision="L1")["layout"]["uirevision"]
    assert first == later == "L1"


def test_long_curves_are_thinned_and_say_so() -> None:
    figure = live_panels(epochs(3 * MAX_POINTS), ["a"], [])
    said = " ".join(a["text"] for a in figure["layout"]["annotations"])
    assert "one epoch in 3" in said
    assert max(len(t["y"]) for t in figure["data"]) <= MAX_POINTS + 1
    assert stride_for(MAX_POINTS) == 1


def test_points_travel_in_few_bytes_and_keep_the_last() -> None:
    curve = pd.Series([0.123456789, 0.2, 0.3, 0.4], index=[1, 2, 3, 4])
    assert points(curve) == {"x0": 1, "dx": 1, "y": [0.1235, 0.2, 0.3, 0.4]}
    assert points(curve, 2) == {"x": [1, 3, 4], "y": [0.1235, 0.3, 0.4]}
    assert points(curve.iloc[:0]) == {"x": [], "y": []}


def test_a_refresh_of_a_long_launch_stays_small() -> None:
    figure = live_panels(epochs(200), RUNS, TWINS, simulated=True)
    assert len(json.dumps(figure)) < 120_000


def test_histogram_shares_add_up_and_weights_beyond_the_ends_are_told() -> None:
    counts = np.zeros(len(HISTOGRAM_EDGES) + 1, dtype=np.int32)
    counts[0], counts[25], counts[-1] = 1, 98, 1
    figure = weights_histogram(counts, HISTOGRAM_EDGES)
    assert sum(figure["data"][0]["y"]) == pytest.approx(100)
    assert "2.0 % beyond" in figure["layout"]["xaxis"]["title"]["text"]
    assert histogram_in_words(counts, HISTOGRAM_EDGES).startswith("98 percent")


def test_map_scale_is_fixed_whatever_the_weights() -> None:
    heat = decile_map(np.full((12, 12), 0.01))["data"][0]
    assert (heat["zmin"], heat["zmax"]) == (-1, 1)
    empty = np.full((12, 12), np.nan)
    assert decile_map(empty)["data"][0]["z"][0][0] is None


def test_a_phone_gets_the_panels_one_under_another() -> None:
    n = len(FIRST)
    entries = narrow_layout(n)
    domains = [entries[f"yaxis{'' if k == 0 else k + 1}.domain"] for k in range(n)]
    for above, below in itertools.pairwise(domains):
        assert above[0] > below[1]
    assert all(0 <= low < high <= 1 for low, high in domains)


def test_text_alternative_tells_the_last_means() -> None:
    assert "Epoch 5" in in_words(epochs(), RUNS, TWINS)
    assert "validation AUC 0.500 (twin 0.500)" in in_words(epochs(), RUNS, TWINS)
    assert in_words(epochs().iloc[:0], []) == "No epoch is trained yet."


@pytest.mark.parametrize("dark", [False, True])
def test_no_palette_name_is_left_in_a_resolved_figure(dark: bool) -> None:
    figure = live_panels(epochs(), RUNS, TWINS, simulated=True)
    text = json.dumps(resolved(figure, dark)).replace("NDCG@5", "")
    assert "@" not in text
    assert {len(pair) for pair in PALETTE.values()} == {2}


@pytest.mark.parametrize(
    ("lam", "said"), [(0, "0"), (2**-6, "2⁻⁶"), (1, "1"), (8, "2³"), (0.3, "0.3"), (256, "2⁸")]
)
def test_lam_in_print(lam: float, said: str) -> None:
    assert lam_label(lam) == said


def test_numbers_in_print() -> None:
    assert number(-0.0001, 3) == "0.000"
    assert number(-0.02, 2) == "−0.02"
    assert number(0.02, 2, signed=True) == "+0.02"
    assert [decimals_for(x) for x in (0.2, 0.014, 0.0019, 0.0, float("nan"))] == [2, 3, 4, 3, 3]
