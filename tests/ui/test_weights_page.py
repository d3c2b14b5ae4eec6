"""The Weights page as Streamlit runs it, without a browser, on a small store of real runs."""

import json
import shutil
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from fake_api import FakeEngine
from page_runs import again, params, said
from safetensors.numpy import load_file, save_file
from streamlit.testing.v1 import AppTest
from weights_page import MAIN, PAGE, charts, opened

from dashboard.charts.against import Across, against
from dashboard.charts.love import love, rows_shown
from dashboard.charts.pairs import histogram, reach_of, weight_map
from dashboard.inspecting.state import Pick
from dashboard.inspecting.takeaway import picture
from dashboard.text import weights as text
from engine import api


@dataclass(frozen=True)
class Runs:
    error: str
    twin: str
    both: str


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Runs]:
    """A store with two balanced runs and a twin, three epochs each."""
    home = tmp_path_factory.mktemp("runs")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("COUNTERWEIGHT_RUNS", str(home))
        short = {"lam": 8.0, "epochs": 3, "d": 4}
        first = api.train_here([api.preset("simulated-small", "ips", **short)])
        config = api.preset("simulated-small", "ips", moments=("e", "r"), **short)
        second = api.train_here([config], twins=False)
    run = first.runs[0]
    return home, Runs(run, first.twins[run], second.runs[0])


@pytest.fixture
def runs(trained: tuple[Path, Runs], monkeypatch: pytest.MonkeyPatch) -> Runs:
    monkeypatch.setenv("COUNTERWEIGHT_RUNS", str(trained[0]))
    return trained[1]


def test_a_run_opens_with_everything(runs: Runs) -> None:
    at = opened(run=runs.error)
    words = said(at)
    assert "simulated data" in words
    assert "Most ratings count" in words or "All but uniform" in words
    for part in ("exact at this λ", "Against the oracle", "hidden confounder", "Diagnostics"):
        assert part in words
    assert "function of the balanced moments alone" in words
    assert "1,500 of 4,000 pairs drawn" in words
    assert charts(at) == 7  # histogram, map, against, exact, oracle, hidden, love
    assert params(at) == {"run": runs.error}
    assert len(at.dataframe) >= 1


def test_without_a_run_in_the_url_the_newest_is_shown(runs: Runs) -> None:
    at = opened()
    assert params(at)["run"] == runs.both
    assert at.selectbox(key="w_run").value == runs.both


@pytest.mark.parametrize(
    ("which", "words"),
    [
        ("gone", "There is no run 'gone'"),
        ("twin", "has uniform weights: nothing was balanced"),
    ],
)
def test_a_run_that_cannot_be_inspected_is_said_in_words(
    runs: Runs, which: str, words: str
) -> None:
    at = opened(run=runs.twin if which == "twin" else "gone")
    assert words in said(at)
    assert charts(at) == 0
    at.selectbox(key="w_run").set_value(runs.error)
    assert charts(again(at.run())) == 7


@pytest.mark.parametrize("what", ["deleted", "older"])
def test_arrays_deleted_or_older_leave_the_epochs_and_a_sentence(
    trained: tuple[Path, Runs], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, what: str
) -> None:
    home, run = tmp_path / "copy", trained[1].error
    shutil.copytree(trained[0], home)
    monkeypatch.setenv("COUNTERWEIGHT_RUNS", str(home))
    path = home / "arrays" / f"{run}.safetensors"
    arrays = {k: v for k, v in load_file(path).items() if k != "weights.x"}
    path.unlink()
    if what == "older":
        save_file(arrays, path)
    at = opened(run=run)
    assert {"deleted": "keeps no weights", "older": "an older version"}[what] in said(at)
    assert charts(at) == 2


def test_an_epoch_is_scrubbed_and_one_not_kept_is_said(runs: Runs) -> None:
    at = opened(run=runs.error, epoch="1")
    assert at.select_slider(key="w_epoch").value == 1
    at.select_slider(key="w_epoch").set_value(2)
    assert params(again(at.run()))["epoch"] == "2"
    assert "No weights were kept of epoch 99; shown is the nearest, 3" in said(
        opened(run=runs.error, epoch="99")
    )
    assert "Epoch x is no number" in said(opened(run=runs.error, epoch="x"))


def test_a_picked_cell_and_pair_are_said_and_let_go_of(runs: Runs) -> None:
    at = opened(run=runs.error, pick="cell-12-12")
    assert "pairs of users 12 and items 12 of 12" in said(at)
    assert "in the picked cell (users 12, items 12 of 12)" in said(at)
    again(at.button(key="w_clear").click().run())
    assert "pick" not in params(at)
    at = opened(run=runs.error, pick="pair-17")
    assert "This rating counts as" in said(at)
    for nonsense in ("cell-13-1", "pair-x", "pair-999999"):
        assert "lights up everywhere" in said(opened(run=runs.error, pick=nonsense))


def test_across_is_chosen_and_stays_in_the_url(runs: Runs) -> None:
    at = opened(run=runs.error)
    at.selectbox(key="w_across").set_value("error")
    assert params(again(at.run()))["across"] == "error"
    assert opened(run=runs.error, across="nothing").selectbox(key="w_across").value == (
        "inverse_propensity"
    )


