"""AutoDebias (Chen et al. 2021): reweighted ratings and imputed labels, both learned on U.

L_B = c sum_D w2 (r_hat - m)^2 + sum_B w1 e, with w1 = 1/p2, w2 = 1/p1 and m the imputed label of a
3-way table {missing, negative, positive}; all of them phi (METHOD 3).
"""

from __future__ import annotations

from engine.methods.base import Method, MethodInfo, Scene, Settings, Term


def terms(scene: Scene, settings: Settings) -> tuple[Term, ...]:
    """Both terms over s: the second is the mean of w1 e over B, of the size of t (13).

    The label is balanced on B alone: the imputed ones are no estimate of it, c being free.
    """
    B, D = scene.observed, scene.everywhere
    assert D is not None
    assert B.label is not None
    one = B.phi["omega"] / scene.density
    two = settings.imputation_weight / scene.density * D.phi["omega"]
    gap = D.prediction - D.phi["pseudo"]
    nothing = gap.new_zeros(())
    imputed = Term("all", gap.square() * two, 2 * gap * two, nothing, nothing)
    rated = Term("observed", B.error.square() * one, 2 * B.error * one, B.label * one, one)
    return imputed, rated


METHOD = Method(
    info=MethodInfo(
        name="autodebias",
        title="AutoDebias",
        summary="Weights and imputed labels learned bi-level on the uniform ratings.",
        equation=r"\mathcal{L}_{\mathrm{AD}} = \frac{1}{|\mathcal{B}|}\Big[c\sum_{\mathcal{D}}"
        r"\frac{\hat e_{u,i}}{\hat p_{1,u,i}}"
        r" + \sum_{\mathcal{B}}\frac{e_{u,i}}{\hat p_{2,u,i}}\Big],"
        r"\quad \hat e_{u,i} = (\hat r_{u,i} - \hat m_{u,i})^2",
        constraint=r"\frac{1}{s}\Big[c\sum_{\mathcal{D}} w_{1,u,i}"
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
    on_all=True,
)
