"""Claims of a study checked on real runs of a small store."""

import json
import shutil

import pytest

from engine import api
from engine.errors import StoreError
from engine.events import METRICS
from engine.jobs.local import train_here
from engine.metrics import evaluate
from engine.store.database import Store
from engine.store.rebuild import open_store
from engine.studies import claim_check, gallery
from engine.studies.claim_check import check_study, claims_from_json, claims_to_json
from engine.studies.families import families
from engine.studies.named import make_plan
from engine.studies.paper_claims import paper_claims
from engine.studies.running import read_study
from engine.studies.scores import clean_test, same_data, score_pairs

SEEDS = range(5)
SHORT = {"epochs": 2, "d": 4}


def table(dataset="simulated-small", methods=("mf", "cause"), seeds=SEEDS):
    return make_plan("table2", dataset, seeds=seeds, methods=methods, **SHORT)


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """Table 2 with MF, balanced and not, and CausE, on five draws of a small simulation."""
    home = tmp_path_factory.mktemp("runs")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("COUNTERWEIGHT_RUNS", str(home))
        api.train_here([cell.config for cell in table().cells()], twins=False)
    return home


@pytest.fixture
def store(trained, tmp_path):
    shutil.copytree(trained, tmp_path / "runs")
    opened = open_store(tmp_path / "runs")
    yield opened
    opened.close()


def test_scores_give_the_metrics_that_the_run_was_stored_with(store):
    plan = table()
    frame = read_study(store, plan).frame
    assert (frame["source"] == "measured").all()
    configs = {(c.series.key, c.seed): c.config for c in plan.cells()}
    for row in frame.to_dict("records"):
        pairs, label = clean_test(configs[row["series"], row["seed"]])
        told = evaluate(pairs.user, label, score_pairs(store.home, row["run"], pairs))
        assert len(pairs) == row["n_test_clean"]
        for metric in METRICS:
            assert told[metric] == pytest.approx(row[f"test_clean_{metric}"], abs=1e-6), row["run"]


def test_claims_speak_of_what_was_measured(store):
    plan = table()
    study = read_study(store, plan)
    claims = check_study(store, study)
    by_family = {family.name: len(family.pairs) * len(family.metrics) for family in families(plan)}
    assert {c.family for c in claims} == set(by_family)
    assert len(claims) == sum(by_family.values()) == 2 * 5 + 5
    frame = study.frame.set_index("label")
    one = next(c for c in claims if (c.a, c.b, c.metric) == ("Bal-MF", "MF", "mse"))
    assert one.value_a == pytest.approx(frame.loc["Bal-MF", "test_clean_mse"].mean(), abs=1e-6)
    assert one.value_b == pytest.approx(frame.loc["MF", "test_clean_mse"].mean(), abs=1e-6)
    assert one.gain == pytest.approx(one.value_b - one.value_a)
    assert (one.seeds, one.same_users, one.claims) == (5, False, 10)
    assert one.low < one.gain < one.high
    assert "over draws of this data set (Simulated, small: 5 draws)" in one.sentence


def test_what_was_checked_is_kept_by_the_ids_of_the_runs(store, monkeypatch):
    study = read_study(store, table())
    claims = check_study(store, study)
    monkeypatch.setattr(claim_check, "check_claims", None)  # would break
    assert check_study(store, study) == claims
    files = list((store.home / "claims").glob("*.json"))
    assert len(files) == 2
    arrays = store.home / "arrays"
    shutil.copy(arrays / f"{study.frame.loc[0, 'run']}.safetensors", arrays / "another.safetensors")
    study.frame.loc[0, "run"] = "another"
    with pytest.raises(TypeError):  # another run: checked anew
        check_study(store, study)


def test_claims_are_json(store):
    claims = check_study(store, read_study(store, table()))
    text = json.dumps(claims_to_json(claims), allow_nan=False)
    assert claims_from_json(json.loads(text)) == claims


