"""The balancing models of a group and their step of Algorithm 2.

Every term of the estimator has its block of weights (w1 on D, w2 on B). Models of log w that are
learned, all exactly uniform at the start:

    mf, ncf     h = h(u, i), the paper's, one for each block of weights; optimizer steps on dL_W/dh
    log_linear  h = m'x, x the pair's moments, one m for all blocks

`balance = "exact"` is a third way: the log-linear model with m solved for at every global pass
(`engine.exact`) and held until the next.

The optimum of L_W is log q = const - 2 lam r' A x, so the log-linear model contains it, and an MF
model follows it only as far as user and item tell e/p: measured on Coat, not far once e/p has a
heavy tail and not stably for lam above 16. The coefficients m take a damped Newton step on their
stationarity m + 2 lam A r = 0, whose derivative is I + 2 lam A sum mass Cov_q(x); the steps grow
over the first epochs, in which theta is far from anything and the moments say little.

The weight step holds theta fixed (Algorithm 2): x of B and t are those of the last global pass, at
the epoch's start. Taken just before a block's own prediction step instead, e is at its largest (its
pairs were last trained an epoch ago) and the residual looks smaller than it is: measured on Coat,
a bias of 0.014, as large as the violation, at which the weights stay put whatever lam. Moments of D
have no such ageing and are the block's own.

The penalty's gradient is 2 lam A r * d left_k with r the residual over all ratings: the square of a
block's residual is not the square of the global one (E[r_k^2] = r^2 + Var r_k, METHOD 2). Between
global passes r is tracked with the block as control variate:

    r  ~  r(last pass) + left_k(weights now) - left_k(weights at the last pass)

What blocks differ in cancels, and the estimate follows xi within the epoch; a residual held for an
epoch makes large lam swing. `penalty = "block"` is the naive square, at the current theta.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from engine.balancing import (
    along,
    left_side,
    log_weights,
    moment_metric,
    pressure_of,
    score_gradient,
    shares,
    through_map,
)
from engine.config import RunConfig
from engine.models import PairModel
from engine.training.anchor import Anchor
from engine.training.batch import Batch
from engine.training.constraint import GlobalPass
from engine.training.lanes import Lanes
from engine.training.reference import exact_solution
from engine.training.selection import Selection, picked
from engine.training.weight_models import WeightModels

DAMPING = 0.05  # of a block's Newton step on m
GLOBAL_STEPS = 4  # full Newton steps on m at an epoch's end
WARM_UP = 10  # epochs over which these steps grow to that length and number
MOST_TILT = 0.25  # standard deviations of m'x that one step may add


@dataclass(frozen=True)
class BlockMoments:
    """Moments of one batch: observed [R, n, k], everywhere [R, N, k], None where they are not
    asked for.
    """

    observed: Tensor | None
    everywhere: Tensor | None

    def of(self, support: str) -> Tensor:
        """By the support's name."""
        found = self.observed if support == "observed" else self.everywhere
        assert found is not None
        return found


