"""AutoDebias (Chen et al. 2021): reweighted ratings and imputed labels, both learned on U.

L_B = c sum_D w2 (r_hat - m)^2 + sum_B w1 e, with w1 = 1/p2, w2 = 1/p1 and m the imputed label of a
3-way table {missing, negative, positive}; all of them phi (METHOD 3).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from engine.methods.base import Method, MethodInfo, Scene, Settings, Term, Values

if TYPE_CHECKING:
    from torch import Tensor


def terms(scene: Scene, settings: Settings) -> tuple[Term, ...]:
    """Both terms over c + s, so that the left side of (13) estimates the ideal loss like t does.

    With w = 1 their masses are c/(c + s) and s/(c + s). A label that is 1 with probability m has
    the expected error (r_hat - m)^2 + m (1 - m); the second part does not depend on r_hat, so the
    loss is AutoDebias', but without it an imputed error is no error, and the constraint no balance.
    """
    B, D = scene.observed, scene.everywhere
    assert D is not None
    label = B.label
    assert label is not None
    c, m = settings.imputation_weight, D.phi["pseudo"]
    one = B.phi["omega"] / (c + scene.density)
    two = c * D.phi["omega"] / (c + scene.density)
    gap = D.prediction - m
    imputed = Term(
        support="all",
        value=gap.square().add_(m * (1 - m)).mul_(two),
        slope=(2 * gap).mul_(two),
        label=lambda: m * two,
        scale=two,
    )
    rated = Term(
        support="observed",
        value=B.error.square().mul_(one),
        slope=(2 * B.error).mul_(one),
        label=lambda: label * one,
        scale=one,
    )
    return imputed, rated


def by_phi(
    scene: Scene, settings: Settings, delta: tuple[Tensor, Tensor | None]
) -> tuple[Values, Values]:
    """The slopes 2 c w2 (r_hat - m) by w2 and m, and 2 w1 (r_hat - r) by w1, over c + s."""
    B, D, (on_b, on_d) = scene.observed, scene.everywhere, delta
    assert D is not None
    assert on_d is not None
    share = 2 / (settings.imputation_weight + scene.density)
    along = (settings.imputation_weight * share) * on_d
    everywhere = {
        "omega": (D.prediction - D.phi["pseudo"]).mul_(along),
        "pseudo": along.mul_(D.phi["omega"]).neg_(),
    }
    return {"omega": (share * B.error).mul_(on_b)}, everywhere


METHOD = Method(
    info=MethodInfo(
        name="autodebias",
        title="AutoDebias",
        summary="Weights and imputed labels learned bi-level on the uniform ratings.",
        equation=r"\mathcal{L}_{\mathrm{AD}} = \frac{1}{c\,|\mathcal{D}| + |\mathcal{B}|}"
        r"\Big[c\sum_{\mathcal{D}}\frac{\hat e_{u,i}}{\hat p_{1,u,i}}"
        r" + \sum_{\mathcal{B}}\frac{e_{u,i}}{\hat p_{2,u,i}}\Big],"
        r"\quad \hat e_{u,i} = (\hat r_{u,i} - \hat m_{u,i})^2 + \hat m_{u,i}(1 - \hat m_{u,i})",
        constraint=r"\frac{1}{c + s}\Big[c\sum_{\mathcal{D}} w_{1,u,i}"
        r"\frac{\hat e_{u,i}}{\hat p_{1,u,i}}"
        r" + \sum_{\mathcal{B}} w_{2,u,i}\frac{e_{u,i}}{\hat p_{2,u,i}}\Big]"
        r" = \frac{1}{|\mathcal{U}|}\sum_{\mathcal{U}} e_{u,i}",
        constraint_number="13",
        propensities=("constant",),
        balances=("none", "learned", "exact"),
        supports=("all", "observed"),
    ),
    terms=terms,
    learns=("omega_observed", "omega_all", "pseudo"),
    by_phi=by_phi,
    on_all=True,
    tells_labels=True,
)
