"""The shipped studies: they are what they say, and what they say comes out again."""

import json

import pytest

from engine.jobs.local import train_here
from engine.store.database import Store
from engine.store.studies import list_studies
from engine.studies.cells import NUMBERS, frame, known_cells
from engine.studies.gallery import FOLDER, read_gallery
from engine.studies.plan import Plan
from engine.studies.running import read_study

FILES = sorted(path.name for path in FOLDER.glob("*.json"))


@pytest.fixture
def store(tmp_path, monkeypatch):
    monkeypatch.setenv("COUNTERWEIGHT_RUNS", str(tmp_path))
    store = Store(tmp_path)
    yield store
    store.close()


def content_of(name):
    return json.loads((FOLDER / name).read_bytes())


def test_both_figures_and_the_main_table_ship_for_simulated_data_and_for_coat():
    held = {(study["plan"]["kind"], study["plan"]["dataset"]) for study in read_gallery()}
    for kind in ("lambda", "uniform", "table2"):
        assert (kind, "coat") in held
        assert any(k == kind and name.startswith("simulated") for k, name in held)


@pytest.mark.parametrize("name", FILES)
def test_a_shipped_study_is_its_plan_and_holds_no_ratings(name, store):
    content = content_of(name)
    plan = Plan.model_validate(content["plan"])
    assert set(content["columns"]) <= set(NUMBERS)
    made = content["made"]
    assert made["command"].startswith(f"python -m engine study {plan.kind}")
    assert made["commit"] != "unknown"
    cells = frame(plan, known_cells(store, plan))
    assert set(cells["source"]) == {"gallery"}  # every cell of the plan as it is made today
    assert set(cells["key"]) == set(content["cells"])
    assert cells["test_auc"].between(0.4, 1).all()
    assert list_studies(store) == []
    assert read_study(store, plan).state == "new"


def recomputed(store, plan, series, x):
    """The cell of seed 0, trained here, and as it ships."""
    one = next(
        one
        for one in known_cells(store, plan)
        if (one.cell.series.key, one.cell.x, one.cell.seed) == (series, x, 0)
    )
    shipped = frame(plan, [one]).iloc[0]
    train_here(store, [one.cell.config], twins=False)
    again = frame(plan, [k for k in known_cells(store, plan) if k.key == one.key]).iloc[0]
    assert (shipped["source"], again["source"]) == ("gallery", "measured")
    return shipped, again


def test_one_cell_comes_out_again(store):
    plan = Plan.model_validate(content_of("lambda-simulated-small.json")["plan"])
    shipped, again = recomputed(store, plan, "ips", 4.0)
    for name in ("test_auc", "test_clean_mse", "true_loss", "violation", "ess"):
        # Another processor sums in another order, and 120 epochs carry it on.
        assert again[name] == pytest.approx(shipped[name], abs=5e-3), name
    assert abs(again["best_epoch"] - shipped["best_epoch"]) <= 10


@pytest.mark.slow
def test_one_cell_of_the_real_coat_comes_out_again(store, coat):
    plan = Plan.model_validate(content_of("lambda-coat.json")["plan"])
    shipped, again = recomputed(store, plan, "ips", 4.0)
    for name in ("test_auc", "test_clean_mse", "violation", "ess"):
        assert again[name] == pytest.approx(shipped[name], abs=1e-2), name