class Balancer:
    """One balancing model a run and block of weights; `anchor` is None until a global pass."""

    def __init__(
        self,
        config: RunConfig,
        supports: tuple[str, ...],
        k: int,
        models: WeightModels,
    ) -> None:
        self._config, self._supports = config, supports
        self._linear = config.weights_model == "log_linear"
        where = models.where
        self._m = torch.zeros(models.runs, k, dtype=where[0], device=where[1])
        self._xi = models
        self.anchor: Anchor | None = None
        self._warmth = 0.0

    def log_q(
        self,
        lanes: Lanes,
        support: str,
        batch: Batch,
        x: Tensor,
        pick: Tensor | None,
        at: Anchor | None = None,
    ) -> Tensor:
        """Log weights over their mass, [R, n'], of now or of an anchor.

        x: [R, n', k], moments of the batch's pairs at `pick`.
        """
        m = self._m if at is None else at.m
        if self._linear:
            return log_weights(along(x, m))
        learned = log_weights(self._score(support, batch, pick, at), self._config.weights_map)
        if lanes.any_exact:
            return torch.where(lanes.exact[:, None], log_weights(along(x, m)), learned)
        return learned

    def _q(
        self,
        lanes: Lanes,
        support: str,
        batch: Batch,
        x: Tensor,
        pick: Tensor | None,
        at: Anchor | None = None,
    ) -> Tensor:
        """exp of `log_q`."""
        if self._linear or lanes.any_exact:
            return self.log_q(lanes, support, batch, x, pick, at).exp()
        return shares(self._score(support, batch, pick, at), self._config.weights_map)

    def _score(
        self, support: str, batch: Batch, pick: Tensor | None, at: Anchor | None = None
    ) -> Tensor:
        """h of the batch's pairs at `pick`, [R, n'], by the models of now or of an anchor."""
        xi = self._xi.models if at is None else at.xi
        return picked(scores_of(xi[support], support, batch), pick)

    def observe(
        self,
        result: GlobalPass,
        lanes: Lanes,
        configs: Sequence[RunConfig],
        epoch: int,
        weigh: Callable[[GlobalPass], GlobalPass],
    ) -> GlobalPass:
        """Take a global pass, after `epoch` epochs, as the anchor of the next steps.

        The log-linear model takes its last steps of the epoch here, on all ratings, because within
        it theta has moved x; exact weights are solved for. `weigh` gives the pass with the present
        weights; returned is the pass with the weights after that.
        """
        metric = moment_metric(result.covariance)
        for lane in lanes.exact.nonzero().flatten().tolist():
            mu = exact_solution(result, lane, configs[lane]).mu
            self._m[lane] = torch.as_tensor(mu, dtype=self._m.dtype, device=self._m.device)
        if lanes.any_exact:
            result = weigh(result)
        self._warmth = min(1.0, (epoch + 1) / WARM_UP)
        if self._linear and epoch and lanes.any_learned:
            pull = lanes.lam[:, None, None] * metric
            for _ in range(math.ceil(GLOBAL_STEPS * self._warmth)):
                curves = (result.curvature(), result.spread())
                self._newton(*curves, result.residual, pull, lanes.learned, 1.0)
                result = weigh(result)
        # Of the log-linear model's steps alone; an MF model's need no curvature.
        flat = torch.zeros_like(metric)
        self.anchor = Anchor(
            x=result.x,
            residual=result.residual,
            metric=metric,
            curvature=result.curvature() if self._linear else flat,
            spread=result.spread() if self._linear else flat,
            m=self._m.clone(),
            xi=self._xi.copies() if self._config.penalty == "global" else {},
        )
        return result

    def step(
        self,
        lanes: Lanes,
        batch: Batch,
        chosen: Selection,
        x: BlockMoments,
        target: Callable[[], Tensor],
    ) -> dict[str, Tensor]:
        """Update the models on one block; |B_k| q and |D_k| q, constants to theta's step.

        x: the block's moments at the current models; those of B are the anchor's with the global
        penalty. target: t at the current theta, for the naive penalty.
        """
        assert self.anchor is not None, "a global pass comes before the first step"
        anchor = self.anchor
        naive = self._config.penalty == "block"
        x = self._followed(batch, x)
        if lanes.any_learned and (chosen.fit is None or len(chosen.fit) > 1):
            log_q, before = {}, {}
            for support in self._supports:
                pick = chosen.fitted(support)
                of_pairs = lanes, support, batch, picked(x.of(support), pick), pick
                log_q[support] = self.log_q(*of_pairs)
                if not naive:
                    before[support] = self._q(*of_pairs, at=anchor)
            q = {support: log.exp() for support, log in log_q.items()}
            now = self._lefts(q, chosen, x)
            if naive:
                residual = now - target()
            else:
                residual = anchor.residual + now - self._lefts(before, chosen, x)
            pull = lanes.lam.view(-1, 1, 1)
            if anchor.metric.shape[1] > 1:  # of one moment it is 1
                pull = pull * anchor.metric
            if self._linear:
                curves = (anchor.curvature, anchor.spread)
                self._newton(*curves, residual, pull, lanes.learned, DAMPING)
            else:
                self._descend(log_q, q, batch, chosen, x, pressure_of(pull, residual), lanes)
        return self._multipliers(lanes, batch, chosen, x)

    def present(
        self, lanes: Lanes, batch: Batch, chosen: Selection, x: BlockMoments
    ) -> dict[str, Tensor]:
        """What `step` returned, if nothing was learned since."""
        return self._multipliers(lanes, batch, chosen, self._followed(batch, x))

    def _followed(self, batch: Batch, x: BlockMoments) -> BlockMoments:
        """The moments that weights follow: of B, with the global penalty, the anchor's."""
        if self._config.penalty == "block" or self.anchor is None:
            return x
        assert isinstance(batch.position, Tensor)  # of a block, not of all ratings
        return BlockMoments(self.anchor.x.index_select(1, batch.position), x.everywhere)

    def _lefts(self, q: dict[str, Tensor], chosen: Selection, x: BlockMoments) -> Tensor:
        """The block's left side with such weights, [R, k]."""
        found = []
        for support, share in q.items():
            inside = picked(x.of(support), chosen.fitted(support))
            found.append(left_side(share, inside, self._mass(support, chosen.mass, share)))
        return sum(found[1:], found[0])

    def _mass(self, support: str, mass: float, q: Tensor) -> float:
        if self._config.weights_mass == "released":
            return 1 / q.shape[-1]
        return 1.0 if support == "all" else mass

    def _descend(
        self,
        log_q: dict[str, Tensor],
        q: dict[str, Tensor],
        batch: Batch,
        chosen: Selection,
        x: BlockMoments,
        pressure: Tensor,
        lanes: Lanes,
    ) -> None:
        """An optimizer step of every MF or NCF model on its block of weights."""
        config = self._config
        sign = 1.0 if config.entropy_sign == "maximise" else -1.0
        for support, log in log_q.items():
            pick = chosen.fitted(support)
            model = self._xi.models[support]
            slope = score_gradient(log, picked(x.of(support), pick), pressure, sign, q[support])
            if config.weights_map == "sigmoid":
                score = self._score(support, batch, pick)
                slope = through_map(slope, score, config.weights_map)
            if config.weights_mass == "released":
                slope = slope / log.shape[-1] ** 2  # as it stands there: nothing is scaled up
            if not lanes.all_learned:
                # Runs that are not balanced stay uniform exactly, not up to rounding.
                slope *= lanes.learned[:, None]
            if pick is not None:
                whole = slope.new_zeros(x.of(support).shape[:2])
                slope = whole.index_copy_(1, pick, slope)
            if support == "observed":
                batch.add_rated(model, slope)
            else:
                assert batch.everything is not None
                batch.everything.accumulate(model, slope)
        self._xi.step()

    def _multipliers(
        self, lanes: Lanes, batch: Batch, chosen: Selection, x: BlockMoments
    ) -> dict[str, Tensor]:
        uniform = None if lanes.all_balanced else ~lanes.balanced.unsqueeze(1)
        found = {}
        for support in self._supports:
            pick = chosen.apply if support == "observed" else chosen.everywhere
            weights = self.weights(lanes, support, batch, x.of(support), chosen, pick)
            if support == "all" and chosen.hidden is not None:
                weights[:, chosen.hidden] = 0.0
            found[support] = weights if uniform is None else weights.masked_fill_(uniform, 1.0)
        return found

    def weights(
        self,
        lanes: Lanes,
        support: str,
        batch: Batch,
        x: Tensor,
        chosen: Selection,
        pick: Tensor | None,
    ) -> Tensor:
        """Weights of a batch's pairs as theta's loss has them, [R, n]: mean 1 over those inside."""
        if pick is None:
            q = self._q(lanes, support, batch, x, None)
            return q.mul_(q.shape[-1])
        whole = torch.ones_like(x[..., 0])
        if len(pick):
            q = self._q(lanes, support, batch, picked(x, pick), pick)
            n = chosen.n_inside if support == "observed" else len(pick)
            whole = whole.index_copy(1, pick, n * q)
        if support == "observed" and chosen.held is not None:
            whole = whole.masked_fill(chosen.held, 0.0)
        return whole

    def _newton(
        self,
        curvature: Tensor,
        spread: Tensor,
        residual: Tensor,
        pull: Tensor,
        lanes: Tensor,
        damping: float,
    ) -> None:
        """m <- m - damping (I + 2 lam A C)^-1 (m + 2 lam A r), at most MOST_TILT of log w."""
        damping *= self._warmth
        identity = torch.eye(self._m.shape[-1], dtype=pull.dtype, device=pull.device)
        slope = identity + 2 * pull @ curvature
        step = damping * torch.linalg.solve(slope, self._m + pressure_of(pull, residual))
        moved = torch.einsum("ri,rij,rj->r", step, spread, step).clamp(min=0).sqrt()
        step *= (MOST_TILT / moved.clamp(min=MOST_TILT)).unsqueeze(-1)
        self._m -= step * lanes[:, None]

    def keep(self, lanes: Tensor, *, balanced: bool) -> None:
        """Keep only these runs; without a balanced one there is nothing left to anchor."""
        self._xi.keep(lanes)
        self._m = self._m.index_select(0, lanes)
        self.anchor = self.anchor.keep(lanes) if self.anchor and balanced else None

    def parameters(self) -> dict[str, Tensor]:
        """What a run's weights are made of, by name, each [R, ...]."""
        return {"m": self._m, **self._xi.parameters()}

    def state(self) -> dict[str, dict[str, Tensor]]:
        """For a checkpoint."""
        return {
            "xi": self.parameters(),
            "xi_step": self._xi.step_state(),
            "anchor": self.anchor.tensors() if self.anchor else {},
            "warmth": {"share": torch.tensor(self._warmth, dtype=torch.float64)},
        }

    def restore(self, part: Callable[[str], dict[str, Tensor]]) -> None:
        """The inverse of `state`, for the same runs."""
        held, anchor = part("xi"), part("anchor")
        for name, value in self.parameters().items():
            value.copy_(held[name])
        self._xi.restore_steps(part("xi_step"))
        self._warmth = float(part("warmth")["share"])
        kinds = self._xi.models if self._config.penalty == "global" else {}
        self.anchor = Anchor.of(anchor, kinds) if anchor else None


def scores_of(model: PairModel, support: str, batch: Batch) -> Tensor:
    """h of a batch's pairs on a support, [R, n]."""
    if support == "observed":
        return batch.rated(model)
    assert batch.everything is not None
    return batch.everything.own_scores(model)
