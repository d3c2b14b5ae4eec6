"""MF on the biased ratings: L_B = (1/|D|) sum_B e / s, IPS whose propensity is the density s."""

from __future__ import annotations

from engine.methods import ips
from engine.methods.base import Method, MethodInfo

METHOD = Method(
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
