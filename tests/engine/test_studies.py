"""Running studies: only what is missing trains, stage by stage, and plans change on the way."""

import json
from contextlib import contextmanager

import numpy as np
import pandas as pd
import pytest
from fake_trainer import CRASHES, build

from engine.config import changed
from engine.errors import ConfigError, DataError, StoreError
from engine.jobs.drive import drive
from engine.jobs.studying import train_study_here
from engine.store.controls import pending
from engine.store.database import Store
from engine.store.launches import create_launch
from engine.store.processes import Process
from engine.store.queue import claim_next
from engine.store.studies import find_study, list_studies, study_state
from engine.studies import gallery, make_plan, running
from engine.studies.cells import NUMBERS, frame, known_cells
from engine.studies.estimate import estimate

ME = Process.here()


@pytest.fixture
def store(tmp_path, no_gallery):
    store = Store(tmp_path / "runs")
    yield store
    store.close()


def plan_of(**changes):
    choices = {"methods": ("mf", "ips"), "values": (0.0, 1.0), "seeds": range(2), "epochs": 4}
    return make_plan("lambda", "simulated-small", **{**choices, **changes})


def work(store, groups=None):
    """Train what waits, as a worker does; how many groups."""
    done = 0
    while groups is None or done < groups:
        claim = claim_next(store, ME)
        if claim is None:
            return done
        drive(store, claim, build)
        done += 1
    return done


def states(store, plan):
    return dict(pd.Series([one.state for one in known_cells(store, plan)]).value_counts())


def n_runs(store):
    return store.read("SELECT count(*) AS n FROM runs")[0]["n"]


def test_a_study_trains_and_ends(store):
    plan = plan_of()
    assert running.read_study(store, plan).state == "new"
    running.start(store, plan)
    study = running.read_study(store, plan)
    assert (study.state, study.counts["queued"], study.counts["measured"]) == ("active", 8, 0)
    assert work(store) == 4  # two methods, and data drawn anew for each seed
    running.advance_all(store)
    study = running.read_study(store, plan)
    assert (study.state, study.counts["measured"]) == ("ended", 8)
    assert study.frame["test_auc"].notna().all()
    assert set(study.frame["x"]) == {0.0, 1.0}


def test_more_seeds_and_more_values_train_only_what_is_new(store):
    running.start(store, plan_of())
    work(store)
    wider = plan_of(seeds=range(3), values=(0.0, 1.0, 2.0))
    assert states(store, wider) == {"finished": 8, "missing": 10}
    running.start(store, wider)
    assert n_runs(store) == 18
    work(store)
    running.advance(store, wider)
    assert find_study(store, wider.id).state == "ended"
    assert len(list_studies(store)) == 2


def test_another_study_takes_over_the_runs_it_shares(store):
    running.start(store, plan_of())
    work(store)
    table = make_plan("table2", "simulated-small", methods=("mf",), seeds=range(2), epochs=4)
    shared = [one for one in known_cells(store, table) if one.state == "finished"]
    assert {one.cell.series.key for one in shared} == {"mf"}  # lam = 0 is the base method


def test_starting_twice_or_from_two_processes_makes_one_launch(store):
    plan = plan_of()
    known = known_cells(store, plan)
    running._launch(store, plan, known, retry=False)
    running._launch(store, plan, known, retry=False)  # saw the same before the first had stored it
    running.start(store, plan)
    assert n_runs(store) == 8


def test_runs_of_the_lab_go_first_and_serve_the_study(store):
    plan = plan_of(methods=("ips",))
    running.start(store, plan)
    lab = create_launch(store, [changed(next(plan.cells()).config, lam=7.0)], priority="lab")
    assert claim_next(store, ME).configs.keys() == set(lab.all_runs)


def test_a_run_that_fails_is_left_alone_until_the_study_is_started_again(store):
    plan = plan_of(methods=("ips",), seeds=(0, CRASHES))
    running.start(store, plan)
    work(store)
    assert states(store, plan) == {"finished": 2, "failed": 2}
    running.advance(store, plan)
    assert find_study(store, plan.id).state == "ended"
    cells = running.read_study(store, plan).frame
    assert cells[cells["state"] == "failed"]["error"].str.contains("hiccuped").all()
    before = n_runs(store)
    running.start(store, plan)
    assert n_runs(store) == before + 2
    assert states(store, plan) == {"finished": 2, "queued": 2}


