"""The split of the random ratings: the released code's, seed by seed."""

import numpy as np
import pytest

from engine.datasets.ratings import Pairs, Ratings
from engine.datasets.simulated import simulate
from engine.datasets.splits import make_split
from engine.errors import ConfigError, DataError


@pytest.fixture(scope="module")
def small() -> Ratings:
    return simulate("simulated-small", "strong", 0)


@pytest.mark.parametrize("seed", [0, 1, 42])
def test_standard_split_is_the_released_codes(small, seed):
    """It seeds numpy's global generator, permutes the rating rows, and cuts at truncated shares."""
    rows = np.stack([small.random.user, small.random.item, small.random.rating], axis=1)
    np.random.seed(seed)
    rows = np.random.permutation(rows)
    a, b = int(0.05 * len(rows)), int(0.05 * len(rows)) + int(0.05 * len(rows))
    split = make_split(small, seed)
    for part, expected in (
        (split.uniform, rows[:a]),
        (split.validation, rows[a:b]),
        (split.test, rows[b:]),
    ):
        ours = small.random.take(part)
        np.testing.assert_array_equal(
            np.stack([ours.user, ours.item, ours.rating], axis=1), expected
        )


def test_coat_by_hand(coat):
    """4,640 ratings: 5 % is 232; what is left of 4,640 − 2·232 is 4,176."""
    split = make_split(coat, 0)
    assert [len(p) for p in (split.uniform, split.validation, split.test)] == [232, 232, 4176]
    order = np.random.RandomState(0).permutation(4640)
    np.testing.assert_array_equal(split.uniform, order[:232])
    duplicated = np.isin(coat.random.code(300), coat.biased.code(300))
    assert duplicated.sum() == 366
    assert len(split.test) - len(split.test_clean) == duplicated[split.test].sum()


def test_nested_split_keeps_validation_and_test_while_uniform_grows(small):
    one, ten = (make_split(small, 5, share, "nested") for share in (0.01, 0.1))
    assert (len(one.uniform), len(ten.uniform)) == (40, 400)
    np.testing.assert_array_equal(one.uniform, ten.uniform[:40])
    np.testing.assert_array_equal(one.validation, ten.validation)
    np.testing.assert_array_equal(one.test, ten.test)


def test_clean_test_drops_pairs_that_are_biased_too(small):
    split = make_split(small, 0)
    biased = set(small.biased.code(200))
    kept = [k for k in split.test if small.random.take(np.array([k])).code(200)[0] not in biased]
    np.testing.assert_array_equal(split.test_clean, kept)
    assert len(kept) < len(split.test)


@pytest.mark.parametrize(
    ("fraction", "kind"), [(0, "standard"), (0.6, "standard"), (0.2, "nested")]
)
def test_a_share_out_of_range_is_refused(small, fraction, kind):
    with pytest.raises(ConfigError, match="uniform_fraction"):
        make_split(small, 0, fraction, kind)


def test_a_share_too_small_for_both_classes_is_refused(small):
    with pytest.raises(DataError, match="raise uniform_fraction") as caught:
        make_split(small, 0, 1e-4)
    assert caught.value.field == "uniform_fraction"


def test_a_test_part_of_one_class_is_refused(small):
    rating = np.zeros(100)
    rating[np.random.RandomState(0).permutation(100)[[0, 5]]] = 1  # positives in U and validation
    random = Pairs(np.arange(100), np.arange(100), rating)
    ratings = Ratings("mine", 100, 100, small.biased, random, 1.0)
    with pytest.raises(DataError, match="test part"):
        make_split(ratings, 0)
