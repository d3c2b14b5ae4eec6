"""Tuning with the real trainer on small data: what is trained, what is kept, what is looked at."""

import csv
import io
import os

import pytest

from engine.datasets import load
from engine.datasets.splits import make_split
from engine.errors import ConfigError, StoreError, TrainingError
from engine.jobs.local import train_here
from engine.presets import preset
from engine.presets.files import seeded
from engine.store.database import Store
from engine.store.launches import create_launch
from engine.store.processes import Process
from engine.store.reports import read_run, read_runs
from engine.tuning import plan_of, tune
from engine.tuning.trials import LAMS_A_SETTING, Trials
from tests.sample import sample_text

EPOCHS = {"epochs": 2, "patience": 0}


def small_plan(method="ips", seed=3, metric="auc", **fixed):
    fixed = {**EPOCHS, **fixed}
    dataset = fixed.pop("dataset", "simulated-small")
    return plan_of(preset(dataset, method, **fixed), seed, metric, fixed)


@pytest.fixture
def store(tmp_path):
    store = Store(tmp_path)
    yield store
    store.close()


def count(store, what):
    return store.read(f"SELECT count(*) AS n FROM {what}")[0]["n"]


def told_of(store, plan):
    with Trials(store.home, plan) as study:
        return study.told()


def test_a_second_call_adds_only_the_missing_trials_and_groups_are_shared(store):
    plan, heard = small_plan(), []
    first = tune(store, plan, 5, on_trial=heard.append)
    assert (first.trials, first.failed, len(heard)) == (5, 0, 5)
    assert count(store, "runs") == 5
    # Four strengths of the preset's setting train as one group, the first of another as a second.
    assert count(store, "groups") == 2
    trials = told_of(store, plan)
    assert len({trial.settings["lam"] for trial in trials[:LAMS_A_SETTING]}) == LAMS_A_SETTING
    assert tune(store, plan, 5) == first
    assert tune(store, plan, 1) == first  # what is there stays
    assert count(store, "runs") == 5
    second = tune(store, plan, 7, on_trial=heard.append)
    assert (second.trials, len(heard)) == (7, 7)
    assert [trial.run for trial in told_of(store, plan)][:5] == [trial.run for trial in trials]
    assert count(store, "runs") == 7
    assert second.value >= first.value


def test_the_first_trial_is_the_preset_found_in_the_store_and_nothing_worse_comes_out(store):
    centre = seeded(preset("simulated-small", "ips", **EPOCHS), 3)
    launch = train_here(store, [centre], twins=False)
    value = read_run(store, launch.runs[0]).validation["log_loss"]
    plan = small_plan(metric="log_loss")
    tuned = tune(store, plan, 6)
    first = told_of(store, plan)[0]
    assert first.run == launch.runs[0]
    assert tuned.preset_value == first.value == value
    assert tuned.value == min(trial.value for trial in told_of(store, plan)) <= value
    assert tuned.standard_error is None
    assert tuned.validation_ratings == 200
    again = train_here(store, [tuned.config], twins=False)
    assert read_run(store, again.runs[0]).validation["log_loss"] == tuned.value


def test_the_same_seed_gives_the_same_result_and_another_one_other_trials(store, tmp_path):
    other = Store(tmp_path / "other")
    plan = small_plan("mf", balance="none")
    waiting = create_launch(other, [preset("simulated-small")], twins=False)
    one, two = tune(store, plan, 5), tune(other, plan, 5)
    assert one == two
    assert read_run(other, waiting.runs[0]).state == "queued"  # for the workers, not for this

    def of(store, plan):
        return [(trial.settings, trial.value) for trial in told_of(store, plan)]

    assert of(store, plan) == of(other, plan)
    changed_seed = small_plan("mf", seed=4, balance="none")
    tune(other, changed_seed, 2)
    assert of(other, changed_seed)[1] != of(store, plan)[1]
    other.close()


def test_ctrl_c_keeps_what_was_told_and_the_next_call_goes_on_to_the_same_result(store, tmp_path):
    plan = small_plan(epochs=4)
    undisturbed = Store(tmp_path / "undisturbed")
    want = tune(undisturbed, plan, 6)
    told = []

    def interrupt(progress):
        told.append(progress)
        if progress.told == LAMS_A_SETTING and progress.under_way > 0:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        tune(store, plan, 6, interrupt)
    assert told[-1].wanted == 6
    assert told[-1].best is not None
    kept = told_of(store, plan)
    assert len(kept) == LAMS_A_SETTING
    assert set(read_runs(store, None, 100, None).state) == {"finished", "queued"}
    assert tune(store, plan, 6) == want
    assert count(store, "runs") == 6  # the interrupted ones went on, none began anew
    assert told_of(store, plan)[: len(kept)] == kept
    undisturbed.close()


