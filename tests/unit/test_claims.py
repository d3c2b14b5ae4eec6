"""Families of claims: mirrored, simultaneous, repeatable, and words where none can be made."""

import time

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from engine.claims import Contest, SeedTest, check_claims, mean_interval
from engine.claims.crossing import part_of
from engine.errors import ConfigError
from engine.events import METRICS
from engine.metrics import evaluate
from tests.unit.claim_problems import seed_test


def contest(seeds=6, pairs=(("A", "B"),), metrics=METRICS, same_users=True, seed=0, **kind):
    rng = np.random.default_rng(seed)
    tests = tuple(seed_test(rng, **kind) for _ in range(seeds))
    return Contest("coat", tests, pairs, metrics, same_users)


def test_the_values_are_the_metrics_and_lower_losses_are_gains() -> None:
    c = contest(better=1.0)
    for done in check_claims("f", [c], replicates=200):
        each = [
            [evaluate(test.user, test.label, test.scores[m])[done.metric] for m in "AB"]
            for test in c.tests
        ]
        a, b = np.mean(each, axis=0)
        assert (done.value_a, done.value_b) == pytest.approx((a, b), abs=1e-12)
        sign = -1 if done.metric in ("mse", "log_loss") else 1
        assert done.gain == pytest.approx(sign * (a - b), abs=1e-12)
        assert done.gain > 0
        assert done.resolvable == pytest.approx(done.high - done.gain)


def test_a_clear_gain_is_supported_and_its_opposite_contradicted() -> None:
    pairs = (("A", "B"), ("B", "A"))
    there, back = check_claims("f", [contest(pairs=pairs, metrics=("auc",), better=2.0)])
    assert there.verdict == "supported"
    assert back.verdict == "contradicted"
    assert (back.gain, back.low, back.high) == (-there.gain, -there.high, -there.low)


def test_identical_scores_are_practically_equal() -> None:
    tests = tuple(
        SeedTest(t.user, t.label, {"A": t.scores["A"], "B": t.scores["A"].copy()})
        for t in contest().tests
    )
    for done in check_claims("f", [Contest("coat", tests, (("A", "B"),))], replicates=200):
        assert (done.gain, done.low, done.high) == (0, 0, 0)
        assert done.verdict == "practically equal"
        assert "do not differ" in done.sentence


@settings(deadline=None, max_examples=15)
@given(st.integers(0, 10**6), st.booleans(), st.booleans())
def test_swapping_the_scores_mirrors_every_interval(seed, ties, same_users) -> None:
    kind = {"users": 25, "each": 4, "levels": 3 if ties else 0}
    c = contest(seeds=5, same_users=same_users, seed=seed, **kind)
    swapped = tuple(
        SeedTest(t.user, t.label, {"A": t.scores["B"], "B": t.scores["A"]}) for t in c.tests
    )
    there = check_claims("f", [c], replicates=200)
    back = check_claims(
        "f", [Contest("coat", swapped, c.pairs, c.metrics, same_users)], replicates=200
    )
    for one, other in zip(there, back, strict=True):
        assert (one.low is None) == (other.low is None)
        if one.low is not None:
            mirrored = (-one.gain, -one.high, -one.low)
            assert (other.gain, other.low, other.high) == pytest.approx(mirrored, abs=1e-12)


def test_the_same_seed_gives_the_same_claims_and_another_seed_others() -> None:
    first, again = (check_claims("f", [contest()], replicates=200, seed=3) for _ in range(2))
    assert first == again
    assert check_claims("f", [contest()], replicates=200, seed=4) != first


def test_a_larger_family_has_wider_intervals() -> None:
    alone = check_claims("f", [contest(metrics=("auc",))])[0]
    crowd = check_claims("f", [contest(), contest(seed=1), contest(seed=2)])
    assert len(crowd) == 15
    assert crowd[0].claims == 15
    assert crowd[0].resolvable > 1.1 * alone.resolvable


def test_with_data_sets_of_its_own_in_every_seed_a_claim_is_a_t_interval() -> None:
    c = contest(seeds=8, metrics=("mse",), same_users=False)
    done = check_claims("f", [c], replicates=20_000)[0]
    d = [
        np.mean((t.scores["B"] - t.label) ** 2) - np.mean((t.scores["A"] - t.label) ** 2)
        for t in c.tests
    ]
    mean, low, high = mean_interval(d)
    assert done.gain == pytest.approx(mean)
    assert high - low <= 2 * done.resolvable <= 1.06 * (high - low)


