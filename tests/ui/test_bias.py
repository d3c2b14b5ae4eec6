"""The bias of IPS in words and numbers: measured, explained by Lemma 1, and what is overfitting."""

import pytest

from dashboard.text.bias import Bias, bias_of, in_words, table

STRONG = {
    **{"bias_measured": 0.0382, "bias_se": 0.001, "bias_covariance": 0.0402, "bias_means": -0.002},
    **{"bias_draws": 25.0, "estimate_uniform": 0.19, "estimate": 0.16},
}


def test_means_over_seeds_and_an_interval_that_more_seeds_do_not_narrow() -> None:
    other = STRONG | {"bias_measured": 0.0402, "estimate_uniform": 0.2}
    bias = bias_of([STRONG, other, {}], [0.165, 0.155, 0.1], balanced=True)
    assert bias is not None
    assert bias.measured == pytest.approx(0.0392)
    assert bias.half == pytest.approx(1.96 * 0.001)
    assert bias.own == pytest.approx((0.025 + 0.045) / 2)
    assert bias.weighted == pytest.approx((-0.005 + 0.005) / 2)
    assert bias_of([{}], [0.1], balanced=True) is None


def test_a_confounder_is_named_and_overfitting_told_apart() -> None:
    bias = bias_of([STRONG], [0.165], balanced=True)
    assert bias is not None
    rows = dict(table(bias))
    assert rows["measured: on ratings drawn anew, 25 times"] == "+0.0382 ± 0.0020"
    assert "+0.0402 − 0.0020 = +0.0382" in rows.values()
    assert rows["on the ratings trained on, balancing weights"] == "−0.0050"
    said = in_words(bias)
    assert "agree within the interval" in said
    assert "have larger errors" in said
    assert "0.0132 lower still" in said


def test_without_a_confounder_there_is_nothing_to_correct() -> None:
    bias = Bias(-0.0004, None, -0.0003, 0.0016, 0.0, 0.0, 25)
    said = in_words(bias)
    assert "within its interval" in said
    assert "nothing to correct" in said
    assert "fitted" not in said
    assert not any("balancing" in name for name, _ in table(bias))


def test_numbers_that_differ_are_not_said_to_agree() -> None:
    said = in_words(Bias(0.04, None, 0.04, 0.0016, 0.03, 0.0, 25))
    assert "differ by more than the interval" in said
    assert "agree" not in said.replace("differ", "")
