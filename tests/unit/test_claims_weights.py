"""What a claim rests on: ratings that make sense, metrics against users written down repeatedly."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.claims import Contest, SeedTest
from engine.claims.resampling import user_weights, weighted_auc, weighted_metric
from engine.errors import ConfigError
from engine.events import METRICS
from engine.metrics import auc, evaluate
from tests.unit.claim_problems import seed_test


def repeated(test: SeedTest, times: np.ndarray, method: str) -> dict[str, float | None]:
    """The metrics of the test ratings with every user written down as often as they were drawn."""
    parts = [
        (np.full(int((test.user == u).sum()), copy), test.user == u)
        for copy, u in enumerate(np.repeat(np.arange(len(times)), times))
    ]
    if not parts:
        return dict.fromkeys(METRICS)
    user = np.concatenate([name for name, _ in parts])
    rows = np.concatenate([np.flatnonzero(mask) for _, mask in parts])
    return evaluate(user, test.label[rows], test.scores[method][rows])


@settings(deadline=None, max_examples=60)
@given(st.integers(0, 10**6), st.lists(st.integers(0, 3), min_size=1, max_size=8), st.booleans())
def test_weights_are_repeated_users(seed, times, ties) -> None:
    rng = np.random.default_rng(seed)
    test = seed_test(rng, users=len(times), each=6, levels=4 if ties else 0)
    order = rng.permutation(len(test.user))
    test = SeedTest(test.user[order], test.label[order], {"A": test.scores["A"][order]})
    brute = repeated(test, np.array(times), "A")
    weights = np.array(times, dtype=float)[:, None]
    for metric in METRICS:
        value = weighted_metric(metric, test.user, test, "A", weights)[0]
        if brute[metric] is None:
            assert math.isnan(value)
        else:
            assert value == pytest.approx(brute[metric], abs=1e-12)


def test_weighted_auc_by_hand() -> None:
    # User 0: a positive at .6, a negative at .4. User 1: a positive at .4. User 2: a negative at .6
    user, label = np.array([0, 0, 1, 2]), np.array([1.0, 0, 1, 0])
    score = np.array([0.6, 0.4, 0.4, 0.6])
    # Weights 1: 1 + 1/2 + 1/2 + 0 of 4 pairs. Weights (1, 2, 3):
    # (.6, .4) 1 * 1; (.6, .6) 1 * 3 / 2; (.4, .4) 2 * 1 / 2; (.4, .6) 0; of 3 * 4 pairs.
    weights = np.array([[1.0, 1], [1, 2], [1, 3]])
    assert weighted_auc(user, label, score, weights).tolist() == [0.5, 3.5 / 12]


def test_chunks_do_not_change_the_auc(monkeypatch) -> None:
    rng = np.random.default_rng(0)
    test = seed_test(rng, levels=10)
    weights = user_weights(40, 30, rng)
    whole = weighted_auc(test.user, test.label, test.scores["A"], weights)
    monkeypatch.setattr("engine.claims.resampling.CHUNK", 1)
    assert np.array_equal(whole, weighted_auc(test.user, test.label, test.scores["A"], weights))
    assert whole[0] == auc(test.label, test.scores["A"])


def test_every_replicate_draws_as_many_users_as_there_are() -> None:
    weights = user_weights(7, 50, np.random.default_rng(0))
    assert (weights[:, 0] == 1).all()
    assert (weights.sum(axis=0) == 7).all()


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"tests": ()}, "seeds"),
        ({"pairs": ()}, "pairs"),
        ({"pairs": (("A", "A"),)}, "two different methods"),
        ({"pairs": (("A", "C"),)}, "seeds without both A and C"),
        ({"metrics": ("recall",)}, "auc, ndcg5"),
        ({"metrics": ()}, "auc, ndcg5"),
    ],
)
def test_a_contest_without_sense_is_refused(changes, said) -> None:
    tests = (seed_test(np.random.default_rng(0)),) * 2
    given_ = {"data": "coat", "tests": tests, "pairs": (("A", "B"),), **changes}
    with pytest.raises(ConfigError, match=said):
        Contest(**given_)


@pytest.mark.parametrize(
    ("user", "label", "score", "said"),
    [
        ([], [], [], "at least one test rating"),
        ([0, 1], [0.0, 2.0], [0.1, 0.2], "labels of 0 or 1"),
        ([0, 1], [0.0], [0.1, 0.2], "labels of 0 or 1"),
        ([0, 1], [0.0, 1.0], [0.1], "shape"),
        ([0, 1], [0.0, 1.0], [0.1, math.nan], "diverged"),
    ],
)
def test_ratings_without_sense_are_refused(user, label, score, said) -> None:
    with pytest.raises(ConfigError, match=said):
        SeedTest(np.array(user, dtype=int), np.array(label), {"A": np.array(score)})
