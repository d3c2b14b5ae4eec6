"""CausE (Bonner and Vasile 2018, as in KDCRec, Liu et al. 2020): two tables of items.

One fits the biased ratings and predicts; the other fits the uniform ratings, and an L1 penalty
pulls the first towards it, the second taken as constant: pull * sum |Q_biased - Q_uniform|.
"""

from __future__ import annotations

from engine.methods.base import Method, MethodInfo
from engine.methods.mf import NOTHING, combined_terms

METHOD = Method(
    info=MethodInfo(
        name="cause",
        title="CausE",
        summary="Item factors of biased ratings pulled towards those of uniform ratings.",
        equation=r"\mathcal{L} = \sum_{\mathcal{B}} e_{u,i}(P, Q_b) + \sum_{\mathcal{U}}"
        r"e_{u,i}(P, Q_u) + \kappa\lVert Q_b - \overline{Q_u}\rVert_1",
        constraint="",
        constraint_number="",
        propensities=("constant",),
        balances=NOTHING,
    ),
    terms=combined_terms,
    on_uniform=True,
    twin_items=True,
)
