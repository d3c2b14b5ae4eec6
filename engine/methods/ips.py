"""IPS, inverse propensity scoring: L_IPS = (1/|D|) sum_B e / p (paper, section 2)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from engine.methods.base import Method, MethodInfo, Scene, Settings, Term, Values, squared

if TYPE_CHECKING:
    from torch import Tensor


def terms(scene: Scene, settings: Settings) -> tuple[Term, ...]:
    """The one term e/p over B, e = (prediction - label)^2; its balance constraint is (8)."""
    return (squared(scene.observed, "observed", scene.observed.phi["inverse_propensity"]),)


def by_phi(
    scene: Scene, settings: Settings, delta: tuple[Tensor, Tensor | None]
) -> tuple[Values, Values]:
    """The slope 2 (r_hat - r) / p by 1/p."""
    return {"inverse_propensity": (2 * scene.observed.error).mul_(delta[0])}, {}


METHOD = Method(
    info=MethodInfo(
        name="ips",
        title="IPS",
        summary="Biased ratings weighted by the inverse of their propensity.",
        equation=r"\mathcal{L}_{\mathrm{IPS}} = \frac{1}{|\mathcal{D}|}\sum_{\mathcal{B}}"
        r"\frac{e_{u,i}}{\hat p_{u,i}}",
        constraint=r"\sum_{\mathcal{B}} w_{u,i}\frac{e_{u,i}}{\hat p_{u,i}}"
        r" = \frac{1}{|\mathcal{U}|}\sum_{\mathcal{U}} e_{u,i}",
        constraint_number="8",
        propensities=("given", "naive_bayes", "constant", "true", "bilevel"),
        balances=("none", "learned", "exact"),
    ),
    terms=terms,
    learns=("propensity",),
    by_phi=by_phi,
)