def test_pause_resume_and_stop(store):
    plan = plan_of()
    running.start(store, plan)
    claim = claim_next(store, ME)  # one group is under way
    running.pause(store, plan.id)
    assert states(store, plan) == {"running": 2, "paused": 6}
    assert [control.kind for control in pending(store, claim.group)] == ["pause"]
    running.advance_all(store)  # launches nothing while paused
    running.resume(store, plan.id)
    assert states(store, plan) == {"running": 2, "queued": 6}
    running.stop(store, plan.id)
    assert find_study(store, plan.id).state == "stopped"
    assert states(store, plan)["stopped"] == 6
    drive(store, claim, build)
    running.advance_all(store)
    assert claim_next(store, ME) is None
    running.resume(store, plan.id)
    work(store)
    assert states(store, plan) == {"finished": 8}


def test_pausing_a_study_leaves_the_lab_s_own_launch_alone(store):
    plan = plan_of(methods=("ips",), seeds=(0,))
    create_launch(store, [cell.config for cell in plan.cells()], twins=False, priority="lab")
    running.start(store, plan)
    assert n_runs(store) == 2  # they serve the study
    running.pause(store, plan.id)
    assert states(store, plan) == {"queued": 2}


def test_a_run_edited_by_hand_stands_for_no_cell(store):
    plan = plan_of(methods=("mf",), seeds=(0,))
    running.start(store, plan)
    work(store)
    with store.transaction() as db:
        db.execute("UPDATE runs SET edited = 1")
    assert states(store, plan) == {"missing": 2}


def test_table_3_trains_its_baselines_and_then_what_starts_from_them(store):
    plan = make_plan("table3", "simulated-small", seeds=(0,), epochs=2)
    running.start(store, plan)
    assert states(store, plan) == {"queued": 3, "waiting": 9}
    work(store)
    (store.home / "arrays").mkdir(exist_ok=True)
    running.advance_all(store)
    known = known_cells(store, plan)
    baselines = {o.cell.series.key: o.row["id"] for o in known if not o.cell.series.start}
    for one in known:
        if one.cell.series.start:
            assert one.state == "queued"
            assert one.cell.config.initial == baselines[one.cell.series.start]
    work(store)
    assert states(store, plan) == {"finished": 12}


def test_a_group_is_no_larger_than_memory_allows(store, monkeypatch):
    monkeypatch.setattr(running, "MOST_PAIRS", 3 * 200 * 200)
    plan = plan_of(methods=("ips",), seeds=(0,), values=(0.0, 1.0, 2.0, 3.0, 4.0, 5.0, 6.0))
    running.start(store, plan)
    sizes = store.read("SELECT count(*) AS n FROM runs GROUP BY group_id ORDER BY min(number)")
    assert [row["n"] for row in sizes] == [3, 3, 1]


def test_data_that_are_not_there_are_said_before_anything_is_stored(store, tmp_path):
    with pytest.raises((DataError, ConfigError)):
        running.start(store, make_plan("lambda", f"csv:{tmp_path / 'gone.csv'}", seeds=(0,)))
    assert list_studies(store) == []


def test_data_that_vanish_pause_the_study_and_keep_its_results(store, tmp_path):
    path = tmp_path / "own.csv"
    rng = np.random.default_rng(0)
    rows = [
        f"{u},{i},{rng.integers(1, 6)},{source}"
        for source, n in (("biased", 30), ("uniform", 30))
        for u in range(n)
        for i in range(10)
    ]
    path.write_text("user,item,rating,source\n" + "\n".join(rows))
    choices = {"methods": ("mf",), "values": (0.0, 1.0), "seeds": (0,), "epochs": 2}
    plan = make_plan("lambda", f"csv:{path}", uniform_fraction=0.3, **choices)
    running.start(store, plan)
    work(store)
    with store.transaction() as db:
        db.execute("DELETE FROM runs WHERE number = 1")
    path.unlink()
    running.advance_all(store)
    assert find_study(store, plan.id).state == "paused"
    assert states(store, plan) == {"missing": 1, "finished": 1}
    with pytest.raises(DataError):
        running.resume(store, plan.id)


def test_an_unknown_study_is_said_in_words(store):
    for act in (running.pause, running.resume, running.stop):
        with pytest.raises(StoreError, match="no study 'snone'"):
            act(store, "snone")


def test_what_is_left_is_estimated_from_runs_like_it(store):
    plan = plan_of(methods=("ips",))
    study = running.read_study(store, plan)
    assert estimate(store, study.frame).known is False
    running.start(store, plan)
    work(store, groups=1)
    with store.transaction() as db:
        db.execute("UPDATE runs SET epoch_seconds = 2.0 WHERE state = 'finished'")
    told = estimate(store, running.read_study(store, plan).frame)
    assert (told.seconds, told.missing, told.known) == (2 * 2.0 * 4, 2, True)
    assert told.wall(2) == 8.0
    other = make_plan("lambda", "simulated-coat", methods=("ips",), values=(1.0,), seeds=(0,))
    told = estimate(store, running.read_study(store, other).frame)
    assert told.seconds == pytest.approx(8.0 * (290 * 300) / (200 * 200))


