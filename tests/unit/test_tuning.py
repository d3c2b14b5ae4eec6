"""The search space, the noise of an AUC, and settings in files: no training, no optuna."""

import json
import math

import numpy as np
import pytest

from engine.config import LAM_GRID, changed
from engine.errors import ConfigError
from engine.methods import METHODS
from engine.metrics import auc
from engine.presets import preset
from engine.presets.files import Tuned, read_settings, seeded, tuned_per_seed, write_settings
from engine.tuning.space import SPACE, config_of, searched, start_of, strengths
from engine.tuning.tune import auc_error

OFFERED = ("naive_bayes", "constant", "bilevel")


def settings(method="ips", seed=3, metric="auc", dataset="coat", **changes):
    return Tuned(
        config=seeded(preset(dataset, method, lr=0.002, lam=0.25, **changes), seed),
        seed=seed,
        metric=metric,
        value=0.75,
        preset_value=0.7,
        trials=50,
        failed=2,
        validation_ratings=232,
        standard_error=0.03,
        engine="0.1.0",
    )


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("dataset", ["simulated-small", "coat", "music"])
def test_every_space_holds_its_preset_and_only_values_a_run_may_have(method, dataset):
    centre = preset(dataset, method)
    fields = searched(centre, frozenset(), OFFERED)
    assert {"d", "lr", "weight_decay"} <= fields.keys() <= {*SPACE[method], "lam"}
    assert ("lam" in fields) == centre.balanced
    assert config_of(centre, fields, start_of(centre, fields)) == centre
    for name, field in fields.items():
        ends = [0, len(field.values) - 1] if field.values else [field.low, field.high]
        ends = field.values if name == "propensity" else ends
        for end in ends:
            changed(centre, **{name: field.decoded(end)})
        if not field.values:
            assert 0 < field.low < field.start < field.high


def test_what_is_fixed_or_without_a_choice_is_not_searched():
    dr = preset("coat", "dr")
    fields = searched(dr, frozenset({"d", "propensity", "epochs"}), OFFERED)
    assert fields.keys() == {"lr", "weight_decay", "imputation_lr", "imputation_decay", "lam"}
    assert "propensity_lr" in searched(dr, frozenset(), OFFERED)
    assert "propensity_lr" not in searched(dr, frozenset(), OFFERED[:2])
    learned = changed(dr, propensity="bilevel")
    assert "propensity_lr" in searched(learned, frozenset({"propensity"}), OFFERED)
    assert "lam" not in searched(preset("coat", "dr", balance="none"), frozenset(), OFFERED)
    assert "lam" not in searched(dr, frozenset({"lam"}), OFFERED)
    lam = searched(dr, frozenset(), OFFERED)["lam"]
    assert lam.values == LAM_GRID[1:] == tuple(2.0**k for k in range(-9, 9))
    assert searched(changed(dr, d=20), frozenset(), OFFERED)["d"].values == (10, 20, 32, 64)


def test_strengths_are_different_and_spread_evenly():
    assert strengths(9, 18, 4) == [9, 13, 0, 5]  # 9 + 4.5, 9, 13.5, modulo 18; halves to even
    for at in range(18):
        found = strengths(at, 18, 4)
        assert found[0] == at
        assert len(set(found)) == 4
        assert all(0 <= position < 18 for position in found)
    assert sorted(strengths(2, 3, 5)) == [0, 1, 2]


def test_the_error_of_an_auc_is_hanley_and_mcneils():
    """At AUC 1/2 it is exactly that of the Mann-Whitney statistic: (m + n + 1) / (12 m n)."""
    assert auc_error(0.5, 10, 10) == pytest.approx(math.sqrt(21 / 1200))
    assert auc_error(0.5, 7, 30) == pytest.approx(math.sqrt(38 / (12 * 7 * 30)))
    assert auc_error(1.0, 5, 5) == 0.0
    rng, label = np.random.default_rng(0), np.repeat([1.0, 0.0], [40, 120])
    # Exponential scores, which the formula is exact for: AUC = 3 / (3 + 1).
    scale = np.where(label > 0.5, 3.0, 1.0)
    drawn = [auc(label, rng.exponential(scale)) for _ in range(2000)]
    assert np.mean(drawn) == pytest.approx(0.75, abs=0.005)
    assert np.std(drawn) == pytest.approx(auc_error(0.75, 40, 120), rel=0.06)


