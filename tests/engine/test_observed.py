"""What is kept of large simulated ratings gives the same weights as the simulation itself."""

import os

import numpy as np
import pytest

from engine.config import make_config
from engine.datasets import load
from engine.datasets.simulated import oracle_weights
from engine.datasets.splits import make_split
from engine.store import observed

CONFIG = make_config(dataset="simulated-small")


@pytest.fixture(autouse=True)
def _small_is_large(monkeypatch):
    monkeypatch.setattr(observed, "LARGE", 1)
    observed._read.cache_clear()


def files(home):
    return sorted((home / observed.FOLDER).glob("*"))


def test_ratings_come_back_as_far_as_weights_need_them(tmp_path):
    whole = observed.ratings_for_weights(tmp_path, CONFIG)
    assert whole.truth is not None  # the first to ask simulates
    kept = observed.ratings_for_weights(tmp_path, CONFIG)
    assert kept.truth is None
    assert kept.simulated
    for side in ("biased", "random"):
        for name in ("user", "item", "rating"):
            one, other = (getattr(getattr(r, side), name) for r in (whole, kept))
            assert one.dtype == other.dtype
            np.testing.assert_array_equal(one, other)
    known, again = whole.truth_of_biased(), kept.truth_of_biased()
    np.testing.assert_array_equal(known.hidden, again.hidden)
    np.testing.assert_array_equal(
        oracle_weights(whole, whole.given_propensity), oracle_weights(kept, kept.given_propensity)
    )
    assert (kept.threshold, kept.density) == (whole.threshold, whole.density)
    split, same = make_split(whole, 1), make_split(kept, 1)
    np.testing.assert_array_equal(split.test_clean, same.test_clean)


def test_the_confounder_of_the_sample_of_all_pairs_is_kept_too(tmp_path, monkeypatch):
    drawn = np.array([0, 5, 5, 39_999])
    monkeypatch.setattr(observed, "sample_pairs", lambda n_pairs: drawn)
    monkeypatch.setattr(observed, "_version", lambda: "one")
    whole = observed.ratings_for_weights(tmp_path, CONFIG)
    kept = observed.ratings_for_weights(tmp_path, CONFIG)
    user, item = np.divmod(drawn, 200)
    np.testing.assert_array_equal(kept.hidden_of(user, item), whole.truth.hidden[user, item])
    assert kept.hidden_of(user[:2], item[:2]) is None  # of other pairs nothing is known


def test_a_file_is_of_one_simulator_and_one_that_is_broken_is_not_believed(tmp_path, monkeypatch):
    observed.keep_observed(tmp_path, CONFIG, load(CONFIG))
    (path,) = files(tmp_path)
    monkeypatch.setattr(observed, "_version", lambda: "another")
    assert observed.ratings_for_weights(tmp_path, CONFIG).truth is not None
    assert len(files(tmp_path)) == 2
    monkeypatch.undo()
    monkeypatch.setattr(observed, "LARGE", 1)
    path.write_bytes(path.read_bytes()[:500])
    assert observed.ratings_for_weights(tmp_path, CONFIG).truth is not None


def test_small_and_real_data_are_not_kept_and_few_files_stay(tmp_path, monkeypatch):
    monkeypatch.setattr(observed, "FILES_MAX", 2)
    for seed in range(3):
        config = make_config(dataset="simulated-small", data_seed=seed)
        observed.keep_observed(tmp_path, config, load(config))
        for path in files(tmp_path):
            os.utime(path, (seed, seed) if f"-{seed}-" in path.name else None)
    assert len(files(tmp_path)) == 2
    monkeypatch.setattr(observed, "LARGE", 10**6)
    assert observed.ratings_for_weights(tmp_path, CONFIG).truth is not None
    assert len(files(tmp_path)) == 2


def test_a_worker_keeps_them_for_the_page(tmp_path, monkeypatch):
    from engine.jobs.building import build

    monkeypatch.setenv("COUNTERWEIGHT_RUNS", str(tmp_path))
    build({"run": make_config(dataset="simulated-small", epochs=1)})
    assert len(files(tmp_path)) == 1
