"""What a base method is: an estimator of the ideal loss as a tuple of terms.

Balancing puts one weight vector on each term, so Bal-X is an option on X and X never hears of it:
the paper's "model-agnostic", as code.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:  # a method is arithmetic on tensors; it needs no torch of its own
    from torch import Tensor


@dataclass(frozen=True)
class Term:
    """One sum of the estimator, pair by pair: estimate = (1/|D|) sum over `support` of `value`.

    value: each pair's contribution, [R, n]. slope: its derivative by the prediction, [R, n].
    scale: what moments are multiplied with in this term (1/p for a term over B), [R or 1, n].
    """

    support: Literal["observed", "all"]
    value: Tensor
    slope: Tensor
    scale: Tensor


TermFunction = Callable[["Tensor", "Tensor", "Tensor"], tuple[Term, ...]]


@dataclass(frozen=True)
class MethodInfo:
    """A base method as the user is told of it.

    equation: LaTeX of its estimate. constraint: LaTeX of its balance constraint, with the number
    it has in the paper. propensities: those it takes, best first. balances: what `balance` may be.
    """

    name: str
    title: str
    summary: str
    equation: str
    constraint: str
    constraint_number: str
    propensities: tuple[str, ...]
    balances: tuple[str, ...]


@dataclass(frozen=True)
class Method:
    """A base method.

    terms: (prediction [R, n], label [R or 1, n], inverse_propensity [R or 1, n]) -> terms, with the
        pairs those of one block's B_k.
    """

    info: MethodInfo
    terms: TermFunction
