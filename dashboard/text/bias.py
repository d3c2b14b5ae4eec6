"""How far IPS is off and why, in a small table and a sentence: Lemma 1 with today's numbers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from dashboard.charts.theme import decimals_for, number

Z = 1.96  # of a 95 % interval
HEADING = "Bias of the estimate, and its cause"


@dataclass(frozen=True)
class Bias:
    """Errors of the estimate of the ideal loss, each less the true one; means over seeds.

    own, weighted: on the ratings trained on, with uniform and with the balancing weights (None
    without any). measured ± half: on `draws` fresh draws of who rates. covariance, means: the two
    parts of Lemma 1. The draws are the same for every seed, so more seeds make `half` no smaller.
    """

    own: float
    weighted: float | None
    measured: float
    half: float
    covariance: float
    means: float
    draws: int

    @property
    def lemma(self) -> float:
        """What Lemma 1 says the bias is."""
        return self.covariance + self.means

    @property
    def agrees(self) -> bool:
        """Whether the lemma's bias lies in the measured one's interval."""
        return abs(self.measured - self.lemma) <= self.half

    @property
    def none(self) -> bool:
        """Whether there is no bias that the interval could tell from nought."""
        return abs(self.lemma) <= self.half


def bias_of(
    facts: Sequence[Mapping[str, float]], true_losses: Sequence[float], balanced: bool
) -> Bias | None:
    """The means over runs; None where no run tells of it.

    Args:
        facts: of every ended run. true_losses: its predictor's true ideal loss.
    """
    told = [(f, t) for f, t in zip(facts, true_losses, strict=True) if "bias_measured" in f]
    if not told:
        return None

    def mean(name: str, less: bool = False) -> float:
        return float(np.mean([f[name] - (t if less else 0.0) for f, t in told]))

    return Bias(
        own=mean("estimate_uniform", less=True),
        weighted=mean("estimate", less=True) if balanced else None,
        measured=mean("bias_measured"),
        half=Z * mean("bias_se"),
        covariance=mean("bias_covariance"),
        means=mean("bias_means"),
        draws=int(told[0][0]["bias_draws"]),
    )


def table(bias: Bias) -> list[tuple[str, str]]:
    """Rows of what and how much."""
    places = decimals_for(bias.half)

    def said(value: float) -> str:
        return number(value, places, signed=True)

    sign = "−" if bias.means < 0 else "+"
    parts = f"{said(bias.covariance)} {sign} {number(abs(bias.means), places)} = {said(bias.lemma)}"
    rows = [
        (f"measured: on ratings drawn anew, {bias.draws} times",
         f"{said(bias.measured)} ± {number(bias.half, places)}"),
        (r"Lemma 1: $\mathrm{Cov}\big(\frac{\tilde p - \hat p}{\hat p},\, e\big)$ + product of "
         "the means", parts),
        ("on the ratings trained on, uniform weights", said(bias.own)),
    ]  # fmt: skip
    if bias.weighted is not None:
        rows.append(("on the ratings trained on, balancing weights", said(bias.weighted)))
    return rows


def in_words(bias: Bias) -> str:
    """What the table shows: whether IPS is biased, why, and what overfitting adds."""
    places = decimals_for(bias.half)
    if not bias.agrees:
        said = (
            "**Measured bias and covariance differ by more than the interval**, as one in twenty "
            "such intervals does."
        )
    elif bias.none:
        said = (
            "**No bias: the error is within its interval.** Who rates depends on the error only "
            "as the propensity says, so there is nothing to correct."
        )
    else:
        more = "larger" if bias.covariance > 0 else "smaller"
        said = (
            "**Measured bias and covariance agree within the interval.** Pairs that are rated "
            f"more often than the propensity says have {more} errors: that is the confounder."
        )
    fitted = bias.own - bias.lemma
    if abs(fitted) > bias.half:
        way = "lower" if fitted < 0 else "higher"
        said += (
            f" On its own ratings the estimate is {number(abs(fitted), places)} {way} still: "
            "the model has fitted these, which no propensity knows of."
        )
    return said
