"""Lemma 1 in numbers: the bias of IPS as measured, and the covariance that explains it."""

import numpy as np
import pytest
from small_runs import make, tiny, train

from engine.config import changed
from engine.datasets.simulated import simulate
from engine.datasets.splits import make_split
from engine.methods.propensity import estimate_propensity, propensity_everywhere
from engine.training.lemma import DRAWS, bias_of_ips

ERROR = np.array([[0.1, 0.2], [0.3, 0.4]])
TRUE = np.array([[0.5, 0.25], [0.25, 0.5]])
GIVEN = np.array([[0.25, 0.25], [0.5, 0.5]])


def test_both_parts_of_the_lemma_by_hand():
    """p~/p - 1 = (1, 0, -1/2, 0) with mean 1/8; mean e = 1/4; mean of their product -0.0125.

    Directly: E[L_IPS] = (0.2 + 0.2 + 0.15 + 0.4)/4 = 0.2375 and L_ideal = 0.25.
    """
    told = bias_of_ips(ERROR, TRUE, GIVEN, np.random.default_rng(0))
    assert told["bias_means"] == pytest.approx(0.03125)
    assert told["bias_covariance"] == pytest.approx(-0.0125 - 0.03125)
    assert told["bias_covariance"] + told["bias_means"] == pytest.approx(0.2375 - 0.25)
    # sum of p~(1 - p~)(e/p)^2 = 0.04 + 0.12 + 0.0675 + 0.16, over 4^2 and the draws.
    assert told["bias_se"] == pytest.approx(np.sqrt(0.3875 / 16 / DRAWS))


def test_the_measured_bias_has_the_lemma_as_its_mean_and_the_error_that_is_told():
    rng = np.random.default_rng(1)
    told = [bias_of_ips(ERROR, TRUE, GIVEN, rng) for _ in range(4000)]
    z = np.array([(t["bias_measured"] + 0.0125) / t["bias_se"] for t in told])
    assert abs(z.mean()) < 4 / np.sqrt(len(z))
    assert z.std() == pytest.approx(1.0, abs=0.05)


@pytest.mark.parametrize("confounding", ["none", "weak", "strong", "misspecified"])
def test_they_agree_within_monte_carlo_error_on_every_simulation(confounding):
    ratings = simulate("simulated-small", confounding, 0)
    config = make(confounding=confounding)
    split = make_split(ratings, 0, config.uniform_fraction, config.split)
    p = propensity_everywhere(config, ratings, split)
    error = (ratings.truth.label - 0.2) ** 2
    true = ratings.truth.true_propensity.astype(np.float64)
    told = bias_of_ips(error, true, p, np.random.default_rng(0))
    lemma = told["bias_covariance"] + told["bias_means"]
    assert abs(told["bias_measured"] - lemma) < 4 * told["bias_se"]
    assert (abs(lemma) > 5 * told["bias_se"]) == (confounding != "none")


@pytest.mark.parametrize("kind", ["given", "true", "constant", "naive_bayes"])
@pytest.mark.parametrize("changes", [{}, {"p_min": 0.2}, {"normalise_propensity": True}])
def test_a_propensity_of_all_pairs_is_the_one_that_the_run_uses(kind, changes):
    ratings, config = tiny(), make(propensity=kind, **changes)
    split = make_split(ratings, 0, config.uniform_fraction, config.split)
    everywhere = propensity_everywhere(config, ratings, split)
    rated = everywhere[ratings.biased.user, ratings.biased.item]
    assert rated == pytest.approx(estimate_propensity(config, ratings, split).p, rel=1e-6)


def test_an_ended_run_tells_it_of_its_best_epoch():
    nominal, true = make(), make(propensity="true")
    _, done = train(nominal)
    told = done["run0"].facts
    lemma = told["bias_covariance"] + told["bias_means"]
    assert abs(told["bias_measured"] - lemma) < 4 * told["bias_se"]
    assert told["bias_covariance"] > 0.01  # what is liked is rated, and the model errs on it
    told = train(true)[1]["run0"].facts
    assert told["bias_covariance"] == told["bias_means"] == 0
    assert abs(told["bias_measured"]) < 4 * told["bias_se"]


@pytest.mark.parametrize(
    "config", [make("dr"), make(propensity="bilevel"), changed(make("mf"), epochs=1)]
)
def test_it_is_told_only_where_the_estimator_is_ips_and_p_is_known(config):
    told = train(config)[1]["run0"].facts
    assert ("bias_measured" in told) == (config.method == "mf")