def test_variances_are_those_of_users_and_of_seeds() -> None:
    # A - B in squared error is a constant c_u + e_s over a user's ratings: variances by hand.
    rng = np.random.default_rng(0)
    of_user, of_seed = 0.05 * rng.normal(size=50), 0.02 * rng.normal(size=6)
    user = np.repeat(np.arange(50), 4)
    tests = tuple(
        SeedTest(
            user,
            np.zeros(200),
            {"A": np.sqrt(0.5 - of_user[user] - e), "B": np.full(200, np.sqrt(0.5))},
        )
        for e in of_seed
    )
    part = part_of(Contest("d", tests, (("A", "B"),), ("mse",)), 20_000, np.random.default_rng(1))
    v_user, v_seed = of_user.var(ddof=1) / 50, of_seed.var(ddof=1) / 6
    assert part.variance[0] == pytest.approx(v_user + v_seed, rel=0.03)
    freedom = (v_user + v_seed) ** 2 / (v_user**2 / 49 + v_seed**2 / 5)
    assert part.freedom[0] == pytest.approx(freedom, rel=0.05)
    assert part.deviation.var() == pytest.approx(v_user + v_seed, rel=0.05)


# What cannot be checked


@pytest.mark.parametrize(("seeds", "said"), [(1, "1 seed is too few"), (4, "4 seeds are too few")])
def test_too_few_seeds_are_undecided_in_words(seeds, said) -> None:
    for done in check_claims("f", [contest(seeds=seeds, better=2)], replicates=200):
        assert done.verdict == "undecided"
        assert done.gain > 0
        assert done.low is done.high is done.resolvable is None
        assert said in done.sentence
        assert "over splits of this data set" in done.sentence


def test_too_few_users_are_undecided_in_words() -> None:
    for done in check_claims("f", [contest(users=19)], replicates=200):
        assert done.low is None
        assert "19 users are too few" in done.sentence


def test_a_missing_class_leaves_the_other_metrics() -> None:
    c = contest()
    blank = SeedTest(c.tests[0].user, np.zeros(400), c.tests[0].scores)
    claims = check_claims("f", [Contest("coat", (blank, *c.tests[1:]), c.pairs)], replicates=200)
    by_metric = {done.metric: done for done in claims}
    assert by_metric["auc"].gain is by_metric["auc"].low is None
    assert "in 1 of 6 seeds" in by_metric["ndcg5"].sentence
    assert by_metric["mse"].low is not None
    assert by_metric["mse"].claims == 2


def test_a_metric_that_rests_on_one_user_is_undecided() -> None:
    c = contest(users=30)
    tests = tuple(SeedTest(t.user, (t.user == 7) * t.label.max(), t.scores) for t in c.tests)
    done = check_claims("f", [Contest("coat", tests, c.pairs, ("ndcg5",))], replicates=200)[0]
    assert done.low is None
    assert "rests on chance" in done.sentence


def test_a_check_without_sense_is_refused() -> None:
    with pytest.raises(ConfigError, match="contests"):
        check_claims("f", [])
    with pytest.raises(ConfigError, match="200 or more"):
        check_claims("f", [contest()], replicates=50)


# Speed and coverage


def test_ten_seeds_of_coat_take_seconds() -> None:
    c = contest(seeds=10, users=290, each=14)
    start = time.perf_counter()
    claims = check_claims("f", [c])
    assert len(claims) == 5
    assert time.perf_counter() - start < 15


def fair_contest(rng, of_user, of_seed, both, seeds=10, users=60) -> Contest:
    """Two methods of the same law, each with leanings of its own: every true gain is exactly 0."""
    user = np.repeat(np.arange(users), 8)
    label = (rng.random(len(user)) < 0.3).astype(float)
    taste = {m: of_user * rng.normal(size=users) for m in "AB"}
    tests = []
    for _ in range(seeds):
        score = {}
        for m in "AB":
            lean = taste[m] + both * rng.normal(size=users) + of_seed * rng.normal()
            heard = lean[user] * (label - 0.3) + rng.normal(size=len(user))
            score[m] = 1 / (1 + np.exp(-heard))
        tests.append(SeedTest(user, label, score))
    return Contest("d", tuple(tests), (("A", "B"),))


@pytest.mark.slow
@pytest.mark.parametrize(
    ("of_user", "of_seed", "both"),
    [(1.0, 0.1, 0.5), (0.1, 0.6, 0.1), (0.0, 0.3, 1.0), (0.5, 0.0, 0.5)],
)
def test_all_intervals_of_a_family_hold_together(of_user, of_seed, both) -> None:
    rng = np.random.default_rng(0)
    trials = 400
    held = 0
    for i in range(trials):
        done = check_claims(
            "f", [fair_contest(rng, of_user, of_seed, both)], replicates=400, seed=i
        )
        held += all(claim.low <= 0 <= claim.high for claim in done)
    # 95 % nominal; the interaction counts twice, so that the share may be higher, but not all.
    assert stats.binomtest(held, trials, 0.95, alternative="less").pvalue > 0.01, held / trials
    assert held < trials
