"""The Tables page as Streamlit runs it, without a browser, on a small store of real runs."""

import re
from pathlib import Path

import pytest
from page_runs import again, params, said, told
from streamlit.testing.v1 import AppTest
from study_store import fill

from dashboard.tables import claims as shown_claims
from dashboard.tables import form as forms
from engine import api

MAIN = Path(__file__).parents[2] / "dashboard" / "main.py"
PAGE = "app_pages/tables.py"
KNOWN = ("simulated-small", "coat", "music")
CHOICES = {"datasets": "simulated-small", "methods": "mf", "epochs": "2", "moments": "e"}


def form_of(**raw: str) -> forms.Form:
    return forms.form_of(raw, known=KNOWN, default="coat")


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Table 2 with MF and Bal-MF on five draws, two epochs each."""
    home = tmp_path_factory.mktemp("runs")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("COUNTERWEIGHT_RUNS", str(home))
        plan = forms.plan_of(form_of(**CHOICES, seeds="5"), "simulated-small")
        api.train_here([cell.config for cell in plan.cells()], twins=False)
    return home


@pytest.fixture
def runs(trained: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COUNTERWEIGHT_RUNS", str(trained))
    shown_claims._told.clear()


def opened(**params: str) -> AppTest:
    at = AppTest.from_file(str(MAIN), default_timeout=60)
    at.run()
    at.query_params.clear()  # the Lab's, which a browser leaves behind
    for name, value in ({"seeds": "5"} | params).items():
        at.query_params[name] = value
    return again(at.switch_page(PAGE).run())


def html(at: AppTest) -> str:
    return " ".join(element.proto.body for element in at.get("html"))


def drawn(at: AppTest) -> list[str]:
    """The tables, top to bottom."""
    bodies = [element.proto.body for element in at.get("html")]
    return [body for body in bodies if "class='paper" in body]


def words(markup: str) -> str:
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", markup))


def test_a_finished_study_shows_numbers_verdicts_and_statements(runs: None) -> None:
    at = opened(**CHOICES)
    assert "All 10 runs measured here" in said(at)
    assert "simulated data" in said(at)
    assert "Mean ± standard deviation over 5 seeds" in said(at)
    table, claims, statements = drawn(at)
    assert len(re.findall("<tr", table)) == 2 + 2
    assert re.search(r"0\.\d{3}<span class='sd'> ± 0\.\d{3}", table)
    assert "Bal-MF <i>over</i> MF" in claims
    chips = re.findall(r"<summary class='chip (\w+)'", claims)
    assert len(chips) == 5
    assert "The smallest difference this design can resolve" in claims
    assert words(statements).count("not measured yet") >= 6
    assert "And ours" in statements
    assert params(at) == {"table": "2", "seeds": "5", **CHOICES}
    assert not told(again(at.run())) & {"t_methods", "t_lam", "t_epochs"}  # behind "More"


def test_text_to_copy_is_there_in_three_forms(runs: None) -> None:
    codes = [element.value for element in opened(**CHOICES).code]
    assert codes[0].startswith("| Method | AUC | RI |")
    assert r"\begin{tabular}" in codes[1]
    assert r"\bottomrule" in codes[1]
    assert codes[2].startswith("table,dataset,ratings,method")
    assert codes[3] == (
        "python -m engine study table2 --dataset simulated-small --seeds 5 --methods mf --epochs 2"
    )


def test_published_numbers_never_look_measured(runs: None) -> None:
    at = opened(datasets="music", table="3")
    table = drawn(at)[0]
    assert "Music (Yahoo! R3) is not installed" in said(at)
    assert "Not installed here" in said(at)
    assert table.count("◇") == 12 * 3
    assert re.findall(r"<td class='published'><i title=\"[^\"]*\">◇ 0\.723</i>", table)
    assert not re.search(r"<td class='measured[^>]*>0\.\d", table)
    assert table.count("not measured") == 12
    assert at.button(key="tables_start").disabled


def test_more_seeds_train_only_what_is_missing(runs: None) -> None:
    at = opened(**CHOICES, seeds="7")
    assert at.button(key="tables_start").label == "Train 4 more"
    assert "5 of 7" in words(html(at))


def test_a_line_tells_how_long_its_own_study_takes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COUNTERWEIGHT_RUNS", str(tmp_path / "runs"))
    monkeypatch.setenv("COUNTERWEIGHT_DATA", str(tmp_path))
    monkeypatch.setattr(api, "workers", lambda: [1, 2])
    choices = CHOICES | {"seeds": "20"}
    fill(forms.plan_of(form_of(**choices), "simulated-small"), cells=4)
    (alone,) = _lines(opened(**choices))
    assert "36 of 40 runs to train, about 4 s on 2 cores" in alone  # 0.2 s each
    several = opened(**choices | {"datasets": "simulated-small,simulated-coat,music"})
    small, larger, music = _lines(several)
    assert small == alone
    assert "40 runs to train, about " in larger
    assert "Not installed here" in music
    assert several.button(key="tables_start").label == "Train 76 more"


def _lines(at: AppTest) -> list[str]:
    return [e.value for e in at.markdown if "badge[" in e.value]


def test_two_seeds_have_gains_and_no_verdict(runs: None) -> None:
    at = opened(**CHOICES, seeds="2")
    assert "Verdicts need five seeds" in said(at)
    grid = drawn(at)[1]
    assert "chip" not in grid
    assert len(re.findall(r"class='bounds'>[−+0]", grid)) == 6


def test_choosing_another_table_changes_the_address(runs: None) -> None:
    at = opened(**CHOICES)
    at.segmented_control(key="t_table").set_value("4")
    at = again(at.run())
    assert params(at)["table"] == "4"
    assert "w1 NCF, w2 MF" in html(at)
    at.segmented_control(key="t_part").set_value("test")
    at = again(at.run())
    assert params(at)["part"] == "test"
    assert "test ratings as published" in said(at)


def test_start_launches_the_study_and_stop_ends_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COUNTERWEIGHT_RUNS", str(tmp_path))
    monkeypatch.setattr(api, "ensure_workers", lambda n=None: [])
    shown_claims._told.clear()
    at = opened(**CHOICES, seeds="2")
    at.button(key="tables_start").click()
    at = again(at.run())
    (record,) = api.studies()
    assert (record.kind, record.state) == ("table2", "active")
    assert "0 of 4 runs measured" in said(at)
    assert at.button(key="tables_start").disabled
    at.button(key="tables_pause").click()
    at = again(at.run())
    assert "Paused at 0 of 4 runs" in said(at)
    at.button(key="tables_stop").click()
    at = again(at.run())
    assert api.studies()[0].state == "stopped"


def test_statements_link_to_pages_that_are_there(runs: None) -> None:
    source = MAIN.read_text(encoding="utf-8")
    links = re.findall(r"<a href='([^'?]+)\?([^']+)'", drawn(opened(**CHOICES))[-1])
    assert {page for page, _ in links} == {"lambda-study", "uniform-study", "tables"}
    for page, said_too in links:
        assert f'url_path="{page}"' in source or f'"{page}.py"' in source
        assert "datasets=simulated-small" in said_too
        assert "epochs=2" in said_too


@pytest.mark.parametrize(
    ("raw", "field"),
    [
        ({"table": "7"}, "table"),
        ({"seeds": "many"}, "seeds"),
        ({"datasets": "netflix"}, "datasets"),
        ({"methods": "als"}, "methods"),
        ({"epochs": "-3"}, "epochs"),
        ({"lam": "strong"}, "lam"),
        ({"part": "train"}, "part"),
        ({"confounding": "huge"}, "confounding"),
    ],
)
def test_a_wrong_choice_is_a_sentence_and_stays_in_the_address(
    raw: dict[str, str], field: str
) -> None:
    form = form_of(**raw)
    assert set(form.errors) == {field}
    assert "allowed" in form.errors[field]
    assert forms.params_of(form, raw)[field] == raw[field]


def test_a_wrong_choice_keeps_start_away(runs: None) -> None:
    at = opened(**{**CHOICES, "seeds": "none"})
    assert "seeds: got 'none'" in said(at)
    assert at.button(key="tables_start").disabled


def test_the_address_says_the_plan() -> None:
    form = form_of(datasets="simulated-small,coat", lam="1/4", confounding="weak", moments="e,r")
    small, coat = (forms.plan_of(form, name) for name in form.datasets)
    assert small.series[1].config.moments == ("e", "r")
    assert (small.series[1].config.lam, small.series[1].config.confounding) == (0.25, "weak")
    assert coat.dataset == "coat"
    assert forms.shared(form, "simulated-small") == {"confounding": "weak"}
    assert "--lam 0.25" in forms.command(form, "coat")
    assert "confounding" not in forms.command(form, "coat")
    assert form_of(table="3", moments="both").moments == "e"
    assert form_of().datasets == ("coat",)
