"""KD-Label (KDCRec, Liu et al. 2020): labels refined by a teacher that saw uniform ratings only."""

from __future__ import annotations

from dataclasses import replace

from engine.methods import ips
from engine.methods.base import Method, MethodInfo, Scene, Settings, Term
from engine.methods.mf import NOTHING


def terms(scene: Scene, settings: Settings) -> tuple[Term, ...]:
    """e/s over B against the refined label (r + a T) / (1 + a), T the teacher's in [0, 1].

    The published sum r + a T orders pairs alike; divided, predictions stay on the labels' scale.
    """
    B, a = scene.observed, settings.teacher_weight
    assert B.label is not None
    refined = (B.label + a * B.phi["teacher"]) / (1 + a)
    return ips.terms(replace(scene, observed=replace(B, label=refined)), settings)


METHOD = Method(
    info=MethodInfo(
        name="kd-label",
        title="KD-Label",
        summary="Biased labels refined by a teacher trained on the uniform ratings.",
        equation=r"\mathcal{L} = \frac{1}{|\mathcal{B}|}\sum_{\mathcal{B}}"
        r"\Big(\hat r_{u,i} - \frac{r_{u,i} + a\,T_{u,i}}{1 + a}\Big)^2",
        constraint="",
        constraint_number="",
        propensities=("constant",),
        balances=NOTHING,
    ),
    terms=terms,
    teacher=True,
)
