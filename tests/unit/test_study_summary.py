"""What studies say, by hand."""

import numpy as np
import pandas as pd
import pytest

from engine.studies.summary import choose, gain, strongest_base, summarise


def cells(rows, **columns):
    frame = pd.DataFrame(rows, columns=["series", "x", "seed", "validation_auc", "test_clean_auc"])
    return frame.assign(**{"label": frame["series"], "source": "measured", **columns})


FRAME = cells(
    [
        *(("a", 0.0, 0, 0.60, 0.50), ("a", 0.0, 1, 0.70, 0.70)),
        *(("a", 1.0, 0, 0.70, 0.80), ("a", 1.0, 1, 0.80, 0.60)),
        *(("b", 0.0, 0, 0.90, 0.10), ("b", 0.0, 1, np.nan, np.nan)),
    ]
)


def test_means_have_student_intervals_and_one_seed_has_none():
    """Values .5, .7: mean .6, sd .1414, half width 12.706 * .1414 / sqrt 2 = 1.2706."""
    table = summarise(FRAME, ["test_clean_auc"]).set_index(["series", "x"])
    row = table.loc["a", 0.0]
    assert row["mean"] == pytest.approx(0.6)
    assert row["sd"] == pytest.approx(0.1414, abs=1e-4)
    assert row["high"] - row["mean"] == pytest.approx(1.2706, abs=1e-4)
    assert row["n"] == 2
    assert table.loc["b", 0.0]["n"] == 1
    assert np.isnan(table.loc["b", 0.0]["sd"])


def test_measured_and_shipped_numbers_are_told_apart():
    mixed = FRAME.assign(source=["measured", "gallery", "gallery", "gallery", "measured", ""])
    sources = summarise(mixed, ["test_clean_auc"]).set_index(["series", "x"])["source"]
    assert list(sources) == ["mixed", "gallery", "measured"]


def test_a_gain_is_paired_over_the_seeds_both_have():
    """Differences .3 and -.1: mean .1."""
    mean, low, high, n = gain(FRAME, "test_clean_auc", ("a", 1.0), ("a", 0.0))
    assert mean == pytest.approx(0.1)
    assert low < -1 < 1 < high
    assert n == 2
    assert gain(FRAME, "test_clean_auc", ("a", 0.0), ("b", 0.0))[3] == 1
    assert gain(FRAME, "test_clean_auc", ("a", 0.0), ("c", 0.0)) is None


def chosen(validation, **columns):
    """Seeds x values of validation AUC; test AUC falls from .9 by .1 a step."""
    rows = [
        ("a", float(2**k), seed, value, 0.9 - 0.1 * k)
        for seed, values in enumerate(validation)
        for k, value in enumerate(values)
    ]
    return choose(cells(rows, **columns), "a")


def test_the_smallest_value_within_one_paired_standard_error_of_the_best_is_chosen():
    # 4 is best; 2 is worse by .01 and .03, mean .02, error .01; 1 by 0 and .02, .01 and .01.
    found = chosen([[0.70, 0.69, 0.70], [0.70, 0.69, 0.72]])
    assert (found.best, found.chosen) == (4.0, 1.0)
    assert found.best_on_test == 1.0
    assert found.regret == pytest.approx(0.0)
    clear = chosen([[0.70, 0.69, 0.75], [0.70, 0.69, 0.76]])
    assert clear.chosen == 4.0
    assert clear.regret == pytest.approx(0.2)  # .9 at 1 against .7 at 4


def test_nothing_is_chosen_before_a_value_has_all_its_seeds_and_test_plays_no_part():
    assert choose(FRAME.assign(source=""), "a") is None
    frame = FRAME.assign(test_clean_auc=np.nan)
    assert choose(frame, "a").chosen == choose(FRAME, "a").chosen
    assert np.isnan(choose(frame, "a").regret)


def test_the_strongest_base_is_chosen_on_validation():
    assert strongest_base(FRAME, [("a", 0.0), ("b", 0.0)]) == ("b", 0.0)  # though worst on test
    assert strongest_base(FRAME, [("c", 0.0)]) is None
