"""The search space and the noise of an AUC: no training, no optuna."""

import math

import numpy as np
import pytest

from engine.config import LAM_GRID, changed
from engine.methods import METHODS
from engine.metrics import auc
from engine.presets import preset
from engine.tuning.space import SPACE, config_of, searched, start_of, strengths
from engine.tuning.tune import auc_error

OFFERED = ("naive_bayes", "constant", "bilevel")


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
