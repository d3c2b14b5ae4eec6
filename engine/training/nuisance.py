"""The nuisance side of a group: phi's parts, their bi-level step, and the scene terms are made of.

One step of Algorithm 1 on a block: an assumed step theta' on L_B, v = grad L_U(theta'), and

    d L_U(theta') / d phi = - eta d/dphi sum_terms sum_pairs slope(phi) * delta,

with slope the derivative of L_B by the prediction and delta = <grad r_hat(theta), v>, constants in
phi (METHOD 4). So one directional derivative of the prediction and one elementwise backward pass
give the hypergradient of any estimator of terms: as the method states it (`Method.by_phi`), or by
automatic differentiation; `engine.bilevel` holds the two ends of it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType

import torch
from torch import Tensor

from engine.bilevel import hypergradient
from engine.config import RunConfig
from engine.methods import METHODS, Part, Scene, Settings, Term
from engine.models import MatrixFactorization
from engine.training.ahead import look_ahead
from engine.training.batch import Batch, Scores
from engine.training.lanes import Lanes
from engine.training.optim import StackedOptimizer
from engine.training.parts import joined, part_of
from engine.training.phi import Imputation, PhiModel, Values
from engine.training.phi_making import make_parts
from engine.training.selection import Selection


class Nuisance:
    """phi of every run of a group, and what else an estimator takes as given.

    teacher: KD-Label's predictions of B, [R, n], or None. density: s. tells_labels: as `Method`.
    """

    def __init__(
        self,
        config: RunConfig,
        shape: tuple[int, int],
        seeds: list[int],
        lanes: Lanes,
        teacher: Tensor | None = None,
    ) -> None:
        self._config, self._method = config, METHODS[config.method]
        self.density = lanes.density
        self._settings = Settings(config.imputation_weight, config.teacher_weight)
        self._teacher = teacher
        self.tells_labels = self._method.tells_labels
        self.parts: dict[str, PhiModel] = dict(make_parts(config, shape, seeds, lanes))

    @property
    def steps(self) -> list[StackedOptimizer]:
        """The optimizers of the parts."""
        return [part.optimizer for part in self.parts.values()]

    def values(
        self, batch: Batch, raw: Mapping[str, Tensor] | None = None
    ) -> tuple[Values, Values]:
        """Nuisance values of B_k and of D_k by name, at scores `raw` or the present ones."""
        observed: Values = {"inverse_propensity": batch.inverse}
        everywhere: Values = {}
        if self._teacher is not None:
            observed["teacher"] = batch.own(self._teacher)
        for name, part in self.parts.items():
            h = part.raw(batch) if raw is None else raw[name]
            part.put(h, batch, observed, everywhere)
        return observed, everywhere

    def terms(
        self,
        batch: Batch,
        scores: tuple[Tensor, Tensor | None],
        values: tuple[Values, Values],
        uniform: Part | None = None,
    ) -> tuple[Term, ...]:
        """The method's terms at predictions `scores` of B_k and D_k."""
        return self._method.terms(self._scene(batch, scores, values, uniform), self._settings)

    def _scene(
        self,
        batch: Batch,
        scores: Scores,
        values: tuple[Values, Values],
        uniform: Part | None = None,
    ) -> Scene:
        everywhere = None if scores[1] is None else Part(scores[1], None, values[1])
        observed = Part(scores[0], batch.label, values[0])
        return Scene(observed, everywhere, uniform, self.density)

    def step(
        self,
        theta: MatrixFactorization,
        lanes: Lanes,
        batch: Batch,
        scores: Scores | None = None,
        chosen: Selection | None = None,
    ) -> None:
        """One step of phi on one block; the real theta, with these scores, does not move.

        chosen: says which pairs L_B may not see.
        """
        if not self.parts:
            return
        regression = self._config.imputation == "regression"
        learned = {
            name: part
            for name, part in self.parts.items()
            if not (regression and isinstance(part, Imputation))
        }
        if learned:
            scores = batch.scores(theta) if scores is None else scores
            stated = self._method.by_phi is not None
            hypergradient_of = self._stated if stated else self._derived
            found = hypergradient_of(theta, lanes, batch, scores, learned, chosen)
            for name, gradient in found.items():
                learned[name].accumulate(batch, gradient)
        for part in self.parts.values():
            if regression and isinstance(part, Imputation):
                self._regress(part, theta, lanes)
            part.optimizer.step()

    # Both are over eta: a common factor leaves the optimum where it is, and Adam's epsilon out of
    # it.

    def _stated(
        self,
        theta: MatrixFactorization,
        lanes: Lanes,
        batch: Batch,
        scores: Scores,
        learned: Mapping[str, PhiModel],
        chosen: Selection | None,
    ) -> dict[str, Tensor]:
        """The hypergradient by the raw scores of parts, as the method states it."""
        assert self._method.by_phi is not None
        values = self.values(batch)
        slopes = slopes_of(self.terms(batch, scores, values))
        if chosen is not None:
            slopes = chosen.seen(slopes, lanes.balanced)
        delta = look_ahead(theta, lanes, batch, slopes, self._config.assumed_lr)
        if chosen is not None:  # a slope counts as much here as in the step
            delta = chosen.seen(delta, lanes.balanced)
        scene = self._scene(batch, scores, values)
        by_value = self._method.by_phi(scene, self._settings, delta)
        return {
            name: part.through(batch, values, by_value).neg_() for name, part in learned.items()
        }

    def _derived(
        self,
        theta: MatrixFactorization,
        lanes: Lanes,
        batch: Batch,
        scores: Scores,
        learned: Mapping[str, PhiModel],
        chosen: Selection | None,
    ) -> dict[str, Tensor]:
        """The same by automatic differentiation of the method's terms."""
        raw = {name: part.raw(batch).detach() for name, part in self.parts.items()}
        for name in learned:
            raw[name].requires_grad_()
        with torch.enable_grad():
            slopes = slopes_of(self.terms(batch, scores, self.values(batch, raw)))
            if chosen is not None:
                slopes = chosen.seen(slopes, lanes.balanced)
        held = slopes[0].detach(), None if slopes[1] is None else slopes[1].detach()
        delta = look_ahead(theta, lanes, batch, held, self._config.assumed_lr)
        found = hypergradient(slopes, delta, 1.0, [raw[name] for name in learned])
        return dict(zip(learned, found, strict=True))

    def _regress(self, part: Imputation, theta: MatrixFactorization, lanes: Lanes) -> None:
        """g fitted to r - r_hat on the uniform ratings, the released code's way (METHOD 7.8)."""
        user, item = lanes.uniform_user, lanes.uniform_item
        gap = part.model.score(user, item) - (lanes.uniform_label - theta.score(user, item))
        part.model.add_gradient(user, item, 2 * lanes.phi_share * gap)

    def keep(self, lanes: Tensor) -> None:
        """Keep only these runs."""
        if self._teacher is not None:
            self._teacher = self._teacher.index_select(0, lanes)
        for part in self.parts.values():
            part.keep(lanes)
            part.model.keep(lanes)
            part.optimizer.keep(lanes)

    def parameters(self) -> dict[str, Tensor]:
        """Every parameter, by "part.name"."""
        return joined({name: part.model.parameters() for name, part in self.parts.items()})

    def state(self) -> dict[str, dict[str, Tensor]]:
        """For a checkpoint."""
        steps = joined({name: part.optimizer.state() for name, part in self.parts.items()})
        return {"phi": self.parameters(), "phi_step": steps}

    def restore(self, part: Callable[[str], dict[str, Tensor]]) -> None:
        """The inverse of `state`, for the same runs."""
        held, steps = part("phi"), part("phi_step")
        for name, value in self.parameters().items():
            value.copy_(held[name])
        for name, one in self.parts.items():
            one.optimizer.restore(part_of(steps, name))


def slopes_of(
    terms: tuple[Term, ...], multipliers: Mapping[str, Tensor] = MappingProxyType({})
) -> tuple[Tensor, Tensor | None]:
    """Derivative of the estimate, times |D|, by the predictions of B and of D; multipliers: weights
    of the pairs by support, where they are not 1.
    """
    found: dict[str, list[Tensor]] = {"observed": [], "all": []}
    for term in terms:
        if term.support in found:
            weight = multipliers.get(term.support)
            found[term.support].append(term.slope if weight is None else term.slope * weight)
    observed, everywhere = found.values()
    return sum(observed[1:], observed[0]), everywhere[0] if everywhere else None