def test_another_run_stands_beside(runs: Runs) -> None:
    at = opened(run=runs.error, beside=runs.both)
    words = said(at)
    assert "moments: e | e + r" in words
    assert "Pair against pair" in words
    assert charts(at) == 12
    at = opened(run=runs.error, beside="gone")
    assert "There is no run 'gone'" in said(at)


def test_exact_weights_can_be_the_hard_ones(runs: Runs) -> None:
    at = opened(run=runs.error)
    (kind,) = (w for w in at.get("button_group") if w.key == "w_hard")
    kind.set_value("exact_hard")
    assert "against exact, hard constraint" in said(again(at.run()))


def test_an_empty_store_says_what_to_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COUNTERWEIGHT_RUNS", str(tmp_path))
    at = opened()
    assert "No balanced run has ended yet" in said(at)
    assert charts(at) == 0


def test_the_lab_links_here_from_the_first_epoch_on(fake: FakeEngine) -> None:
    at = AppTest.from_file(str(MAIN), default_timeout=30)
    again(at.run().button(key="start").click().run())
    links = lambda: [p for p in at.get("page_link") if "Inspect" in p.proto.label]  # noqa: E731
    assert not links()
    for epoch in (1, 200):  # in training, and ended
        fake.epoch = epoch
        again(at.run())
        (link,) = links()
    assert "run=L0-0" in link.proto.query_string


def test_the_lab_goes_on_where_it_was_left(runs: Runs) -> None:
    at = AppTest.from_file(str(MAIN), default_timeout=60)
    at.query_params["lam"] = "4"
    again(at.run())
    again(at.switch_page(PAGE).run())
    at.query_params.clear()
    again(at.switch_page("app_pages/lab.py").run())
    assert at.select_slider(key="f_lam").value == 4.0


def spec(chart: object) -> dict:
    return json.loads(chart.to_json())


def test_charts_are_linked_by_a_point_selection_and_marked_by_data(runs: Runs) -> None:
    found = api.weights(runs.error)
    drawn = spec(weight_map(found.cells, (3, 4)))
    picks = [p for p in drawn["params"] if p["name"] == "pick"]
    assert picks[0]["select"]["fields"] == ["user_group", "item_group"]
    colour = drawn["layer"][0]["encoding"]["color"]["scale"]
    assert (colour["domain"], colour["clamp"]) == ([-1, 0, 1], True)
    assert len(drawn["layer"]) == 3  # cells, counts, the picked one's frame
    assert "description" in drawn
    sample = found.sample().assign(pair=lambda f: f.index, value=1.0, picked=False)
    sample.loc[sample.index[0], "picked"] = True
    drawn = spec(against(sample, found.binned("label"), Across("label", "label")))
    assert {p["name"] for p in drawn["params"]} == {"pick"}
    marked = [d for d in drawn["datasets"].values() if len(d) == 1 and "picked" in d[0]]
    assert len(marked) == 1


def test_pictures_leave_the_page(runs: Runs) -> None:
    found = api.weights(runs.error)
    bars = found.histogram()
    chart = histogram(bars, None, reach_of(bars))
    assert picture(chart, "png").startswith(b"\x89PNG")
    assert picture(chart, "svg").startswith(b"<svg")
    assert picture(love(rows_shown(found.love)), "svg").startswith(b"<svg")


def test_the_love_plot_shows_what_is_furthest_off() -> None:
    rows = [("label r", "U", 0.1), ("item popularity", "D", 0.2)]
    rows += [(f"user:f{k}", "D", 0.01 * k) for k in range(30)]
    frame = pd.DataFrame(rows, columns=["covariate", "against", "raw"])
    shown = rows_shown(frame, most=5)
    assert shown["covariate"].tolist() == [
        *("label r", "item popularity"),
        *("user:f29", "user:f28", "user:f27"),
    ]


def test_words_about_exact_and_oracle() -> None:
    assert "The weights are the exact ones" in text.exact_reading(1.0, 0.0, False)
    assert "another strength" in text.exact_reading(1.0, 0.1, True)
    assert "orders pairs anew" in text.exact_reading(0.5, 0.1, False)
    assert "Constraint met, weights not the oracle's" in text.oracle_reading(0.05, 1, True)
    assert "nothing to correct" in text.oracle_reading(None, 0, True)
    assert text.value(0.931, "%") == "93.1\u00a0%"
    assert text.value(np.inf, "") == "infinite"
    assert Pick.parse("cell-3-4") == Pick(cell=(3, 4))
    assert str(Pick.parse("pair-7")) == "pair-7"


def test_weights_of_ones_own_are_judged_or_refused_in_words(runs: Runs) -> None:
    at = opened(run=runs.error)
    right = b"user,item,weight,propensity\na,x,1,0.5\na,y,3,0.25\n"
    at.file_uploader(key="w_file").set_value(("mine.csv", right, "text/csv"))
    words = said(again(at.run()))
    assert "2 weights, CV 0.50" in words
    assert "cannot be told from weights alone" in words
    wrong = b"user,item,weight\na,x,heavy\n"
    at.file_uploader(key="w_file").set_value(("mine.csv", wrong, "text/csv"))
    assert "mine.csv, row 2, column weight: got 'heavy'" in said(again(at.run()))
