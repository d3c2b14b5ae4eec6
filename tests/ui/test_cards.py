"""The examples: every card is a config that can be trained, and shows what it says."""

import functools
from dataclasses import dataclass

import numpy as np
import pytest

from dashboard import forms
from dashboard.cards import CARDS, complete
from engine.config import RunConfig, changed
from engine.datasets import load
from engine.events import EpochDone, GroupEpoch, RunDone
from engine.forecast import forecast
from engine.jobs.building import tuned
from engine.offers import check
from engine.training.trainer import Trainer

BY_NAME = {card.name: card for card in CARDS}
SEEDS = 2
FORMED = 10  # epochs


def half_of(config: RunConfig) -> float:
    told = forecast(changed(config, lam=1.0, balance="learned", epochs=1))
    return told.lam_half


def form_of(name: str) -> forms.Form:
    return forms.form_of(complete(BY_NAME[name]), known=("simulated-small",), lam_half=half_of)


@dataclass(frozen=True)
class Trained:
    """Rows and last words of `SEEDS` runs of a card and of their twins."""

    rows: dict[tuple[str, int], EpochDone]
    done: dict[str, RunDone]

    def at_best(self, name: str, run: str = "run") -> np.ndarray:
        """A stored column of each seed at its best epoch."""
        runs = [f"{run}{k}" for k in range(SEEDS)]
        rows = [self.rows[r, self.done[r].best_epoch or 0].columns()[name] for r in runs]
        return np.array([np.nan if v is None else v for v in rows])

    def usually(self, name: str) -> np.ndarray:
        """The median epoch's, of each seed, once weights have formed."""
        later = [key for key in self.rows if key[1] > FORMED]
        told = {key: self.rows[key].columns().get(name) for key in later}
        seeds = [f"run{k}" for k in range(SEEDS)]
        return np.array([np.median([v for (r, _), v in told.items() if r == s]) for s in seeds])

    def gains(self) -> np.ndarray:
        """True ideal loss, run minus twin."""
        runs = range(SEEDS)
        return np.array(
            [self.done[f"run{k}"].true_loss - self.done[f"twin{k}"].true_loss for k in runs]
        )


@functools.cache
def trained(name: str) -> Trained:
    config = form_of(name).config
    seeds = [changed(config, seed=k, split_seed=k) for k in range(SEEDS)]
    runs = {f"run{k}": c for k, c in enumerate(seeds)}
    runs |= {f"twin{k}": c.twin() for k, c in enumerate(seeds)}
    found = Trained({}, {})
    with tuned():
        for event in Trainer(runs, load(config)).events():
            if isinstance(event, GroupEpoch):
                found.rows.update({(row.run, row.epoch): row for row in event.runs})
                found.done.update({end.run: end for end in event.done})
    return found


@pytest.mark.parametrize("name", BY_NAME)
def test_every_card_is_a_config_that_can_be_trained_and_repeats_from_its_url(name: str) -> None:
    form = form_of(name)
    assert not form.errors
    assert form.config.dataset == "simulated-small"
    check(form.config)
    url = forms.params_from_config(form.config, form.seeds)
    again = forms.form_of(url, known=("simulated-small",), lam_half=half_of)
    assert again.config == form.config


def test_cards_have_names_and_sentences_of_their_own() -> None:
    assert len({card.sentence for card in CARDS}) == len({c.name for c in CARDS}) == len(CARDS) == 7
    for card in CARDS:
        assert 40 < len(card.sentence) < 200
        assert card.sentence.endswith(".")


def test_no_confounder() -> None:
    found = trained("No confounder")
    assert (abs(found.at_best("violation_uniform")) < 1.5 * found.at_best("target_se")).all()
    assert (abs(found.gains()) < 0.002).all()


def test_strong_confounder() -> None:
    found = trained("Strong confounder")
    assert abs(found.at_best("violation_uniform").mean()) > 3 * found.at_best("target_se").mean()
    assert (abs(found.at_best("violation")) < found.at_best("target_se")).all()
    assert (found.gains() < -0.004).all()


def test_too_few_uniform_ratings() -> None:
    found = trained("Too few uniform ratings")
    usual = trained("Strong confounder")
    assert found.done["run0"].facts["n_uniform"] == 20
    assert found.at_best("target_se").mean() > 2 * usual.at_best("target_se").mean()
    uniform = found.at_best("violation_uniform")
    assert uniform.min() < 0 < uniform.max()  # seeds disagree even on the sign
    assert found.gains().max() > 0.01


def test_lam_too_large() -> None:
    found = trained("λ too large: weights collapse onto few ratings")
    # From epoch to epoch the weights jump, by rounding even: a single one tells little.
    assert (found.usually("ess") < 0.1).all()
    assert (found.usually("ess_estimate") < 0.1).all()
    assert (found.gains() > 0.01).all()


def test_constraint_met_weights_still_wrong() -> None:
    found = trained("Constraint met, weights still wrong")
    assert (abs(found.at_best("violation")) < 1e-5).all()
    assert abs(found.at_best("oracle_correlation").mean()) < 0.2
    assert found.gains().mean() > -0.002


def test_balance_the_label_too() -> None:
    found, before = trained("Balance the label too"), trained("Constraint met, weights still wrong")
    assert (abs(found.at_best("violation")) < 1e-4).all()
    assert (abs(found.at_best("violation_r")) < 1e-4).all()
    assert (found.at_best("oracle_correlation") > 0.1).all()
    assert (found.gains() < -0.001).all()
    assert found.gains().max() < before.gains().max()


def test_entropy_sign_as_printed() -> None:
    found = trained("Entropy sign as printed")
    assert (found.at_best("entropy") < 0.3).all()
    assert (found.at_best("ess") < 0.01).all()
    assert (found.at_best("largest") > 1000).all()
