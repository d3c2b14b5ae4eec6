"""Which runs the store holds already."""

from engine.presets import preset
from engine.store.database import Store
from engine.store.finished import finished_runs
from engine.store.launches import create_launch


def test_finished_runs_are_the_oldest_that_nobody_edited(tmp_path):
    store = Store(tmp_path)
    configs = [preset("simulated-small", "mf", seed=seed) for seed in (0, 1)]
    launches = [create_launch(store, configs, twins=False) for _ in range(3)]
    prints = [config.fingerprint() for config in configs]
    assert finished_runs(store, prints) == {}
    with store.transaction() as db:
        db.execute("UPDATE runs SET state = 'finished'")
        db.execute("UPDATE runs SET edited = 1 WHERE id = ?", (launches[0].runs[0],))
        db.execute("UPDATE runs SET state = 'failed' WHERE id = ?", (launches[1].runs[1],))
    assert finished_runs(store, [*prints, "nobody"]) == {
        prints[0]: launches[1].runs[0],
        prints[1]: launches[0].runs[1],
    }
    assert finished_runs(store, []) == {}
    store.close()
