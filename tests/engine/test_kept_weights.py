"""What a run keeps of its weights: best and last epoch pair by pair, both blocks, and how much."""

import shutil

import numpy as np
import pytest
import torch
from safetensors.numpy import load_file, save_file
from stored import train_here

from engine import api
from engine.config import make_config
from engine.datasets.ratings import Pairs, Ratings
from engine.diagnostics import kl
from engine.errors import StoreError
from engine.jobs.building import build, tuned
from engine.presets import preset
from engine.store import weights as kept_weights
from engine.store.database import Store
from engine.store.launches import create_launch
from engine.training.telling import last_arrays
from engine.training.trainer import Trainer

EPOCHS = 6
MEGABYTE = 1_000_000
# Imputed errors that are learned fast: the validation AUC has its best early on.
CONFIG = preset(
    "simulated-small", "dr", lam=64.0, epochs=EPOCHS, patience=0,
    imputation_lr=3e-2, imputation_decay=0.01,
)  # fmt: skip


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    return tmp_path_factory.mktemp("runs")


@pytest.fixture(autouse=True)
def runs_home(home, monkeypatch):
    monkeypatch.setenv("COUNTERWEIGHT_RUNS", str(home))


@pytest.fixture(scope="module")
def launches(home):
    """A run started in the lab and one by a study."""
    store = Store(home)
    made = {}
    with tuned():
        for name, seed in (("lab", 0), ("study", 1)):
            config = CONFIG.model_copy(update={"seed": seed})
            made[name] = create_launch(store, [config], priority=name).runs[0]
            train_here(store, build)
    store.close()
    return made


def test_the_last_epoch_is_kept_beside_the_best(launches):
    run = launches["lab"]
    best = api.run(run).best_epoch
    assert best < EPOCHS
    assert api.pair_epochs(run) == [best, EPOCHS]
    for block in ("observed", "all"):
        at_best, at_last = api.weights(run, block), api.weights(run, block, EPOCHS)
        assert (at_best.epoch, at_last.epoch) == (best, EPOCHS)
        assert api.weights(run, block, best) is at_best
        told = api.snapshot(run, EPOCHS, block)
        counts = at_last.histogram()["pairs"].to_numpy()
        # Factors of the last epoch are in half precision: some pairs change their bin.
        moved = np.abs(counts - told.histogram[1:-1]).sum() / counts.sum()
        assert moved < 0.02
        cells = at_last.cells.pivot(index="user_group", columns="item_group", values="weight")
        np.testing.assert_allclose(told.decile_map, cells, atol=2e-3)
        apart = np.abs(at_last.pairs["prediction"] - at_best.pairs["prediction"])
        assert apart.mean() > 1e-3
    with pytest.raises(StoreError, match=rf"of epoch {best} and {EPOCHS} only, not of 1\."):
        api.weights(run, "all", 1)


def test_a_study_keeps_the_best_epoch_alone(launches):
    run = launches["study"]
    record = api.run(run)
    names = load_file(record.arrays)
    assert not [name for name in names if name.startswith("last.")]
    assert api.pair_epochs(run) == [record.best_epoch]
    assert api.weights(run, "all").block == "all"
    if record.best_epoch != EPOCHS:
        with pytest.raises(StoreError, match=f"of epoch {record.best_epoch} only"):
            api.weights(run, epoch=EPOCHS)


def test_epochs_of_the_weights_on_all_pairs_are_kept_more_rarely(launches):
    run = launches["lab"]
    assert api.snapshot_epochs(run) == [1, 2, 3, 4, 5, 6]
    assert api.snapshot_epochs(run, "all") == [1, 5, 6]
    assert api.snapshot(run, block="all").epoch == EPOCHS
    assert api.snapshot(run, 5, "all").histogram.sum() == 40_000
    with pytest.raises(StoreError, match=r"no weights on all pairs of epoch 2\."):
        api.snapshot(run, 2, "all")


def test_a_store_written_before_says_what_it_lacks(launches, tmp_path):
    """Without last epochs, and without the models that w1 is made of."""
    path = api.run(launches["study"]).arrays
    whole = load_file(path)
    save_file({k: v for k, v in whole.items() if not k.startswith("phi.")}, path)
    try:
        found = api.weights(launches["study"])
        assert "exact" not in found.pairs
        with pytest.raises(StoreError, match=r"older version.*on all pairs \(w1\)"):
            api.weights(launches["study"], "all")
    finally:
        save_file(whole, path)


