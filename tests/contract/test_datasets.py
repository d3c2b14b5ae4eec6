"""What every data set promises, checked on each of them."""

from pathlib import Path

import numpy as np
import pytest

from engine.config import RunConfig, make_config
from engine.datasets import DATASETS, load
from engine.datasets.catalogue import _cached
from engine.datasets.music import COMMON
from engine.datasets.ratings import Ratings
from engine.datasets.splits import make_split

SAMPLE = Path(__file__).parents[2] / "data" / "sample.csv"
SMALL = [("simulated-small", preset) for preset in ("none", "weak", "strong", "misspecified")]
CASES = [*SMALL, ("simulated-coat", "strong"), ("coat", ""), ("music", ""), (f"csv:{SAMPLE}", "")]
SLOW = [("simulated-music", "strong")]


@pytest.fixture(
    params=[*CASES, *(pytest.param(case, marks=pytest.mark.slow) for case in SLOW)],
    ids=lambda case: Path(case[0]).name + (f"-{case[1]}" if case[1] else ""),
)
def config(request, tmp_path, monkeypatch) -> RunConfig:
    name, preset = request.param
    if name == "coat":
        request.getfixturevalue("coat")
    if name == "music":
        write_music(tmp_path / "music")
        monkeypatch.setenv("COUNTERWEIGHT_DATA", str(tmp_path))
    return make_config(dataset=name, **({"confounding": preset} if preset else {}))


@pytest.fixture
def ratings(config) -> Ratings:
    return load(config)


def write_music(folder: Path) -> None:
    """Files in the layout of the common CSVs, of made-up ratings: the real ones may not be kept."""
    rng = np.random.default_rng(0)
    folder.mkdir()
    for name, users, n in ((COMMON.biased, 15_400, 3_000), (COMMON.random, 5_400, 2_000)):
        code = rng.choice(users * 1_000, n, replace=False)
        rows = zip(code // 1_000, code % 1_000, rng.integers(1, 6, n), strict=True)
        (folder / name).write_text("".join(f"{u},{i},{r}\n" for u, i, r in rows))


def test_codes_are_in_range_and_of_the_promised_types(ratings):
    for pairs in (ratings.biased, ratings.random):
        assert pairs.user.dtype == pairs.item.dtype == np.int64
        assert pairs.rating.dtype == np.float64
        assert len(pairs.user) == len(pairs.item) == len(pairs.rating) > 0
        assert 0 <= pairs.user.min() <= pairs.user.max() < ratings.n_users
        assert 0 <= pairs.item.min() <= pairs.item.max() < ratings.n_items
        assert np.isfinite(pairs.rating).all()


def test_biased_pairs_are_sorted_and_no_pair_stands_twice_in_a_part(ratings):
    code = ratings.biased.code(ratings.n_items)
    assert (np.diff(code) > 0).all()
    random = ratings.random.code(ratings.n_items)
    assert len(np.unique(random)) == len(random)


def test_both_parts_hold_both_classes(ratings):
    for pairs in (ratings.biased, ratings.random):
        assert 0 < ratings.label(pairs).mean() < 1


def test_given_propensities_are_probabilities(ratings):
    if ratings.given_propensity is not None:
        assert ratings.given_propensity.shape == (len(ratings.biased),)
        assert ratings.given_propensity.dtype == np.float64
        assert ((ratings.given_propensity > 0) & (ratings.given_propensity <= 1)).all()


def test_names_and_features_fit_the_codes(ratings):
    for count, names, features, columns in (
        (ratings.n_users, ratings.user_names, ratings.user_features, ratings.user_feature_names),
        (ratings.n_items, ratings.item_names, ratings.item_features, ratings.item_feature_names),
    ):
        assert names is None or len(set(names)) == count
        assert features is None or features.shape == (count, len(columns))


def test_truth_is_known_exactly_for_simulated_data_and_agrees_with_the_ratings(ratings):
    assert ratings.simulated == (ratings.truth is not None)
    if ratings.truth is None:
        return
    truth, shape = ratings.truth, (ratings.n_users, ratings.n_items)
    for array in (truth.hidden, truth.true_propensity, truth.nominal_propensity):
        assert array.shape == shape
        assert array.dtype == np.float32
        assert np.isfinite(array).all()
    for pairs in (ratings.biased, ratings.random):
        np.testing.assert_array_equal(truth.label[pairs.user, pairs.item], ratings.label(pairs))


@pytest.mark.parametrize("kind", ["standard", "nested"])
def test_the_split_is_disjoint_and_complete(ratings, kind):
    split = make_split(ratings, split_seed=3, kind=kind)
    parts = np.concatenate([split.uniform, split.validation, split.test])
    assert len(np.unique(parts)) == len(parts)
    left_out = len(ratings.random) - len(parts)
    unused_pool = len(ratings.random) // 10 - len(split.uniform)
    assert left_out == (unused_pool if kind == "nested" else 0)
    assert set(split.test_clean) <= set(split.test)
    biased = ratings.biased.code(ratings.n_items)
    clean = ratings.random.take(split.test_clean).code(ratings.n_items)
    assert not np.isin(clean, biased).any()


def test_the_same_config_gives_the_same_data(config, ratings):
    assert load(config) is ratings
    _cached.cache_clear()
    again = load(config)
    assert again is not ratings
    for a, b in ((again.biased, ratings.biased), (again.random, ratings.random)):
        np.testing.assert_array_equal(a.code(ratings.n_items), b.code(ratings.n_items))
        np.testing.assert_array_equal(a.rating, b.rating)


def test_the_catalogue_states_the_true_shape(config, ratings):
    if config.dataset not in DATASETS or config.dataset == "music":  # made-up music is smaller
        return
    info = DATASETS[config.dataset].info()
    assert info.installed
    assert info.simulated == ratings.simulated
    assert (info.n_users, info.n_items) == (ratings.n_users, ratings.n_items)
    assert (info.n_biased, info.n_random) == (len(ratings.biased), len(ratings.random))
