"""The map of pairs on the Weights page, and the page of a run that still trains."""

import json
import shutil
import sqlite3
from pathlib import Path

import numpy as np
import pytest
from page_runs import again, params, said
from streamlit.testing.v1 import AppTest
from weights_page import opened

from dashboard.charts import pair_map as charts
from dashboard.charts.weights import decile_map, map_in_words, weights_histogram
from dashboard.inspecting import frames
from dashboard.inspecting.epochs import offered
from dashboard.inspecting.state import Pick
from dashboard.inspecting.takeaway import picture
from dashboard.text import weights as text
from engine import api
from engine.inspection import pair_map
from engine.store import weights as kept


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """A store with one balanced run of four epochs."""
    home = tmp_path_factory.mktemp("runs")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("COUNTERWEIGHT_RUNS", str(home))
        config = api.preset("simulated-small", "ips", lam=8.0, epochs=4, d=4)
        launch = api.train_here([config], twins=False)
    return home, launch.runs[0]


@pytest.fixture
def run(trained: tuple[Path, str], monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setenv("COUNTERWEIGHT_RUNS", str(trained[0]))
    return trained[1]


@pytest.fixture
def training(
    trained: tuple[Path, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> tuple[str, sqlite3.Connection]:
    """A copy of the store whose run is at its third epoch, and the way to let it go on."""
    home, run = tmp_path / "copy", trained[1]
    shutil.copytree(trained[0], home)
    monkeypatch.setenv("COUNTERWEIGHT_RUNS", str(home))
    (path,) = home.glob("*.sqlite3")
    db = sqlite3.connect(path, isolation_level=None)
    db.execute("CREATE TABLE later AS SELECT * FROM snapshots WHERE epoch > 3")
    db.execute("DELETE FROM snapshots WHERE epoch > 3")
    db.execute(
        "UPDATE runs SET state = 'running', ended = NULL, best_epoch = NULL, epochs_done = 3"
    )
    yield run, db
    db.close()


def figures(at: AppTest) -> dict[str, dict]:
    """What the live figures on the page were given, by their label."""
    told = [json.loads(c.proto.json) for c in at.get("bidi_component")]
    return {data["label"].split(" ")[0]: data for data in told}


def heat_of(at: AppTest) -> dict:
    return figures(at)["Map"]["figure"]["data"][0]


def test_a_cell_narrows_the_map_to_its_pairs(run: str) -> None:
    at = opened(run=run)
    assert "a cell a rated pair; 4,000 pairs" in said(at)
    assert len(heat_of(at)["cells"]["z"]) == 4000
    found = api.weights(run)
    count = int(found.in_cell((12, 12)).sum())
    at = opened(run=run, pick="cell-12-12")
    assert f"a cell a rated pair; {count:,} of 4,000 pairs" in said(at)
    assert len(heat_of(at)["cells"]["z"]) == count
    assert at.selectbox(key="w_cell").value == (12, 12)
    at.selectbox(key="w_cell").set_value((11, 12))
    assert params(again(at.run()))["pick"] == "cell-11-12"
    at.selectbox(key="w_cell").set_value("all")
    assert "pick" not in params(again(at.run()))


def test_a_pair_inside_a_cell_is_shown_in_full_and_the_cell_stays(run: str) -> None:
    found = api.weights(run)
    pair = int(found.in_cell((12, 12)).nonzero()[0][0])
    at = opened(run=run, pick=f"cell-12-12-pair-{pair}")
    words, one = said(at), found.pairs.iloc[pair]
    assert f"| User, item | {int(one['user'])}, {int(one['item'])} |" in words
    for name in ("Rating", "1/p̂", "Weight w", "Oracle weight", "Hidden confounder h"):
        assert f"| {name} |" in words
    assert params(at)["pick"] == f"cell-12-12-pair-{pair}"
    assert len(figures(at)["Map"]["figure"]["data"]) == 2  # the map, and the picked pair's mark
    # A pair of another cell takes the cell away with it.
    other = int((~found.in_cell((12, 12))).nonzero()[0][0])
    assert params(opened(run=run, pick=f"cell-12-12-pair-{other}"))["pick"] == f"pair-{other}"


def test_the_address_repeats_the_zoom(run: str) -> None:
    at = opened(run=run, box="10-20-30-60")
    assert figures(at)["Map"]["box"] == [30.5, 60.5, 10.5, 20.5]
    within = heat_of(at)["cells"]
    assert (len(within["rows"]), len(within["columns"])) == (10, 30)
    assert params(at)["box"] == "10-20-30-60"
    for nonsense in ("20-10-0-5", "a-b", "1-2-3"):
        assert "4,000 pairs" in said(opened(run=run, box=nonsense))
    assert charts.box_of(charts.part_of((3, 9, 0, 5))) == (3, 9, 0, 5)
    assert charts.box_of((0.7, 4.9, 3.2, 8.4)) == (2, 8, 0, 5)


def test_many_pairs_are_binned_and_the_note_says_so(run: str, monkeypatch) -> None:
    monkeypatch.setattr(pair_map, "SIDE", 50)
    kept._held.clear()
    at = opened(run=run)
    assert "4,000 pairs, too many to tell apart: cells of 2 users × 2 items" in said(at)
    heat = heat_of(at)
    assert heat["meta"] == {"coarse": True}
    assert sum(heat["cells"]["pairs"]) == 4000
    assert heat["cells"]["rows"][0] == "users 1 to 2"
    kept._held.clear()


def test_what_must_be_read_first_is_read_after_the_first_charts(run: str, monkeypatch) -> None:
    """Without the weights at hand the page draws the epochs, reads, and is drawn again in full."""
    kept._held.clear()
    order = []
    monkeypatch.setattr(api, "weights", _told(order, "read", api.weights))
    monkeypatch.setattr(api, "snapshot", _told(order, "chart", api.snapshot))
    words = said(opened(run=run))
    assert order[:2] == ["chart", "read"]
    assert "Most ratings count" in words
    assert text.READING not in words


def _told(order: list[str], name: str, function):
    def tell(*arguments, **options):
        order.append(name)
        return function(*arguments, **options)

    return tell


def test_a_run_in_training_shows_its_newest_epoch_until_another_is_chosen(training) -> None:
    run, db = training
    at = opened(run=run)
    assert "This run trains" in said(at)
    assert "epoch 3 of at most 4" in said(at)
    assert at.select_slider(key="w_epoch").value == "newest"
    assert "epoch 3" in figures(at)["Histogram"]["figure"]["layout"]["annotations"][0]["text"]
    at.select_slider(key="w_epoch").set_value(2)
    assert params(again(at.run()))["epoch"] == "2"
    db.execute("INSERT INTO snapshots SELECT * FROM later")
    db.execute("UPDATE runs SET epochs_done = 4")
    again(at.run())
    assert at.select_slider(key="w_epoch").value == 2  # the chosen one stays
    assert at.select_slider(key="w_epoch").options == ["1", "2", "3", "4", "newest"]
    assert "epoch 2" in figures(at)["Histogram"]["figure"]["layout"]["annotations"][0]["text"]
    at.select_slider(key="w_epoch").set_value("newest")
    assert "epoch" not in params(again(at.run()))  # back to following the newest
    assert "the newest epoch is shown as it comes" in said(at)
    assert "epoch 4" in figures(at)["Histogram"]["figure"]["layout"]["annotations"][0]["text"]


def test_a_scrubber_of_many_epochs_stops_at_some_and_at_those_that_matter() -> None:
    assert offered([3, 5, 9], None, 5) == [3, 5, 9]
    many = list(range(1, 5001))
    stops = offered(many, 1234, 4999, None)
    assert {1, 1234, 4999, 5000} <= set(stops)
    assert len(stops) <= 402
    assert stops == sorted(stops)


def test_a_new_epoch_leaves_pick_and_identity_of_the_figures_alone(training) -> None:
    run, db = training
    at = opened(run=run, pick="cell-3-4")
    before = figures(at)["Map"]["figure"]
    db.execute("INSERT INTO snapshots SELECT * FROM later")
    db.execute("UPDATE runs SET epochs_done = 4")
    after = figures(again(at.run()))["Map"]["figure"]
    assert before["data"][0]["z"] != after["data"][0]["z"]
    for name in ("uirevision", "shapes"):
        assert before["layout"][name] == after["layout"][name]
    assert "range" not in after["layout"]["xaxis"]
    assert params(at)["pick"] == "cell-3-4"
    assert "users 3 and items 4 of 12" in said(at)
    again(at.button(key="w_clear").click().run())
    assert "pick" not in params(at)


def test_a_run_that_ends_while_it_is_shown_opens_in_full(training) -> None:
    run, db = training
    at = opened(run=run, pick="cell-12-12")
    db.execute("UPDATE runs SET state = 'finished', ended = 1, best_epoch = 3")
    words = said(again(at.run()))
    assert "This run trains" not in words
    assert "Diagnostics" in words
    assert params(at)["pick"] == "cell-12-12"


def test_a_run_in_training_is_listed_but_not_the_first_to_open(training) -> None:
    run, _ = training
    at = opened()
    (title,) = at.selectbox(key="w_run").options
    assert title.endswith(f"{run} · in training")
    assert params(at)["run"] == run  # there is no other


def test_picks_in_the_address() -> None:
    for pick in (Pick(), Pick((3, 4)), Pick(pair=7), Pick((3, 4), 7)):
        assert Pick.parse(str(pick)) == pick
    for nonsense in ("cell-13-1", "cell-3-4-", "pair-x", "cell-3-4-cell-3-4"):
        assert Pick.parse(nonsense).pair is None


def test_a_pick_settles_to_what_there_is(run: str) -> None:
    found = api.weights(run)
    assert frames.settled(found, Pick((2, 3))) == Pick((2, 3))
    assert frames.settled(found, Pick((2, 3), 10**6)) == Pick((2, 3))
    pair = int(found.in_cell((2, 3)).nonzero()[0][0])
    assert frames.settled(found, Pick((2, 3), pair)) == Pick((2, 3), pair)
    assert frames.settled(found, Pick((9, 3), pair)) == Pick(pair=pair)


def test_the_map_leaves_the_page_as_a_picture_whatever_its_size(run: str, monkeypatch) -> None:
    found = api.weights(run)
    shown = found.pair_map((12, 12))
    assert picture(charts.picture(shown), "png").startswith(b"\x89PNG")
    repeated = pair_map.PairMap(
        shown.box, shown.within, (1, 1), 8000, found.pair_map().cells.iloc[[0] * 8000]
    )
    assert picture(charts.picture(repeated, dark=True), "svg").startswith(b"<svg")


def test_maps_in_words(run: str) -> None:
    shown = api.weights(run).pair_map()
    assert charts.in_words(shown).startswith("Map of 4,000 pairs of 200 users and 200 items")
    cells = decile_map(None)["data"][0]["z"]
    cells[2][3], cells[5][6] = 1.0, -1.0
    assert "Heaviest: users 3, items 4, ×2.00. Lightest: users 6, items 7, ×0.50." in map_in_words(
        np.array(cells)
    )
    assert len(decile_map(None, picked=(3, 4))["layout"]["shapes"]) == 1
    assert "range" not in weights_histogram(None, api.HISTOGRAM_EDGES)["layout"]["xaxis"]