def test_test_ratings_play_no_part(tmp_path):
    """The same data with every test rating of the seed turned round: the same trials and result."""
    found = []
    for name in ("as-they-are", "garbage"):
        home = tmp_path / name
        home.mkdir()
        (home / "ratings.csv").write_text(sample_text(), encoding="utf-8")
        plan = small_plan("ips", dataset=f"csv:{home / 'ratings.csv'}", patience=1, epochs=4)
        if name == "garbage":
            turn_test_ratings(home / "ratings.csv", plan)
        store = Store(home)
        tuned = tune(store, plan, 6)
        trials = [(trial.settings, trial.value) for trial in told_of(store, plan)]
        test = read_run(store, told_of(store, plan)[0].run).test["auc"]
        content = {k: v for k, v in tuned.as_json()["config"].items() if k != "dataset"}
        found.append((trials, content, tuned.value, tuned.standard_error))
        found.append(test)
        store.close()
    assert found[0] == found[2]
    assert found[1] == pytest.approx(1 - found[3], abs=1e-6)  # they were turned, all of them


def turn_test_ratings(path, plan):
    ratings, c = load(plan.centre), plan.centre
    test = set(make_split(ratings, c.split_seed, c.uniform_fraction, c.split).test.tolist())
    rows = list(csv.DictReader(io.StringIO(path.read_text(encoding="utf-8"))))
    random = [row for row in rows if row["source"] == "uniform"]
    levels = {float(row["rating"]) for row in rows}
    for position in test:
        turned = min(levels) + max(levels) - float(random[position]["rating"])
        positive = float(random[position]["rating"]) >= ratings.threshold
        assert (turned >= ratings.threshold) != positive or len(levels) > 2
        random[position]["rating"] = f"{min(levels) if positive else max(levels):g}"
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, rows[0].keys())
        writer.writeheader()
        writer.writerows(rows)


def test_trials_that_diverge_are_counted_and_said(store):
    wild = small_plan("mf", optimizer="sgd", lr=5.0)
    with pytest.raises(TrainingError, match=r"All 4 trials failed.*lower lr"):
        tune(store, wild, 4)
    assert [trial.value for trial in told_of(store, wild)] == [None] * 4
    with pytest.raises(TrainingError, match=r"All 4 trials failed"):
        tune(store, wild, 4)
    with pytest.raises(ConfigError, match="trials: got 0"):
        tune(store, wild, 0)
    assert count(store, "runs") == 4  # they count: nothing is tried twice


def test_a_failed_preset_and_good_trials_make_settings(store):
    plan = plan_of(
        preset("simulated-small", "mf", balance="none", optimizer="sgd", lr=0.01, **EPOCHS), 3
    )
    tuned = tune(store, plan, 8)
    assert 0 < tuned.failed < tuned.trials == 8
    assert tuned.preset_value is None
    assert tuned.config.lr < 0.01


def test_one_plan_is_tuned_by_one_process_at_a_time(store):
    plan = small_plan()
    with Trials(store.home, plan) as study:
        parent = Process.of(os.getppid())
        study._study.set_user_attr("holder", str(parent))
        with (
            pytest.raises(StoreError, match=f"Process {parent.pid} is tuning"),
            Trials(store.home, plan),
        ):
            pass
        gone = Process(parent.host, parent.pid, parent.start - 1000)
        study._study.set_user_attr("holder", str(gone))
        with Trials(store.home, plan):  # its process has died
            pass


def test_another_programs_file_is_said_in_words(store):
    (store.home / "tuning.sqlite3").write_bytes(b"not a database" * 100)
    with pytest.raises(StoreError, match=r"tuning.sqlite3 cannot be used.*move it away"):
        tune(store, small_plan(), 1)


def test_the_plan_names_its_study_by_all_that_a_trial_depends_on(tmp_path):
    path = tmp_path / "own.csv"
    path.write_text(sample_text(), encoding="utf-8")
    names = {
        small_plan().name,
        small_plan(seed=4).name,
        small_plan(metric="mse").name,
        small_plan(balance="none").name,
        small_plan(moments=("e", "r")).name,
        small_plan(lam=1.0).name,  # the preset's own lam, but held fixed
        small_plan(epochs=3).name,
        small_plan(dataset=f"csv:{path}").name,
    }
    assert len(names) == 8
    assert small_plan().name.startswith("simulated-small ips learned e seed 3 auc space 1 ")
    before = small_plan(dataset=f"csv:{path}").name
    path.write_text(sample_text() + "u01,extra,1,uniform,\n", encoding="utf-8")
    assert small_plan(dataset=f"csv:{path}").name != before
    with pytest.raises(ConfigError, match="metric"):
        small_plan(metric="ndcg10")