def test_settings_come_back_as_they_were_written_without_seeds_in_their_config(tmp_path):
    path = tmp_path / "deep" / "coat.json"
    tuned = settings("dr", moments=("e", "r"))
    write_settings(tuned, path)
    assert read_settings(path) == read_settings(path, "coat") == tuned
    content = json.loads(path.read_text(encoding="utf-8"))
    assert not {"seed", "split_seed", "data_seed"} & content["config"].keys()
    assert content["noise"] == {"standard_error": 0.03, "validation_ratings": 232}
    assert (content["method"], content["seed"], content["trials"]) == ("dr", 3, 50)
    assert (tuned.config.seed, tuned.config.split_seed, tuned.config.data_seed) == (3, 3, 0)
    simulated = seeded(preset("simulated-small"), 3)
    assert (simulated.seed, simulated.split_seed, simulated.data_seed) == (3, 3, 3)


def broken(content, **changes):
    return json.dumps({**content, **changes})


BAD = {
    "no JSON": (lambda c: "{", "JSON"),
    "another kind of JSON": (lambda c: "[1]", "a file that tuning wrote"),
    "no config": (lambda c: broken(c, config=None), "a file that tuning wrote"),
    "an unknown field": (
        lambda c: broken(c, config={**c["config"], "learning_rate": 1}),
        r"s.json, learning_rate: got 1",
    ),
    "a value that is not allowed": (
        lambda c: broken(c, config={**c["config"], "lr": -1}),
        r"s.json, lr: got -1; allowed: a finite number above 0",
    ),
    "a seed that is none": (lambda c: broken(c, seed=-3), "seed: got -3"),
    "a field missing": (
        lambda c: json.dumps({k: v for k, v in c.items() if k != "metric"}),
        "holds metric",
    ),
    "a value of another kind": (lambda c: broken(c, trials="many"), "many"),
    "parts that disagree": (lambda c: broken(c, method="ips"), "parts agree"),
}


@pytest.mark.parametrize("kind", BAD)
def test_a_file_that_cannot_serve_is_said_in_words(tmp_path, kind):
    path = tmp_path / "s.json"
    write_settings(settings("dr"), path)
    spoil, words = BAD[kind]
    path.write_text(spoil(json.loads(path.read_text(encoding="utf-8"))), encoding="utf-8")
    with pytest.raises(ConfigError, match=words):
        read_settings(path)


def test_a_file_that_is_not_there_or_of_another_data_set_is_said_in_words(tmp_path):
    with pytest.raises(ConfigError, match="python -m engine tune"):
        read_settings(tmp_path / "none.json")
    write_settings(settings(), tmp_path / "s.json")
    with pytest.raises(ConfigError, match="data set music; these were tuned on coat"):
        read_settings(tmp_path / "s.json", "music")
    (tmp_path / "file").write_text("", encoding="utf-8")
    with pytest.raises(ConfigError, match="out: got"):
        write_settings(settings(), tmp_path / "file" / "s.json")


def test_tuned_per_seed_gives_each_seed_its_own_settings(tmp_path):
    for seed in (0, 2):
        write_settings(settings(seed=seed, d=10 + seed), tmp_path / f"ips-{seed}.json")
    write_settings(settings("dr", seed=0), tmp_path / "dr-0.json")
    found = tuned_per_seed(tmp_path, [0, 2], method="ips")
    assert [(seed, config.split_seed, config.d) for seed, config in found.items()] == [
        (0, 0, 10),
        (2, 2, 12),
    ]
    files = [tmp_path / "ips-2.json", tmp_path / "ips-0.json"]
    assert tuned_per_seed(files) == found
    assert tuned_per_seed(tmp_path, [0], method="dr")[0].method == "dr"


def test_tuned_per_seed_says_which_seed_is_missing_and_what_does_not_fit(tmp_path):
    with pytest.raises(ConfigError, match="a file tuned on a seed"):
        tuned_per_seed(tmp_path)
    for seed in (0, 2):
        write_settings(settings(seed=seed), tmp_path / f"ips-{seed}.json")
    with pytest.raises(ConfigError, match=r"seed 1, 3 \(method ips\).*tune --seed SEED"):
        tuned_per_seed(tmp_path, range(4), method="ips")
    write_settings(settings("dr", seed=1), tmp_path / "dr-1.json")
    with pytest.raises(ConfigError, match=r"one method \(.*say which method"):
        tuned_per_seed(tmp_path)
    write_settings(settings(seed=2, metric="mse"), tmp_path / "mse-2.json")
    with pytest.raises(ConfigError, match="one file of seed 2"):
        tuned_per_seed(tmp_path, method="ips")
    assert set(tuned_per_seed(tmp_path, method="ips", metric="auc")) == {0, 2}
    with pytest.raises(ConfigError, match="data set music"):
        tuned_per_seed([tmp_path / "ips-0.json"], dataset="music")
