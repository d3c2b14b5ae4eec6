"""The store: one file, many processes, no half-written epochs, older versions brought forward."""

import os
import sqlite3
import subprocess
import sys

import pytest
from fake_trainer import FakeTrainer, build

from engine.config import make_config
from engine.errors import StoreError
from engine.events import EPOCH_COLUMNS
from engine.jobs.drive import drive
from engine.store import schema
from engine.store.database import BACKUP, FILE, Store
from engine.store.history import read_epochs
from engine.store.launches import create_launch, find_launch
from engine.store.processes import Process
from engine.store.queue import claim_next
from engine.store.rebuild import open_store, rebuild
from engine.store.reports import read_progress, read_run, read_runs


@pytest.fixture
def store(tmp_path):
    store = Store(tmp_path)
    yield store
    store.close()


def train(store, *configs, **options):
    launch = create_launch(store, configs, **options)
    claim = claim_next(store, Process.here())
    assert drive(store, claim, build) == "ended"
    return launch


def test_an_epoch_comes_back_as_it_was_told(store):
    config = make_config(epochs=4, lam=0.5, seed=3)
    launch = train(store, config)
    told = FakeTrainer({"a": config, "b": config.twin()})
    rows = [row for e in told.events() for row in getattr(e, "runs", ())]
    frame = read_epochs(store, launch.all_runs)
    assert list(frame.columns) == ["run", "epoch", *EPOCH_COLUMNS]
    ours = frame[frame.run == launch.runs[0]]
    assert ours.loss.tolist() == [row.loss for row in rows if row.run == "a"]
    assert ours.entropy.tolist() == [row.entropy for row in rows if row.run == "a"]
    assert ours.epoch.tolist() == [1, 2, 3, 4]
    assert frame[frame.run == launch.twins[launch.runs[0]]].entropy.isna().all()
    later = read_epochs(store, launch.runs, ["loss"], after={launch.runs[0]: 2})
    assert later.epoch.tolist() == [3, 4]
    assert list(later.columns) == ["run", "epoch", "loss"]


def test_a_transaction_that_raises_leaves_nothing(store):
    def write_and_raise():
        with store.transaction() as db:
            db.execute("INSERT INTO workers (host, pid, start, started) VALUES ('h', 1, 1, 1)")
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        write_and_raise()
    assert store.read("SELECT * FROM workers") == []


COUNT_UP = """
import sys
from pathlib import Path
from engine.store.database import Store
store = Store(Path(sys.argv[1]))
for _ in range(100):
    with store.transaction() as db:
        value = db.execute("SELECT beat FROM workers").fetchone()["beat"]
        db.execute("UPDATE workers SET beat = ?", (value + 1,))
"""


def test_writers_in_several_processes_lose_nothing(store):
    with store.transaction() as db:
        db.execute("INSERT INTO workers (host, pid, start, started) VALUES ('h', 1, 1, 1)")
    command = [sys.executable, "-c", COUNT_UP, str(store.home)]
    writers = [subprocess.Popen(command) for _ in range(3)]
    assert [writer.wait(60) for writer in writers] == [0, 0, 0]
    assert store.read("SELECT beat FROM workers")[0]["beat"] == 300


def test_several_processes_may_open_a_new_store_at_once(tmp_path):
    command = [sys.executable, "-c", COUNT_UP.split("for _")[0], str(tmp_path / "new")]
    openers = [subprocess.Popen(command) for _ in range(4)]
    assert [opener.wait(60) for opener in openers] == [0, 0, 0, 0]


def test_a_file_that_is_no_database_is_refused_in_words(tmp_path):
    (tmp_path / FILE).write_text("my shopping list, " * 500)
    with pytest.raises(StoreError, match=r"not a database; move it away"):
        Store(tmp_path)
    assert (tmp_path / FILE).read_text().startswith("my shopping list")


def test_a_database_of_another_program_is_refused(tmp_path):
    with sqlite3.connect(tmp_path / FILE) as db:
        db.execute("CREATE TABLE recipes (name TEXT)")
    db.close()
    with pytest.raises(StoreError, match="another program"):
        Store(tmp_path)


def test_a_newer_store_is_refused(tmp_path):
    Store(tmp_path).close()
    with sqlite3.connect(tmp_path / FILE) as db:
        db.execute("PRAGMA user_version = 99")
    db.close()
    with pytest.raises(StoreError, match=r"newer Counterweight.*update Counterweight"):
        Store(tmp_path)


