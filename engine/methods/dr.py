"""DR, doubly robust: L_DR = (1/|D|) [ sum_D e_hat + sum_B (e - e_hat) / p ] (paper, section 2).

The imputed error e_hat = (r_hat - stopgrad(r_hat) - g)^2 depends on the prediction, so its value is
g^2 and its slope -2g: g imputes r - r_hat, and r_hat + g is the imputed label (METHOD 3).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from engine.methods.base import Method, MethodInfo, Scene, Settings, Term, Values

if TYPE_CHECKING:
    from torch import Tensor


def terms(scene: Scene, settings: Settings) -> tuple[Term, ...]:
    """e_hat over D, and (e - e_hat)/p over B; their balance constraint is (12)."""
    B, D = scene.observed, scene.everywhere
    assert D is not None
    label = B.label
    assert label is not None
    inverse, g, g_all = B.phi["inverse_propensity"], B.phi["imputation"], D.phi["imputation"]
    error = B.error
    imputed = Term(
        support="all",
        value=g_all.square(),
        slope=-2 * g_all,
        label=lambda: D.prediction + g_all,
        scale=g_all.new_zeros(()),  # known columns need no imputing: they are balanced on B
    )
    corrected = Term(
        support="observed",
        value=error.square().sub_(g.square()).mul_(inverse),
        slope=(error + g).mul_(2).mul_(inverse),
        label=lambda: (label - B.prediction - g) * inverse,
        scale=inverse,
    )
    return imputed, corrected


def by_phi(
    scene: Scene, settings: Settings, delta: tuple[Tensor, Tensor | None]
) -> tuple[Values, Values]:
    """The slopes 2 (r_hat - r + g) / p by 1/p and g, and -2g by g."""
    B = scene.observed
    assert delta[1] is not None
    twice = 2 * delta[0]
    observed = {
        "inverse_propensity": (B.error + B.phi["imputation"]).mul_(twice),
        "imputation": twice * B.phi["inverse_propensity"],
    }
    return observed, {"imputation": -2 * delta[1]}


METHOD = Method(
    info=MethodInfo(
        name="dr",
        title="DR",
        summary="Imputed errors everywhere, corrected by inverse propensities where rated.",
        equation=r"\mathcal{L}_{\mathrm{DR}} = \frac{1}{|\mathcal{D}|}\Big[\sum_{\mathcal{D}}"
        r"\hat e_{u,i} + \sum_{\mathcal{B}}\frac{e_{u,i} - \hat e_{u,i}}{\hat p_{u,i}}\Big]",
        constraint=r"\sum_{\mathcal{D}} w_{1,u,i}\hat e_{u,i} + \sum_{\mathcal{B}} w_{2,u,i}"
        r"\frac{e_{u,i} - \hat e_{u,i}}{\hat p_{u,i}}"
        r" = \frac{1}{|\mathcal{U}|}\sum_{\mathcal{U}} e_{u,i}",
        constraint_number="12",
        propensities=("given", "naive_bayes", "constant", "true", "bilevel"),
        balances=("none", "learned", "exact"),
        supports=("all", "observed"),
    ),
    terms=terms,
    learns=("propensity", "imputation"),
    by_phi=by_phi,
    on_all=True,
)
