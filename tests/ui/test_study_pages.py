"""Both study pages as Streamlit runs them, without a browser, on a store of made-up runs."""

import re
import time
from pathlib import Path

import pytest
from page_runs import again, params, said
from streamlit.testing.v1 import AppTest
from study_store import fill

from dashboard.studying import earlier, reading, running
from dashboard.studying.form import read
from engine import api
from engine.studies import gallery

MAIN = Path(__file__).parents[2] / "dashboard" / "main.py"
SMALL = {"datasets": "simulated-small", "values": "0,1,4,16", "seeds": "3", "methods": "ips,dr"}


@pytest.fixture(autouse=True)
def _store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A store and a gallery of its own, and no worker that would train."""
    monkeypatch.setenv("COUNTERWEIGHT_RUNS", str(tmp_path / "runs"))
    monkeypatch.setattr(gallery, "FOLDER", tmp_path / "gallery")
    monkeypatch.setattr(api, "ensure_workers", lambda n=None: [])
    for cached in (gallery.read_gallery, gallery.read_cells):
        cached.cache_clear()
    yield
    for cached in (gallery.read_gallery, gallery.read_cells):
        cached.cache_clear()


def opened(page: str = "lambda_study", **params: str) -> AppTest:
    at = AppTest.from_file(str(MAIN), default_timeout=60)
    at.run()
    at.query_params.clear()  # the Lab's, which a browser leaves behind
    for name, value in params.items():
        at.query_params[name] = value
    return again(at.switch_page(f"app_pages/{page}.py").run())


def command(at: AppTest) -> str:
    return next(code.value for code in at.code if "python -m engine" in code.value)


def enabled(at: AppTest) -> set[str]:
    return {b.key for b in at.button if not b.disabled and b.key in ("start", "pause", "stop")}


def plan(kind: str = "lambda", raw: dict | None = None) -> api.Plan:
    return read(kind, SMALL if raw is None else raw, []).plans[0]


def test_before_anything_runs_the_page_says_what_it_would_train() -> None:
    at = opened(**SMALL)
    words = said(at)
    assert "24 of 24 runs to train, nothing like them was timed yet." in words
    assert "No result yet: press Start." in words
    assert "simulated data" in _status(at)
    assert enabled(at) == {"start"}
    assert params(at) == SMALL
    assert command(at).startswith("python -m engine study lambda --dataset simulated-small")


def test_start_pause_resume_and_stop() -> None:
    at = opened(**SMALL)
    again(at.button(key="start").click().run())
    study = api.study(plan())
    assert (study.state, study.counts["queued"]) == ("active", 24)
    assert enabled(at) == {"pause", "stop"}
    assert "No worker is running" in _status(at)
    assert "No result yet." in said(at)  # and no word of Start, which is disabled
    again(at.button(key="pause").click().run())
    assert api.study(plan()).state == "paused"
    again(at.button(key="resume").click().run())
    assert api.study(plan()).state == "active"
    again(at.button(key="stop").click().run())
    assert api.study(plan()).state == "stopped"
    assert "stop" not in enabled(at)


def test_stopped_runs_are_no_failures_and_take_their_time_again() -> None:
    fill(plan(), cells=14)
    again(opened(**SMALL).button(key="start").click().run())
    whole = said(at := opened(**SMALL))
    assert "trains on when this page is closed" in whole
    again(at.button(key="stop").click().run())
    assert api.study(plan()).counts["stopped"] == 10
    assert "10 of 24 runs to train, about 2 s on 1 core." in said(at)  # 0.2 s each
    assert not at.warning
    assert at.button(key="start").label == "Train 10 more"


def _status(at: AppTest) -> str:
    return str(at.get("progress")[0].proto.text)


def test_a_finished_study_says_what_the_curves_do() -> None:
    fill(plan())
    at = opened(**SMALL)
    words = said(at)
    assert "Bal-IPS**: AUC rises then falls" in words
    assert "from λ = 0 to 2²" in words
    assert "alidation chooses λ = 2²" in words
    caption = at.code[0].value
    assert "Mean over 3 seeds with 95 % t intervals; test ratings without pairs" in caption
    assert "Dashed black: the strongest baseline" in caption
    assert "Dashed black: " in words
    assert "A random scorer (dotted) gets AUC 0.500" in words
    assert "hollow diamonds" in words
    assert "All 24 runs are measured here." in words
    assert "All 24 runs measured here" in _status(at)
    assert enabled(at) == set()
    assert {b.key for b in at.get("download_button") if not b.proto.disabled} >= {"file_png"}


def test_a_study_half_done_says_what_is_missing_and_can_go_on() -> None:
    fill(plan(), cells=10)
    at = opened(**SMALL)
    assert "14 of 24 runs to train, about " in said(at)
    assert at.button(key="start").label == "Train 14 more"
    again(at.button(key="start").click().run())
    assert api.study(plan()).counts["queued"] == 14


def test_looks_change_the_figure_and_the_address() -> None:
    fill(plan())
    at = opened(**SMALL)
    at.button_group(key="s_lambda_view").set_value("errors")
    again(at.run())
    at.button_group(key="s_lambda_show").set_value("gains")
    again(at.run())
    at.button_group(key="s_lambda_part").set_value("test")
    again(at.run())
    assert params(at) == SMALL | {"view": "errors", "show": "gains", "part": "test"}
    again(at.toggle(key="study_table").set_value(True).run())
    assert list(at.dataframe[0].value) == [
        "label",
        "x",
        "ess",
        "test_mse",
        "test_log_loss",
        "true_loss",
    ]
    assert len(at.dataframe[0].value) == 8
    assert len(at.dataframe[1].value) == 24


def test_failed_cells_are_said_one_by_one_and_tried_again() -> None:
    fill(plan(), cells=22)
    rest = api.study(plan()).frame
    labels = rest[rest["state"] == "missing"]["label"]
    from engine.store.launches import create_launch

    configs = [cell.config for cell in plan().cells()][22:]
    launch = create_launch(api.open_runs(), configs, twins=False, priority="study", token=None)
    with api.open_runs().transaction() as db:
        db.execute("UPDATE groups SET state = 'ended' WHERE launch = ?", (launch.id,))
        db.execute(
            "UPDATE runs SET state = 'failed', error = 'loss: got nan' WHERE launch = ?",
            (launch.id,),
        )
    at = opened(**SMALL)
    assert f"{labels.iloc[0]} at λ = 2², seed 2, failed: loss: got nan." in at.warning[0].value
    assert at.warning[0].value.count("failed") == 2
    again(at.button(key="retry").click().run())
    assert api.study(plan()).counts["queued"] == 2
    assert not at.warning


def test_shipped_numbers_stand_until_ones_own_and_say_how_they_were_made(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill(plan())
    api.save_study(api.study(plan()), gallery.FOLDER, "python -m engine study lambda")
    monkeypatch.setenv("COUNTERWEIGHT_RUNS", str(tmp_path / "other"))
    for cached in (gallery.read_gallery, gallery.read_cells):
        cached.cache_clear()
    words = said(opened(**SMALL))
    assert "24 points were computed earlier (open marks)" in words
    assert "python -m engine study lambda, 20" in words
    assert "commit" in words
    assert "torch" in words
    assert "24 of 24 runs to train, about " in words
    assert "AUC rises then falls" in words
    fill(plan(), cells=20)
    assert "4 points were computed earlier" in said(opened(**SMALL))
    first = opened()  # without an address, what ships is shown
    assert params(first)["datasets"] == "simulated-small"


@pytest.mark.parametrize(
    ("raw", "words"),
    [
        ({"values": ""}, "at least one value"),
        ({"values": "0,strong"}, "'strong'"),
        ({"datasets": "simulated-small,nowhere"}, "nowhere"),
        ({"methods": ""}, "one or more of mf, ips, dr, autodebias"),
    ],
)
def test_bad_choices_are_said_in_words_and_the_page_stays(raw: dict, words: str) -> None:
    at = opened(**(SMALL | raw))
    assert words in said(at)
    assert enabled(at) == set()
    assert "No result yet" in said(at)  # the figure's own sentences are still there


def test_only_unknown_data_sets_leave_a_sentence_instead_of_a_figure() -> None:
    at = opened(datasets="nowhere")
    assert "No study can be drawn with these choices" in said(at)
    again(at.multiselect(key="s_lambda_datasets").set_value(["simulated-small"]).run())
    assert params(at)["datasets"] == "simulated-small"
    assert "runs to train" in said(at)


def test_a_data_set_that_is_not_here_says_how_to_get_it(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("COUNTERWEIGHT_DATA", str(tmp_path))
    at = opened(**(SMALL | {"datasets": "simulated-small,coat"}))
    assert "Coat is not installed. To get it: python -m engine datasets get coat" in said(at)
    assert "24 of 24 runs to train" in said(at)  # the other one's
    again(at.button(key="start").click().run())
    assert [record.dataset for record in api.studies()] == ["simulated-small"]


@pytest.mark.parametrize("kind", ["lambda", "uniform"])
def test_runs_of_data_that_are_not_here_are_neither_counted_nor_awaited(
    kind: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("COUNTERWEIGHT_DATA", str(tmp_path))
    monkeypatch.setattr(api, "workers", lambda: [1, 2])
    raw = SMALL if kind == "lambda" else {"values": "0.01,0.1", "seeds": "3"}
    raw = raw | {"datasets": "simulated-small"}
    fill(plan(kind, raw), cells=10)
    page = f"{kind}_study"
    at = opened(page, **raw)
    alone = _line(again(at.button(key="start").click().run()))
    total = len(plan(kind, raw))
    assert re.match(f"Training: 10 of {total} runs, (about|more than) [0-9]+ s left", alone)
    at = opened(page, **(raw | {"datasets": "coat,simulated-small"}))
    assert _line(at) == alone
    again(at.button(key="stop").click().run())
    assert _line(at) == f"Stopped at 10 of {total} runs"


def _line(at: AppTest) -> str:
    """How far the studies are, without their badges."""
    return _status(at).split("**")[1]


def test_data_that_vanished_before_resuming_are_said_and_the_study_stays(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    csv = tmp_path / "mine.csv"
    rows = ["user,item,rating,source"]
    rows += [f"{k % 20},{k // 20},{1 + k % 5},biased" for k in range(200)]
    rows += [f"{k % 20},{k // 20},{1 + (k * 7) % 5},uniform" for k in range(200)]
    csv.write_text("\n".join(rows))
    own = {"datasets": f"csv:{csv}", "values": "0,1", "seeds": "1", "methods": "ips"}
    at = opened(**own)
    assert "your own data" in said(at) + _status(at)
    again(at.button(key="start").click().run())
    again(at.button(key="pause").click().run())
    csv.unlink()
    again(at.button(key="resume").click().run())
    assert str(csv) in said(at)
    assert api.study(plan(raw=own)).state == "paused"


def test_the_uniform_study_says_what_u_alone_achieves() -> None:
    raw = {"datasets": "simulated-small", "values": "0.01,0.1", "seeds": "3"}
    fill(plan("uniform", raw))
    at = opened("uniform_study", **raw)
    words = said(at)
    assert "Those ratings alone (MF on U, nothing biased): AUC" in words
    assert "with 40 and" in words
    assert "another split than Table 2's" in words
    assert "**Bal-AutoDebias − AutoDebias** at 1 %: AUC" in words
    assert "study uniform --dataset simulated-small" in command(at)
    again(at.multiselect(key="s_uniform_extra").set_value(["dr", "bal-dr"]).run())
    assert params(at)["extra"] == "dr,bal-dr"
    assert "12 of 48 runs to train" in said(at)


@pytest.mark.parametrize(
    ("kind", "raw"),
    [
        ("lambda", SMALL | {"moments": "e,r", "epochs": "9", "confounding": "weak"}),
        ("uniform", {"datasets": "simulated-small", "seeds": "2", "extra": "bal-dr", "lam": "1/2"}),
    ],
)
def test_an_earlier_study_is_found_again_by_a_link(kind: str, raw: dict) -> None:
    api.start_study(plan(kind, raw))
    (record,) = api.studies()
    assert earlier.params_of(record.plan).items() >= raw.items()
    at = opened("lambda_study" if kind == "lambda" else "uniform_study", datasets="simulated-coat")
    (link,) = [link for link in at.get("page_link") if "active" in link.proto.label]
    assert "seeds=" in link.proto.query_string


def test_a_plan_that_the_page_cannot_repeat_is_not_listed() -> None:
    other = api.make_plan("lambda", "simulated-small", seeds=(7, 9), values=(0.0, 1.0))
    assert earlier.params_of(other.model_dump_json()) is None


def test_published_values_stand_only_where_the_paper_fixes_them() -> None:
    raw = {"datasets": "music", "methods": "ips,dr", "values": "0,1", "seeds": "1", "part": "test"}
    form = read("lambda", raw, [])
    fill(form.plans[0])
    row = reading.row_of(form, reading.find(form)[0])
    marks = row.marks[row.marks["kind"] == "published"]
    assert set(marks["x"]) == {0.0}
    at = marks.set_index(["series", "metric"])["value"]
    assert at["ips", "test_auc"] == 0.723
    assert at["dr", "test_ndcg10"] == 0.656
    clean = read("lambda", raw | {"part": "test_clean"}, [])
    marks = reading.row_of(clean, reading.find(clean)[0]).marks
    assert "published" not in set(marks["kind"])


def test_the_strongest_baseline_is_chosen_on_validation_among_complete_ones() -> None:
    form = read("lambda", SMALL, [])
    fill(form.plans[0])
    found = reading.find(form)[0]
    key, label, of = reading.strongest(found)
    assert of == 2  # IPS and DR at λ = 0; nothing else was measured
    means = found.baselines.groupby("series")["validation_auc"].mean()
    assert key == means.idxmax()
    assert label in ("IPS", "DR")
    assert running.phase([found]) == "new"


def test_a_study_of_a_thousand_runs_opens_within_a_second() -> None:
    values = "0," + ",".join(f"2^{k}" for k in range(-8, 4))
    raw = {"datasets": "simulated-small", "values": values, "seeds": "20"}
    form = read("lambda", raw | {"methods": "mf,ips,dr,autodebias"}, [])
    assert len(form.plans[0]) == 1_040
    fill(form.plans[0])
    spent = []
    for _ in range(3):
        start = time.process_time()  # of this process: other work on the machine says nothing here
        (found,) = reading.find(form)
        reading.row_of(form, found)
        spent.append(time.process_time() - start)
    assert min(spent) < 1.0


def test_a_scheduler_that_is_not_there_is_said_and_nothing_starts() -> None:
    at = opened(**SMALL)
    at.text_input(key="s_lambda_scheduler").set_value("tcp://127.0.0.1:9").run()
    at.button(key="start").click().run()
    assert "scheduler: got 'tcp://127.0.0.1:9'" in said(again(at))
    assert api.studies() == []
    at.text_input(key="s_lambda_scheduler").set_value("").run()
    at.button(key="start").click().run()
    assert len(api.studies()) == 1
