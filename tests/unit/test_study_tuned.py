"""Studies with settings tuned per seed."""

import pytest

from engine.errors import ConfigError
from engine.presets import preset
from engine.presets.files import Tuned, seeded, write_settings
from engine.studies import make_plan
from engine.studies.tuned import with_tuned


def tune(folder, method, seed, **changes):
    config = seeded(preset("coat", method, **changes), seed)
    numbers = {"metric": "auc", "value": 0.7, "preset_value": 0.6, "trials": 20 + seed}
    tuned = Tuned(config=config, seed=seed, failed=0, validation_ratings=232, **numbers)
    write_settings(tuned, folder / f"{method}-{config.balance}-{seed}.json")


def test_each_seed_trains_with_what_its_own_validation_chose(tmp_path):
    for seed, lr in ((0, 0.002), (1, 0.004)):
        tune(tmp_path, "ips", seed, lr=lr, lam=0.25)
    plan = with_tuned(make_plan("table2", "coat", methods=("ips",), seeds=(0, 1)), tmp_path)
    cells = {(c.series.key, c.seed): c.config for c in plan.cells()}
    found = {seed: cells["ips/learned/e/in_sample", seed] for seed in (0, 1)}
    assert [found[s].lr for s in (0, 1)] == [0.002, 0.004]
    assert [found[s].split_seed for s in (0, 1)] == [0, 1]
    # Not tuned: the base method, and the same balancing of other moments.
    assert cells["ips", 0].lr == cells["ips/learned/e,r/in_sample", 0].lr == preset("coat").lr
    trials = {series.key: series.trials for series in plan.series}
    assert trials == {"ips": 0, "ips/learned/e/in_sample": 21, "ips/learned/e,r/in_sample": 0}


def test_the_axis_stays_the_study_s(tmp_path):
    tune(tmp_path, "ips", 0, lam=0.25)
    plan = with_tuned(make_plan("lambda", "coat", methods=("ips",), seeds=(0,)), tmp_path)
    assert {cell.config.lam for cell in plan.cells()} == set(plan.values)


def test_what_does_not_fit_is_said_in_words(tmp_path):
    plan = make_plan("table2", "coat", methods=("ips",), seeds=(0, 1))
    with pytest.raises(ConfigError, match="python -m engine tune"):
        with_tuned(plan, tmp_path)
    tune(tmp_path, "ips", 0)
    with pytest.raises(ConfigError, match="seed 1"):
        with_tuned(plan, tmp_path)
    uniform = make_plan("uniform", "coat", seeds=(0,))
    with pytest.raises(ConfigError, match="would be test ratings"):
        with_tuned(uniform, tmp_path)
