"""Intervals over seeds by hand; the five verdicts at their boundaries; what the sentences say."""

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.claims import MARGINS, Claim, judge, mean_interval, paired_interval
from engine.errors import ConfigError


def claim(low, high, metric="auc", **changes) -> Claim:
    gain = None if low is None else (low + high) / 2
    given = {
        **{"family": "Table 2", "claims": 5, "data": "coat", "a": "balanced", "b": "twin"},
        **{"metric": metric, "seeds": 10, "users": 290, "same_users": True, "level": 0.95},
        **{"value_a": 0.7612, "value_b": 0.75, "gain": gain, "low": low, "high": high},
    }
    return Claim(**{**given, **changes})


# t intervals over seeds


def test_mean_interval_by_hand() -> None:
    # Mean 2, s = 1, n = 3; t with 2 degrees of freedom at 97.5 % is 4.302653.
    mean, low, high = mean_interval([1.0, 2.0, 3.0])
    half = 4.302653 / math.sqrt(3)
    assert (mean, low, high) == pytest.approx((2.0, 2 - half, 2 + half), abs=1e-5)


def test_one_seed_has_a_mean_and_no_interval() -> None:
    mean, low, high = mean_interval([0.7])
    assert mean == 0.7
    assert math.isnan(low)
    assert math.isnan(high)


def test_paired_interval_is_that_of_the_differences() -> None:
    a, b = [0.8, 0.7, 0.9], [0.7, 0.5, 0.6]
    assert paired_interval(a, b, 0.9) == pytest.approx(mean_interval([0.1, 0.2, 0.3], 0.9))


@settings(deadline=None)
@given(st.lists(st.tuples(*[st.floats(-1, 1)] * 2), min_size=2, max_size=12))
def test_swapping_mirrors_a_paired_interval(values) -> None:
    a, b = map(list, zip(*values, strict=True))
    mean, low, high = paired_interval(a, b)
    assert paired_interval(b, a) == pytest.approx((-mean, -high, -low), abs=1e-12)
    assert low <= mean <= high


@pytest.mark.parametrize("values", [[], [0.5, math.nan], [math.inf]])
def test_values_that_are_no_numbers_are_refused(values) -> None:
    with pytest.raises(ConfigError, match="leave out seeds without a result"):
        mean_interval(values)


def test_unequal_seeds_and_levels_in_percent_are_refused() -> None:
    with pytest.raises(ConfigError, match="2 and 1 seeds"):
        paired_interval([1.0, 2.0], [1.0])
    with pytest.raises(ConfigError, match=r"write 95 % as 0\.95"):
        mean_interval([1.0, 2.0], 95)


# The verdict

BOUNDARIES = [
    (0.001, 0.012, "supported"),
    (0.006, 0.012, "supported"),
    (0.001, 0.005, "supported"),  # exactly the margin is not below it
    (0.001, 0.0049, "supported but negligible"),
    (0.0, 0.0049, "practically equal"),  # exactly 0 is not above it
    (-0.0049, 0.0049, "practically equal"),
    (0.0, 0.0, "practically equal"),
    (-0.0049, 0.0, "practically equal"),
    (-0.005, 0.0049, "undecided"),
    (-0.0049, 0.005, "undecided"),
    (0.0, 0.012, "undecided"),
    (-0.012, 0.0, "undecided"),
    (-0.012, -1e-9, "contradicted"),
    (-0.0049, -0.001, "contradicted"),
]


@pytest.mark.parametrize(("low", "high", "verdict"), BOUNDARIES)
def test_verdicts_at_their_boundaries(low, high, verdict) -> None:
    assert judge(low, high, 0.005) == verdict
    assert claim(low, high).verdict == verdict
    assert claim(low, high).sentence.startswith(verdict.capitalize())


@given(st.floats(-0.03, 0.03), st.floats(0, 0.03), st.sampled_from(sorted(MARGINS)))
def test_mirrored_intervals_get_mirrored_verdicts(gain, half, metric) -> None:
    margin = MARGINS[metric]
    there, back = (judge(g - half, g + half, margin) for g in (gain, -gain))
    mirror = {"contradicted": {"supported", "supported but negligible"}}
    assert back in mirror.get(there, {there if "supp" not in there else "contradicted"})


def test_the_sentence_says_numbers_scope_and_resolution() -> None:
    assert claim(0.0024, 0.02).sentence == (
        "Supported: balanced is better than twin in AUC, though perhaps by less than the 0.005 "
        "that matters; 0.7612 against 0.7500, a gain of +0.0112 (95 % interval +0.0024 to +0.0200 "
        "for all 5 claims of Table 2), over splits of this data set (coat: 10 seeds, 290 users). "
        "The smallest difference this design can resolve is 0.0088."
    )


def test_the_sentence_never_rounds_its_verdict_away() -> None:
    # Two digits of the half-width would read "+0.0000 to +0.0200".
    assert "+0.00004 to +0.02000" in claim(0.00004, 0.02).sentence


def test_the_sentence_of_independent_data_sets_does_not_speak_of_splits() -> None:
    assert "over draws of this data set (coat: 10 draws)" in claim(0, 1, same_users=False).sentence
