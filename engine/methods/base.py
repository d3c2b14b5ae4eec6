"""What a base method is: an estimator of the ideal loss as a tuple of terms.

Balancing puts one weight vector on each term, so Bal-X is an option on X and X never hears of it:
the paper's "model-agnostic", as code.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:  # a method is arithmetic on tensors; it needs no torch of its own
    from torch import Tensor

Support = Literal["observed", "all", "uniform"]
# What of phi a method may learn by the bi-level step (METHOD 3).
PhiPart = Literal["propensity", "imputation", "omega_observed", "omega_all", "pseudo"]


@dataclass(frozen=True)
class Part:
    """Some pairs as an estimator sees them: B_k, D_k or U.

    prediction [R, n]; label [R or 1, n], None on D, where most are missing; phi: the nuisance
    values of these pairs by name, each [R or 1, n]: "inverse_propensity" 1/p, "imputation" DR's g,
    "omega", "pseudo" AutoDebias' imputed label, "teacher" KD-Label's. In the prediction step all
    of phi are constants.
    """

    prediction: Tensor
    label: Tensor | None = None
    phi: Mapping[str, Tensor] = field(default_factory=dict)

    @property
    def error(self) -> Tensor:
        """prediction - label, [R, n]."""
        assert self.label is not None
        return self.prediction - self.label


@dataclass(frozen=True)
class Scene:
    """All an estimator is computed from; parts it has no term on are None.

    density: s = |B| / |D|.
    """

    observed: Part
    everywhere: Part | None
    uniform: Part | None
    density: float


@dataclass(frozen=True)
class Term:
    """One sum of the estimator, pair by pair: estimate = (1/|D|) sum over `support` of `value`.

    Of a term on U, (1/|U|) sum. value: each pair's contribution, [R, n]. slope: its derivative by
    the prediction, [R, n]. label: what the pair adds to the same estimator of the mean label, by
    which moment r is balanced, or how to find it, as few runs ask. scale: the same of a constant 1
    (1/p on B), for known columns.
    """

    support: Support
    value: Tensor
    slope: Tensor
    label: Tensor | Callable[[], Tensor]
    scale: Tensor

    @property
    def labels(self) -> Tensor:
        """`label`, found."""
        return self.label() if callable(self.label) else self.label


@dataclass(frozen=True)
class Settings:
    """The numbers of a config that terms may need.

    imputation_weight: AutoDebias' c. teacher_weight: KD-Label's.
    """

    imputation_weight: float = 0.1
    teacher_weight: float = 0.1


TermFunction = Callable[[Scene, Settings], tuple[Term, ...]]
Values = dict[str, "Tensor"]
# delta of B_k and of D_k to derivatives of sum slope * delta by their nuisance values.
PhiFunction = Callable[[Scene, Settings, tuple["Tensor", "Tensor | None"]], tuple[Values, Values]]


@dataclass(frozen=True)
class MethodInfo:
    """A base method as the user is told of it.

    equation: LaTeX of its estimate. constraint: LaTeX of its balance constraint, with the number
    it has in the paper; empty where there is none. propensities: those it takes, best first.
    balances: what `balance` may be. supports: the supports of its balanced terms.
    """

    name: str
    title: str
    summary: str
    equation: str
    constraint: str
    constraint_number: str
    propensities: tuple[str, ...]
    balances: tuple[str, ...]
    supports: tuple[str, ...] = ("observed",)


@dataclass(frozen=True)
class Method:
    """A base method.

    terms: the estimator, terms of B and D first. learns: the parts of phi it may learn. by_phi: the
    second derivatives that these need, by prediction and nuisance value, summed over pairs with
    weights delta; found by automatic differentiation of `terms` where it is None. on_all,
    on_uniform: whether it has a term there. tells_labels: whether its term on D depends on the
    labels of observed pairs, which it must not for pairs kept from a model. twin_items: a second
    table of items, for the uniform term, which pulls the first (CausE). teacher: whether a model of
    U alone comes first.
    """

    info: MethodInfo
    terms: TermFunction
    learns: tuple[PhiPart, ...] = ()
    by_phi: PhiFunction | None = None
    on_all: bool = False
    on_uniform: bool = False
    tells_labels: bool = False
    twin_items: bool = False
    teacher: bool = False


def squared(part: Part, support: Support, scale: Tensor) -> Term:
    """The term scale * e, e = (prediction - label)^2; its slope is 2 scale (prediction - label)."""
    error, label = part.error, part.label
    assert label is not None
    return Term(
        support=support,
        value=error.square().mul_(scale),
        slope=(2 * error).mul_(scale),
        label=lambda: label * scale,
        scale=scale,
    )