def test_of_a_run_whose_lam_moved_it_is_the_one_of_the_epoch(home, launches, tmp_path, monkeypatch):
    shutil.copytree(home, tmp_path / "copy")
    monkeypatch.setenv("COUNTERWEIGHT_RUNS", str(tmp_path / "copy"))
    run = launches["lab"]
    before = api.weights(run).beside("exact")[1]
    store = Store(tmp_path / "copy")
    with store.transaction() as db:
        number = db.execute("SELECT number FROM runs WHERE id = ?", (run,)).fetchone()["number"]
        db.execute("UPDATE runs SET edited = 1 WHERE number = ?", (number,))
        db.execute("UPDATE epochs SET lam = 1 WHERE run = ? AND epoch = ?", (number, EPOCHS))
    store.close()
    assert api.weights(run).config.lam == 64  # held since before
    found = api.weights(run, epoch=EPOCHS)
    assert found.config.lam == 1
    assert found.beside("exact")[1] > before


def test_few_runs_of_many_pairs_are_held_at_once(launches, monkeypatch):
    """Of each 4,000 ratings and 40,000 pairs."""
    lab, study = launches["lab"], launches["study"]
    first = api.weights(lab, "all")
    assert api.weights(study, "all") is api.weights(study, "all")
    assert api.weights(lab, "all") is first
    monkeypatch.setattr(kept_weights, "HELD_PAIRS", 50_000)
    kept_weights._held.clear()
    first = api.weights(lab, "all")
    assert api.weights(lab, "all") is first  # one always is
    assert api.weights(study, "all").run == study
    assert len(kept_weights._held) == 1
    assert api.weights(lab, "all") is not first


def test_a_run_keeps_its_exact_weights_at_both_epochs(launches):
    for epoch in api.pair_epochs(launches["lab"]):
        found = api.weights(launches["lab"], "all", epoch)
        told = api.epochs([launches["lab"]], ["exact_kl"])
        row = told.loc[told["epoch"] == epoch, "exact_kl"].iloc[0]
        if np.isfinite(row):  # the larger of both blocks
            both = [api.weights(launches["lab"], b, epoch) for b in ("observed", "all")]
            mine = max(kl(w.pairs["weight"], w.pairs["exact"]) for w in both)
            assert mine == pytest.approx(row, rel=0.05, abs=1e-5)
        assert found.hard_feasible


@pytest.mark.parametrize("method", ["dr", "autodebias"])
def test_a_run_on_music_at_dimension_256_keeps_less_than_50_megabytes(method):
    rng = np.random.default_rng(0)
    cells = np.sort(rng.choice(15_400 * 1_000, 311_704, replace=False))
    stars = rng.integers(1, 6, 311_704).astype(float)
    biased = Pairs(*np.divmod(cells, 1_000), stars)
    random = Pairs(np.repeat(np.arange(5_400), 10), np.tile(np.arange(10), 5_400), stars[:54_000])
    ratings = Ratings("music", 15_400, 1_000, biased, random, 4.0)
    config = make_config(
        dataset="music", method=method, propensity="constant", d=256, moments=("e", "r"),
        weights_model="mf", block_users=3000, block_items=300,
    )  # fmt: skip
    with tuned():
        trainer = Trainer({"run": config}, ratings)
        result = trainer._learners.global_pass(trainer._lanes)
        kept = trainer._learners.copy(0, result)
    best = sum(value.nbytes for value in kept.values())
    last = sum(value.nbytes for value in last_arrays(kept).values())
    assert best < 30 * MEGABYTE
    assert best + last < 50 * MEGABYTE


def test_factors_that_do_not_fit_half_precision_keep_theirs():
    kept = {
        "theta.P": torch.ones(1, 2, 2),
        "theta.Q": torch.full((1, 2, 2), 1e6),
        "theta.b": torch.ones(1, 2),
        "weights.x": torch.ones(1, 2, 1),
    }
    kinds = {name: array.dtype for name, array in last_arrays(kept).items()}
    assert kinds == {
        "last.theta.P": np.float16,
        "last.theta.Q": np.float32,
        "last.theta.b": np.float32,
        "last.weights.x": np.float32,
    }
