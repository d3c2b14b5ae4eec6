"""Settings in files: what is written comes back, and what cannot serve is said in words."""

import json

import pytest

from engine.errors import ConfigError
from engine.presets import preset
from engine.presets.files import Tuned, read_settings, seeded, tuned_per_seed, write_settings


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
    assert [(seed, one.config.split_seed, one.config.d) for seed, one in found.items()] == [
        (0, 0, 10),
        (2, 2, 12),
    ]
    files = [tmp_path / "ips-2.json", tmp_path / "ips-0.json"]
    assert tuned_per_seed(files) == found
    assert tuned_per_seed(tmp_path, [0], method="dr")[0].config.method == "dr"


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
