"""LTD, learning to debias (Wang et al. 2021): IPS whose propensity is learned on uniform ratings.

With `method=dr propensity=bilevel balance=none` the same is done with DR.
"""

from __future__ import annotations

from engine.methods import ips
from engine.methods.base import Method, MethodInfo

METHOD = Method(
    info=MethodInfo(
        name="ltd",
        title="LTD",
        summary="IPS with a propensity learned bi-level on the uniform ratings.",
        equation=r"\hat p = \arg\min_{\phi}\ \frac{1}{|\mathcal{U}|}\sum_{\mathcal{U}}"
        r"e_{u,i}(\theta^*(\phi)),\quad \theta^*(\phi) = \arg\min_\theta"
        r"\frac{1}{|\mathcal{D}|}\sum_{\mathcal{B}}\frac{e_{u,i}}{\hat p_{u,i}}",
        constraint="",
        constraint_number="",
        propensities=("bilevel",),
        balances=("none",),
    ),
    terms=ips.terms,
    learns=("propensity",),
    by_phi=ips.by_phi,
)