def test_a_pair_waits_until_none_of_its_runs_trains(store):
    study = read_study(store, table())
    at = study.frame.index[study.frame["label"] == "Bal-MF"][0]
    study.frame.loc[at, ["state", "source"]] = ["running", ""]
    told = {(c.a, c.b) for c in check_study(store, study)}
    assert told == {("Bal-MF (e, r)", "MF")}


def test_seeds_without_a_model_are_left_out(store):
    study = read_study(store, table())
    row = study.frame[study.frame["label"] == "Bal-MF"].iloc[0]
    (store.home / "arrays" / f"{row['run']}.safetensors").unlink()
    claims = check_study(store, read_study(store, table()))
    seeds = {(c.a, c.b): c.seeds for c in claims}
    assert seeds[("Bal-MF", "MF")] == 4
    assert seeds[("Bal-MF (e, r)", "MF")] == 5
    few = next(c for c in claims if (c.a, c.b) == ("Bal-MF", "MF"))
    assert few.verdict == "undecided"
    assert "4 seeds are too few" in few.reason


def test_no_model_is_an_error_in_words(store):
    pairs, _ = clean_test(next(iter(table().cells())).config)
    with pytest.raises(StoreError, match="cannot be read"):
        score_pairs(store.home, "nobody", pairs)


def test_a_study_without_runs_has_no_claims(tmp_path, no_gallery):
    store = Store(tmp_path)
    assert check_study(store, read_study(store, table())) == ()
    assert check_study(store, read_study(store, make_plan("lambda", "simulated-small"))) == ()
    store.close()


def test_the_gallery_brings_its_own_claims(store, tmp_path, monkeypatch):
    study = read_study(store, table())
    claims = check_study(store, study)
    folder = tmp_path / "gallery"
    command = "python -m engine study table2"
    gallery.write_gallery(
        *(folder, study.plan, study.frame, ["test_clean_auc"], command, claims_to_json(claims))
    )
    monkeypatch.setattr(gallery, "FOLDER", folder)
    gallery.read_gallery.cache_clear()
    gallery.read_cells.cache_clear()
    try:
        empty = Store(tmp_path / "empty")
        shipped = read_study(empty, table())
        assert (shipped.frame["source"] == "gallery").all()
        assert check_study(empty, shipped) == claims
        # Of other seeds, the claims would be others.
        assert check_study(empty, read_study(empty, table(seeds=range(4)))) == ()
        empty.close()
    finally:
        monkeypatch.undo()
        gallery.read_gallery.cache_clear()
        gallery.read_cells.cache_clear()


def test_the_list_of_claims_counts_these_runs(store):
    told = {one.key: one for one in paper_claims(store, "simulated-small", **SHORT)}
    gains = told["gains"]
    assert len(gains.claims) == 3
    assert "Of 12 comparisons, 3 measured so far" in gains.evidence
    assert (gains.seeds, gains.source) == (5, "measured")
    assert gains.verdict in ("undecided", "contradicted")
    assert told["feasible"].verdict in ("supported", "contradicted")
    assert "epochs of 5 runs" in told["feasible"].evidence
    assert told["best"].verdict == "not measured yet"
    assert "20 of 90 runs of Table 2" in told["best"].evidence


def test_runs_of_other_splits_are_never_compared():
    a = next(iter(table().cells())).config
    assert same_data(a, api.changed(a, seed=9))
    assert not same_data(a, api.changed(a, split_seed=9))
    assert not same_data(a, api.changed(a, uniform_fraction=0.1))
    nested = api.changed(a, split="nested")
    assert same_data(nested, api.changed(nested, uniform_fraction=0.1))
    assert not same_data(nested, a)


def test_on_real_data_users_are_resampled_too(coat, tmp_path):
    store = Store(tmp_path)
    plan = table("coat", methods=("mf",))
    train_here(store, [cell.config for cell in plan.cells()], twins=False)
    claims = check_study(store, read_study(store, plan))
    store.close()
    assert all(claim.same_users and claim.users > 280 for claim in claims)
    assert {claim.data for claim in claims} == {"Coat"}
