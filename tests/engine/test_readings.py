"""The two other readings of the paper do what DEVIATIONS.md says of them, collapse included."""

import pytest

from engine.config import changed
from engine.events import GroupEpoch
from engine.presets import READINGS, preset
from engine.training.trainer import Trainer


def entropies(config, lams, ratings):
    runs = {f"{lam:g}": changed(config, lam=lam) for lam in lams}
    ess, done = {}, {}
    for event in Trainer(runs, ratings).events():
        if isinstance(event, GroupEpoch):
            ess |= {(row.run, row.epoch): row.ess for row in event.runs}
            done |= {end.run: end for end in event.done}
    return ess, done


def test_as_printed_weights_collapse_onto_few_ratings(coat):
    ess, _ = entropies(preset("coat", "ips", "printed", epochs=60, patience=0), [1.0], coat)
    assert ess["1", 1] > 0.99
    assert ess["1", 60] < 0.5
    assert ess["1", 60] < ess["1", 20] < ess["1", 1]


def test_as_released_weights_stay_uniform_whatever_lambda_and_p_stays_a_half(coat):
    config = preset("coat", "ips", "released", epochs=60, patience=0)
    ess, done = entropies(config, [0.015625, 1.0, 64.0], coat)
    assert all(value > 0.98 for value in ess.values())
    aucs = [end.test["auc"] for end in done.values()]
    assert max(aucs) - min(aucs) < 0.01
    assert done["1"].facts["propensity_sd"] < 0.01
    assert done["1"].facts["propensity_calibration"] == pytest.approx(0.16, abs=0.01)


@pytest.mark.parametrize("reading", list(READINGS))
@pytest.mark.parametrize("method", ["mf", "ips", "dr", "autodebias"])
def test_every_reading_is_a_complete_config(reading, method):
    config = preset("coat", method, reading)
    assert (config.dataset, config.method) == ("coat", method)
    assert config.balance == "learned"
    assert (config.entropy_sign == "minimise") == (reading != "corrected")


def test_a_reading_nobody_knows_is_one_sentence():
    with pytest.raises(Exception, match=r"reading: got 'literal'; allowed: one of corrected"):
        preset("coat", "ips", "literal")