def test_a_folder_that_cannot_be_made_is_said_so(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(StoreError, match="COUNTERWEIGHT_RUNS"):
        Store(tmp_path / "file" / "runs")


def test_an_older_store_is_migrated_and_keeps_its_runs(tmp_path, monkeypatch):
    old = Store(tmp_path)
    launch = train(old, make_config(epochs=2))
    old.close()
    step = "ALTER TABLE runs ADD COLUMN tags TEXT NOT NULL DEFAULT 'none'"
    monkeypatch.setattr(schema, "MIGRATIONS", (*schema.MIGRATIONS, step))
    monkeypatch.setattr(schema, "EPOCH_COLUMNS", (*EPOCH_COLUMNS, "entirely_new"))
    new = Store(tmp_path)
    assert not new.is_new
    assert new.read("PRAGMA user_version")[0][0] == len(schema.MIGRATIONS)
    assert {row["tags"] for row in new.read("SELECT tags FROM runs")} == {"none"}
    assert {row[0] for row in new.read("SELECT entirely_new FROM epochs")} == {None}
    assert read_epochs(new, launch.runs).epoch.tolist() == [1, 2]
    new.close()


def test_a_store_of_the_first_version_is_brought_forward(tmp_path):
    (tmp_path / "x").mkdir()
    with sqlite3.connect(tmp_path / FILE) as db:
        db.executescript(schema.MIGRATIONS[0])
        db.execute("INSERT INTO launches VALUES ('l1', NULL, 'lab', 1.0, '[\"r1\"]', '{}')")
        db.execute(
            "INSERT INTO groups (id, launch, priority, state) VALUES ('g1', 'l1', 1, 'paused')"
        )
        db.execute(
            "INSERT INTO runs (id, launch, group_id, state, config, fingerprint, created) "
            "VALUES ('r1', 'l1', 'g1', 'paused', ?, 'f', 1.0)",
            (make_config(epochs=2).model_dump_json(),),
        )
        db.execute("PRAGMA user_version = 1")
    db.close()
    store = Store(tmp_path)
    record = read_run(store, "r1")
    assert (record.edited, record.branched_from, record.branched_epoch) == (False, None, None)
    told = read_progress(store, "l1")
    assert (told.state, told.speed) == ("paused", None)
    store.close()


def test_a_failed_migration_changes_nothing(tmp_path, monkeypatch):
    Store(tmp_path).close()
    broken = "CREATE TABLE half (a TEXT); CREATE TABEL other (b TEXT)"
    with monkeypatch.context() as patch:
        patch.setattr(schema, "MIGRATIONS", (*schema.MIGRATIONS, broken))
        with pytest.raises(StoreError):
            Store(tmp_path)
    store = Store(tmp_path)
    assert store.read("SELECT name FROM sqlite_master WHERE name = 'half'") == []
    store.close()


def test_ended_runs_are_listed_again_from_their_files(tmp_path):
    store = Store(tmp_path)
    launch = train(store, make_config(epochs=2, lam=0.5), make_config(epochs=2, lam=0.25))
    before = read_runs(store, launch.id, 10, None)
    record = read_run(store, launch.runs[0])
    assert rebuild(store) == 0
    store.close()
    for path in tmp_path.glob(f"{FILE}*"):
        path.unlink()
    store = open_store(tmp_path)
    again = read_runs(store, launch.id, 10, None)
    assert len(again) == 3
    assert again.equals(before)
    assert read_run(store, launch.runs[0]) == record
    assert find_launch(store, launch.id) == launch
    assert record.arrays is not None
    store.close()


def test_a_damaged_run_file_is_named(store):
    (store.home / "runs" / "r1.json").write_text("{")
    with pytest.raises(StoreError, match=r"r1\.json cannot be read"):
        rebuild(store)


def test_the_backup_is_a_whole_database_and_made_once_a_day(store):
    launch = train(store, make_config(epochs=2))
    assert store.back_up()
    assert not store.back_up()
    backup = store.home / BACKUP
    day_before = backup.stat().st_mtime - 25 * 3600
    os.utime(backup, (day_before, day_before))
    assert store.back_up()
    with sqlite3.connect(backup) as db:
        assert db.execute("SELECT count(*) FROM runs").fetchone() == (len(launch.all_runs),)
    db.close()
