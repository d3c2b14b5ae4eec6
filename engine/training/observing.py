"""Global passes: the constraint looked at over all ratings, at fixed models, once an epoch."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial

import torch
from torch import Tensor

from engine.balancing import dot
from engine.methods import Part, Term
from engine.methods.base import squared
from engine.models import MatrixFactorization
from engine.training.balancer import Balancer
from engine.training.batch import Batch
from engine.training.constraint import GlobalPass, Side, clustered, with_known
from engine.training.folds import FoldModels
from engine.training.lanes import Lanes
from engine.training.moments import Codes, Moments
from engine.training.nuisance import Nuisance
from engine.training.selection import Selection, Selector, picked

SMALLEST = 1e-30  # of mean 1


@dataclass(frozen=True)
class Measured:
    """All ratings as terms see them, by theta's own errors and by those that are balanced.

    loss [R]: the base method's estimate.
    """

    batch: Batch
    own: tuple[Term, ...]
    balanced: tuple[Term, ...]
    loss: Tensor


class Observer:
    """Looks at a group's constraint; holds the parts it needs and nothing that changes."""

    def __init__(
        self,
        shape: tuple[int, int],
        moments: Moments,
        nuisance: Nuisance,
        balancer: Balancer,
        selector: Selector,
    ) -> None:
        self._shape, self._moments, self._nuisance = shape, moments, nuisance
        self._balancer, self._selector = balancer, selector

    def measure(
        self,
        theta: MatrixFactorization,
        lanes: Lanes,
        batch: Batch,
        folds: FoldModels | None,
        uniform: Part | None,
    ) -> Measured:
        """The errors of all ratings at the present models, and so the training error."""
        values = self._nuisance.values(batch)
        # Kept, so that reports and the next epoch's blocks see the propensity as it is now.
        lanes.inverse_propensity = values[0]["inverse_propensity"]
        batch = replace(batch, inverse=lanes.inverse_propensity)
        scores = batch.scores(theta)
        own = self._looked_at(self._nuisance.terms(batch, scores, values, uniform))
        loss, own = _loss(own, batch, lanes), _balanced(own, batch, scores[0])
        balanced = own
        if folds is not None:
            other = (folds.predictions(lanes, scores[0]), scores[1])
            terms = self._looked_at(self._nuisance.terms(batch, other, values, uniform))
            balanced = _balanced(terms, batch, scores[0])
        return Measured(batch, own, balanced, loss)

    def look(
        self,
        theta: MatrixFactorization,
        lanes: Lanes,
        measured: Measured,
        folds: FoldModels | None,
    ) -> GlobalPass:
        """The constraint at the present models."""
        batch = measured.batch
        chosen = self._selector.of(batch)
        sides, x = self._sides(measured.balanced, lanes, batch, chosen)
        prediction = theta.score(lanes.uniform_user, lanes.uniform_item)
        wanted = partial(self._of_uniform, lanes)
        at_uniform = own_errors = wanted(prediction)
        if folds is not None:
            at_uniform = folds.uniform_mean(lanes, prediction, wanted)
        apart = folds is not None or chosen.held is not None
        targets = (at_uniform, own_errors[..., -1] if apart else None)
        return self._pass(lanes, measured, sides, x, targets)

    def _looked_at(self, terms: tuple[Term, ...]) -> tuple[Term, ...]:
        """Terms without what only training, or a moment that is not balanced, has a use for."""
        nothing = terms[0].value.new_zeros(())
        found = tuple(replace(term, slope=nothing) for term in terms)
        if "r" in self._moments.columns:
            return found
        return tuple(replace(term, label=nothing) for term in found)

    def _sides(
        self, terms: tuple[Term, ...], lanes: Lanes, batch: Batch, chosen: Selection
    ) -> tuple[tuple[Side, ...], Tensor]:
        """The blocks of weights, and the moments of all of B."""
        found, observed = [], None
        for term in terms:
            if term.support == "observed":
                where: tuple[Codes, Codes] = (batch.user, batch.item)
                pick = chosen.fit
            else:
                assert batch.everything is not None
                where = (batch.everything.user, batch.everything.item)
                pick = chosen.everywhere
            x = self._moments.of_term(term, *where)
            observed = x if term.support == "observed" else observed
            inside = picked(x, pick)
            log_q = self._balancer.log_q(lanes, term.support, batch, inside, pick)
            mass = chosen.mass if term.support == "observed" else 1.0
            assert term.support != "uniform"
            value, total = picked(term.value, pick), x.shape[1]
            found.append(Side(term.support, inside, value, log_q, mass, pick, total))
        assert observed is not None
        return tuple(found), observed

    def _pass(
        self,
        lanes: Lanes,
        measured: Measured,
        sides: tuple[Side, ...],
        x: Tensor,
        targets: tuple[Tensor, Tensor | None],
    ) -> GlobalPass:
        """targets: values of the moments and e on U [R, m, k + 1]; theta's own e, or None."""
        values, error = targets
        rated = next(term for term in measured.own if term.support == "observed")
        mean = torch.einsum("rm,rmk->rk", lanes.target_share, values)
        covariance = clustered(values, mean, lanes, self._shape[0])
        return GlobalPass(
            sides=sides,
            target=mean[:, :-1],
            covariance=with_known(covariance[:, :-1, :-1], self._moments.known, sides),
            error_target=mean[:, -1],
            error_se=covariance[:, -1, -1].sqrt(),
            loss=measured.loss,
            x=x,
            value=rated.value,
            inverse=rated.scale if rated.scale.dim() > 1 else measured.batch.inverse,
            weights=x.new_ones(()).expand(x.shape[:2]),
            own_target=None if error is None else (lanes.target_share * error).sum(1),
        )

    def _of_uniform(self, lanes: Lanes, prediction: Tensor) -> Tensor:
        """The moments' values [R, m, k], and e behind them."""
        values = self._moments.of_uniform(prediction, lanes.uniform_label, lanes.uniform_item)
        error = (prediction - lanes.uniform_label).square()
        return torch.cat([values, error.unsqueeze(-1)], dim=-1)

    def weigh(self, result: GlobalPass, lanes: Lanes, batch: Batch) -> GlobalPass:
        """The pass with the balancing models' present weights."""
        return result.weighted(
            tuple(
                self._balancer.log_q(lanes, side.support, batch, side.x, side.pick)
                for side in result.sides
            )
        )

    def finish(self, result: GlobalPass, lanes: Lanes, batch: Batch) -> GlobalPass:
        """The pass with the weights that theta's loss has, and the in-sample violation."""
        chosen = self._selector.of(batch)
        if chosen.fit is None and chosen.apply is None:
            q = result.observed.q
            weights = q * q.shape[1]
        else:
            weights = self._balancer.weights(
                lanes, "observed", batch, result.x, chosen, chosen.apply
            )
        # 0 says that a pair is held out: weights that are too small for the precision are not.
        weights.clamp_(min=SMALLEST)
        if chosen.held is not None:
            weights.masked_fill_(chosen.held, 0.0)
        if not lanes.all_balanced:
            weights.masked_fill_(~lanes.balanced[:, None], 1.0)
        result = replace(result, weights=weights)
        if result.own_target is None:
            return result
        inside, value = picked(weights, chosen.apply), picked(result.value, chosen.apply)
        left = chosen.mass * dot(inside, value) / inside.sum(1)
        for side in result.sides:
            if side.support == "all":
                left = left + side.mass * dot(side.q, side.value)
        return replace(result, in_sample=left - result.own_target)


def _balanced(terms: tuple[Term, ...], batch: Batch, prediction: Tensor) -> tuple[Term, ...]:
    """The terms on B and D; of a method without any, e/s over B, for its violation."""
    found = tuple(term for term in terms if term.support != "uniform")
    return found or (squared(Part(prediction, batch.label), "observed", batch.inverse),)


def _loss(terms: tuple[Term, ...], batch: Batch, lanes: Lanes) -> Tensor:
    """The base method's estimate, [R]."""
    total = torch.zeros_like(lanes.lam)
    for term in terms:
        if term.support == "uniform":
            total = total + (lanes.uniform_share * term.value).sum(1)
        else:
            mass = batch.mass if term.support == "observed" else 1.0
            total = total + mass * term.value.mean(1)
    return total