def test_the_gallery_stands_in_until_an_own_run_has_ended(store, tmp_path):
    plan = plan_of(methods=("mf",), seeds=(0,))
    running.start(store, plan)
    with pytest.raises(ConfigError, match="2 runs without a result"):
        gallery.write_gallery(gallery.FOLDER, plan, study_frame(store, plan), NUMBERS, "make it")
    work(store)
    before = study_frame(store, plan)
    path = gallery.write_gallery(gallery.FOLDER, plan, before, NUMBERS, "make it")
    for cached in (gallery.read_gallery, gallery.read_cells):
        cached.cache_clear()
    made = json.loads(path.read_text())["made"]
    assert made["command"] == "make it"
    assert made["torch"].startswith("2.")
    other = Store(tmp_path / "other")
    shown = study_frame(other, plan)
    assert set(shown["source"]) == {"gallery"}
    assert set(shown["state"]) == {"finished"}
    assert shown["test_auc"].to_numpy() == pytest.approx(before["test_auc"].to_numpy(), rel=1e-5)
    running.start(other, plan)  # what is shown from the gallery still trains here
    waiting = study_frame(other, plan)
    assert set(waiting["state"]) == {"queued"}
    assert set(waiting["source"]) == {"gallery"}
    work(other)
    assert set(study_frame(other, plan)["source"]) == {"measured"}
    other.close()


def study_frame(store, plan):
    return frame(plan, known_cells(store, plan))


def test_a_thousand_runs_are_read_by_one_query(store):
    plan = plan_of(seeds=range(200), values=tuple(float(k) for k in range(3)))
    queries = []
    with store.transaction() as db:
        db.set_trace_callback(queries.append)
    queries.clear()
    assert len(study_frame(store, plan)) == 1200
    assert len([query for query in queries if "runs" in query]) == 1


def test_a_study_trained_in_this_process_is_complete(store, monkeypatch):
    monkeypatch.setenv("COUNTERWEIGHT_RUNS", str(store.home))
    plan = make_plan(
        "table3", "simulated-small", seeds=(0,), epochs=1, d=2, weights_dim=2, patience=0
    )
    train_study_here(store, plan)
    cells = study_frame(store, plan)
    assert set(cells["source"]) == {"measured"}
    train_study_here(store, plan)
    assert n_runs(store) == 12


def staged(seeds=range(2)):
    """Two stages: Table 3 starts from finished runs."""
    return make_plan("table3", "simulated-small", seeds=seeds, epochs=2)


@contextmanager
def queries(store):
    """The statements that a block has the database run."""
    said = []
    store._db.set_trace_callback(said.append)
    try:
        yield said
    finally:
        store._db.set_trace_callback(None)


def test_an_idle_look_is_one_query_however_many_cells_a_study_has(store):
    studies = running.Advancing(store)
    with queries(store) as said:
        studies.look()
    assert len(said) == 1  # no study at all
    running.start(store, staged(range(10)))
    studies.look()
    with queries(store) as said:
        for _ in range(5):
            studies.look()
    assert len(said) == 5
    plan = [row[3] for row in store.read_tuples(f"EXPLAIN QUERY PLAN {said[0]}")]
    assert any("runs USING COVERING INDEX runs_state" in step for step in plan)


def test_a_look_launches_the_next_stage_as_soon_as_one_run_has_ended(store):
    plan = staged()
    running.start(store, plan)
    studies = running.Advancing(store)
    studies.look()
    before = n_runs(store)
    assert states(store, plan)["waiting"] == 18
    assert work(store, groups=1) == 1
    studies.look()
    assert n_runs(store) > before
    while work(store):
        studies.look()
    studies.look()
    assert running.read_study(store, plan).state == "ended"
    assert states(store, plan) == {"finished": len(plan)}


def test_a_look_sees_studies_that_others_start_pause_and_resume(store):
    studies = running.Advancing(store)
    studies.look()
    plan = staged()
    running.start(store, plan)
    work(store)
    running.pause(store, plan.id)
    studies.look()
    assert states(store, plan)["missing"] == 18  # nothing is launched while paused
    running.resume(store, plan.id)
    work(store)
    studies.look()
    assert running.read_study(store, plan).state == "ended"


def test_a_studys_state_is_read_by_itself(store):
    plan, other = plan_of(), plan_of(seeds=range(3))
    for one in (plan, other):
        running.start(store, one)
    with queries(store) as said:
        assert running.read_study(store, plan).state == "active"
    assert sum("FROM studies" in one for one in said) == 1
    assert not any("plan" in one for one in said)  # thousands of characters each
    assert study_state(store, "no-such-study") is None
