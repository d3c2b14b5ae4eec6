"""MF: matrix factorisation on biased, uniform or all ratings, without any correction.

L_B = (1/|D|) sum_B e / s, which is IPS whose propensity is the density s; and (1/|U|) sum_U e.
"""

from __future__ import annotations

from engine.methods import ips
from engine.methods.base import Method, MethodInfo, Scene, Settings, Term, squared

NOTHING = ("none",)


def uniform_terms(scene: Scene, settings: Settings) -> tuple[Term, ...]:
    """The one term e over U."""
    assert scene.uniform is not None
    return (squared(scene.uniform, "uniform", scene.uniform.prediction.new_ones(())),)


def combined_terms(scene: Scene, settings: Settings) -> tuple[Term, ...]:
    """e/s over B, and e over U."""
    return ips.terms(scene, settings) + uniform_terms(scene, settings)


MF = Method(
    info=MethodInfo(
        name="mf",
        title="MF",
        summary="Matrix factorisation on the biased ratings as they are.",
        equation=r"\mathcal{L}_{\mathrm{MF}} = \frac{1}{|\mathcal{B}|}\sum_{\mathcal{B}} e_{u,i}",
        constraint=r"\sum_{\mathcal{B}} w_{u,i}\frac{e_{u,i}}{s}"
        r" = \frac{1}{|\mathcal{U}|}\sum_{\mathcal{U}} e_{u,i},"
        r"\quad s = |\mathcal{B}|/|\mathcal{D}|",
        constraint_number="8",
        # With p = s the constraint is feasible; p = 1 (METHOD 3) would not be.
        propensities=("constant",),
        balances=("none", "learned", "exact"),
    ),
    terms=ips.terms,
)
UNIFORM = Method(
    info=MethodInfo(
        name="mf-uniform",
        title="MF (uniform)",
        summary="Matrix factorisation on the few uniform ratings alone.",
        equation=r"\mathcal{L} = \frac{1}{|\mathcal{U}|}\sum_{\mathcal{U}} e_{u,i}",
        constraint="",
        constraint_number="",
        propensities=("constant",),
        balances=NOTHING,
    ),
    terms=uniform_terms,
    on_uniform=True,
)
COMBINE = Method(
    info=MethodInfo(
        name="mf-combine",
        title="MF (combine)",
        summary="Matrix factorisation on biased and uniform ratings together, all alike.",
        equation=r"\mathcal{L} = \frac{1}{|\mathcal{B}| + |\mathcal{U}|}"
        r"\Big(\sum_{\mathcal{B}} e_{u,i} + \sum_{\mathcal{U}} e_{u,i}\Big)",
        constraint="",
        constraint_number="",
        propensities=("constant",),
        balances=NOTHING,
    ),
    terms=combined_terms,
    on_uniform=True,
)
