"""All that a group of runs learns, and one block of learning.

theta the prediction models, xi the balancing models, phi the nuisance models, each stacked along
the run axis, with their optimizers; fold models beside theta where errors are cross-fitted.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Sequence
from functools import partial

import torch
from torch import Tensor

from engine.config import RunConfig
from engine.half_steps import Half
from engine.methods import METHODS, Part, Term
from engine.models import MatrixFactorization, RowwiseFactorization, grad_of
from engine.training.audit import Audit
from engine.training.balancer import Balancer, BlockMoments
from engine.training.batch import Batch, Scores
from engine.training.constraint import GlobalPass, target_of
from engine.training.folds import FoldModels
from engine.training.lanes import Lanes
from engine.training.moments import Moments
from engine.training.nuisance import Nuisance, slopes_of
from engine.training.observing import Measured, Observer
from engine.training.phi import Values
from engine.training.rowwise import RowOptimizer, optimizer_of
from engine.training.seen import Seen
from engine.training.selection import Selector
from engine.training.teacher import teacher_predictions
from engine.training.view import Whole
from engine.training.weight_models import WeightModels

Seconds = dict[str, float]


class Learners:
    """The models of a group; `config` holds what its runs share."""

    def __init__(
        self,
        config: RunConfig,
        shape: tuple[int, int],
        seeds: list[int],
        lanes: Lanes,
        moments: Moments,
    ) -> None:
        where = (lanes.lam.dtype, lanes.lam.device)
        self._config, self._shape, self._moments = config, shape, moments
        self._method = METHODS[config.method]
        tables = (shape[0], shape[1] * 2) if self._method.twin_items else shape
        by_row = config.sampler == "pairs"
        self.theta = (RowwiseFactorization if by_row else MatrixFactorization)(
            tables, config.d, seeds, *where, intercept=config.intercept
        )
        self._theta_step = optimizer_of(
            self.theta, config.optimizer, config.lr, config.weight_decay
        )
        teacher = teacher_predictions(config, shape, seeds, lanes) if self._method.teacher else None
        self._nuisance = Nuisance(config, shape, seeds, lanes, teacher)
        supports = self._method.info.supports
        models = WeightModels(config, shape, seeds, supports, *where)
        self._balancer = Balancer(config, supports, len(moments.columns), models)
        self._folds = (
            FoldModels(config, shape, seeds, lanes) if config.residuals == "cross_fitted" else None
        )
        self._selector = Selector(config, lanes, shape[1])
        self._observer = Observer(shape, moments, self._nuisance, self._balancer, self._selector)
        self._whole = Whole(lanes, shape, self._method.on_all)
        steps = [self._theta_step, *models.steps, *self._nuisance.steps]
        self._by_row = [step for step in steps if isinstance(step, RowOptimizer)]

    @property
    def anchored(self) -> bool:
        """Whether a global pass has been observed, without which weights cannot be learned."""
        return self._balancer.anchor is not None

    @property
    def predictor(self) -> MatrixFactorization:
        """theta as it predicts: of two tables of items, the first."""
        return self.theta.items(self._shape[1]) if self._method.twin_items else self.theta

    def start_from(self, initial: dict[int, dict[str, Tensor]]) -> None:
        """Set the prediction models of some lanes to given parameters by name, no run axis.

        Fold models start anew all the same: what a finished run has fitted holds every fold.
        """
        for lane, held in initial.items():
            for name, value in self.theta.parameters().items():
                value[lane] = held[name].to(value)

    def scores(self, batch: Batch, lanes: Lanes, seconds: Seconds) -> Scores:
        """theta's predictions of B_k and D_k, which hold until its step at the block's end."""
        begun = time.perf_counter()
        self._catch_up(batch, lanes)
        found = batch.scores(self.theta)
        seconds["prediction"] += time.perf_counter() - begun
        return found

    def _catch_up(self, batch: Batch, lanes: Lanes) -> None:
        """Of models updated row by row, bring what this batch looks at up to date."""
        if not self._by_row:
            return
        users, items = batch.rows
        for step in self._by_row:
            step.catch_up({"users": users, "items": items, "b": users, "c": items})
        if self._nuisance.parts or self._config.penalty == "block":  # which look at U, too
            where = {
                "users": lanes.uniform_user.flatten(),
                "items": lanes.uniform_item.flatten(),
            }
            self._by_row[0].catch_up(where)

    def learn_phi(self, batch: Batch, lanes: Lanes, scores: Scores, seconds: Seconds) -> None:
        """A step of Algorithm 1 on one block."""
        begun = time.perf_counter()
        self._learn_phi(batch, lanes, scores)
        seconds["phi"] += time.perf_counter() - begun

    def _learn_phi(self, batch: Batch, lanes: Lanes, scores: Scores | None = None) -> None:
        if self._nuisance.parts:
            self._nuisance.step(self.theta, lanes, batch, scores, self._selector.of(batch))

    def train(
        self, batch: Batch, lanes: Lanes, scores: Scores, seconds: Seconds, share: float
    ) -> None:
        """One block of Algorithm 2: a weight step, and a prediction step with these weights.

        share: of the uniform ratings that this block is to count, for terms on U.
        """
        begun = time.perf_counter()
        values = self._nuisance.values(batch)
        terms = self._nuisance.terms(batch, scores, values, self._uniform(lanes))
        multipliers: dict[str, Tensor] = {}
        between = time.perf_counter()
        if self.anchored:
            multipliers = self._weigh(batch, lanes, terms)
        after = time.perf_counter()
        self._predict(batch, lanes, terms, values, multipliers, share)
        seconds["weights"] += after - between
        seconds["prediction"] += time.perf_counter() - after + between - begun

    def halves(
        self, kinds: Collection[str], batch: Batch, lanes: Lanes, share: float
    ) -> list[tuple[Half, Callable[[], None]]]:
        """`learn_phi` and `train` in parts, to be called in order, at any time: the same numbers.

        kinds: "phi" and "theta" as the schedule has them for this block.
        """
        self._catch_up(batch, lanes)
        found: list[tuple[Half, Callable[[], None]]] = []
        if "phi" in kinds and self._nuisance.parts:
            found.append(("phi", lambda: self._learn_phi(batch, lanes)))
        if "theta" in kinds and self.anchored:
            found.append(("w", lambda: self._step_weights(batch, lanes)))
        if "theta" in kinds:
            found.append(("theta", lambda: self._step_theta(batch, lanes, share)))
        return found

    def _step_weights(self, batch: Batch, lanes: Lanes) -> None:
        self._weigh(batch, lanes, self._terms(batch, lanes))

    def _step_theta(self, batch: Batch, lanes: Lanes, share: float) -> None:
        values, terms = self._nuisance.values(batch), self._terms(batch, lanes)
        self._predict(batch, lanes, terms, values, self.multipliers(batch, lanes, terms), share)

    def multipliers(self, batch: Batch, lanes: Lanes, terms: tuple[Term, ...]) -> dict[str, Tensor]:
        """The present weights of a batch as theta's loss has them, by support."""
        if not self.anchored:
            return {}
        chosen = self._selector.of(batch)
        return self._balancer.present(lanes, batch, chosen, self._block_moments(terms, batch))

    def _terms(self, batch: Batch, lanes: Lanes) -> tuple[Term, ...]:
        values = self._nuisance.values(batch)
        return self._nuisance.terms(batch, batch.scores(self.theta), values, self._uniform(lanes))

    def _weigh(self, batch: Batch, lanes: Lanes, terms: tuple[Term, ...]) -> dict[str, Tensor]:
        """A weight step; the weights after it."""
        return self._balancer.step(
            lanes,
            batch,
            self._selector.of(batch),
            self._block_moments(terms, batch),
            partial(self._target, lanes),
        )

    def _predict(
        self,
        batch: Batch,
        lanes: Lanes,
        terms: tuple[Term, ...],
        values: tuple[Values, Values],
        multipliers: dict[str, Tensor],
        share: float,
    ) -> None:
        """A prediction step with given weights."""
        scale = self._scale(batch)
        self._add_gradients(batch, terms, multipliers, lanes, scale, share)
        self._theta_step.step()
        if self._folds is not None and multipliers:
            self._folds.step(batch, self._nuisance, values, multipliers, scale)

    def _uniform(self, lanes: Lanes) -> Part | None:
        """U as a term sees it; of two tables of items, by the second."""
        if not self._method.on_uniform:
            return None
        offset = self._shape[1] if self._method.twin_items else 0
        score = self.theta.score(lanes.uniform_user, lanes.uniform_item + offset)
        return Part(score, lanes.uniform_label)

    def _block_moments(self, terms: tuple[Term, ...], batch: Batch) -> BlockMoments:
        """Moments at the current models; of B only where the naive penalty wants them."""
        found: dict[str, Tensor | None] = {"observed": None, "all": None}
        for term in terms:
            if term.support == "all" and batch.everything is not None:
                drawn = batch.everything
                found["all"] = self._moments.of_term(term, drawn.user, drawn.item)
            elif term.support == "observed" and self._config.penalty == "block":
                found["observed"] = self._moments.of_term(term, batch.user, batch.item)
        return BlockMoments(found["observed"], found["all"])

    def _target(self, lanes: Lanes) -> Tensor:
        prediction = self.theta.score(lanes.uniform_user, lanes.uniform_item)
        return target_of(prediction, lanes, self._moments)

    def _scale(self, batch: Batch) -> float:
        """From |D| times the estimate to the loss: sums count a rated pair about 1."""
        if self._config.loss_scale == "sum":
            return float(self._nuisance.density)
        return 1 / batch.n_all

    def _add_gradients(
        self,
        batch: Batch,
        terms: tuple[Term, ...],
        multipliers: dict[str, Tensor],
        lanes: Lanes,
        scale: float,
        share: float,
    ) -> None:
        biased = tuple(term for term in terms if term.support != "uniform")
        if biased:
            observed, everywhere = slopes_of(biased, multipliers)
            if self._config.weights_mass == "released":
                observed = observed / batch.mass  # their weights on B sum to 1
            batch.accumulate(
                self.theta, scale * observed, None if everywhere is None else scale * everywhere
            )
        for term in terms:
            if term.support == "uniform":
                self._add_uniform(term, lanes, share * scale / self._nuisance.density)
        if self._method.twin_items:
            self._pull(batch, scale)

    def _add_uniform(self, term: Term, lanes: Lanes, scale: float) -> None:
        offset = self._shape[1] if self._method.twin_items else 0
        slope = term.slope * (lanes.uniform_share > 0) * scale
        self.theta.add_gradient(lanes.uniform_user, lanes.uniform_item + offset, slope)

    def _pull(self, batch: Batch, scale: float) -> None:
        """CausE: gradient of pull * sum |Q_b - Q_u| over the block's items, Q_u constant."""
        assert batch.block is not None
        first, second = batch.block.items, batch.block.items + self._shape[1]
        pull = self._config.teacher_pull * scale
        for table in (self.theta.Q, self.theta.c):
            apart = table.index_select(1, first) - table.index_select(1, second)
            grad_of(table).index_add_(1, first, pull * apart.sign())

    def seen(self, batch: Batch, lanes: Lanes) -> Seen:
        """What phi, the weights and the predictions make of a block just now."""
        values, scores = self._nuisance.values(batch), batch.scores(self.theta)
        terms = self._nuisance.terms(batch, scores, values, self._uniform(lanes))
        error = self.theta.score(lanes.uniform_user, lanes.uniform_item) - lanes.uniform_label
        return Seen.of(
            terms,
            scores[0],
            values,
            self.multipliers(batch, lanes, terms),
            mass=self._selector.of(batch).mass,
            target=(lanes.target_share * error.square()).sum(1),
        )

    def global_pass(self, lanes: Lanes) -> GlobalPass:
        """The constraint over all ratings; a learned propensity is brought up to date first."""
        for step in self._by_row:
            step.catch_up()
        self._balancer.anchor = None  # the pass makes the next, and room for it is dear
        return self._observer.look(self.theta, lanes, self.measure(lanes), self._folds)

    def measure(self, lanes: Lanes) -> Measured:
        """The errors of all ratings, and the training error."""
        batch = self._whole.batch(lanes)
        return self._observer.measure(self.theta, lanes, batch, self._folds, self._uniform(lanes))

    def anchor(
        self, result: GlobalPass, lanes: Lanes, configs: Sequence[RunConfig], epoch: int
    ) -> GlobalPass:
        """Let the balancing models take up a global pass; it is returned with theirs after."""
        weigh = partial(self._observer.weigh, lanes=lanes, batch=self._whole.batch(lanes))
        return self._balancer.observe(result, lanes, configs, epoch, weigh)

    def observe(
        self, result: GlobalPass, lanes: Lanes, configs: Sequence[RunConfig], epoch: int
    ) -> GlobalPass:
        """`anchor`; what is returned has the weights of theta's loss, too."""
        result = self.anchor(result, lanes, configs, epoch)
        return self._observer.finish(result, lanes, self._whole.batch(lanes))

    def audit(
        self, audit: Audit, lanes: Lanes, result: GlobalPass, which: list[int]
    ) -> list[dict[str, float]]:
        """What a simulation's truth tells of the estimators of some runs at this pass."""
        batch = self._whole.batch(lanes)
        return audit.facts(self.theta, self._nuisance, lanes, batch, result, which)

    def copy(self, lane: int, result: GlobalPass | None) -> dict[str, Tensor]:
        """A copy of one run's parameters, each [1, ...], by model and name: "theta.P".

        result: of a balanced run, of which all that its weights on B come from is kept too:
        "weights.observed" [n], "weights.inverse" [n], the moments "weights.x" [n, k], and their
        "weights.target" [k] and its "weights.covariance" [k, k].
        """
        held = {f"theta.{k}": v for k, v in self.theta.parameters().items()}
        held |= {f"phi.{k}": v for k, v in self._nuisance.parameters().items()}
        if result is not None:
            held |= {f"xi.{k}": v for k, v in self._balancer.parameters().items()}
            held |= {
                "weights.observed": result.weights,
                "weights.inverse": result.inverse.expand_as(result.weights),
                "weights.x": result.x,
                "weights.target": result.target,
                "weights.covariance": result.covariance,
            }
        return {name: value[lane : lane + 1].clone() for name, value in held.items()}

    def keep(self, lanes: Tensor, *, balanced: bool) -> None:
        """Keep only these runs; `balanced` says whether one of them is."""
        self.theta.keep(lanes)
        self._theta_step.keep(lanes)
        self._nuisance.keep(lanes)
        self._balancer.keep(lanes, balanced=balanced)
        if self._folds is not None:
            self._folds.keep(lanes)

    def state(self) -> dict[str, dict[str, Tensor]]:
        """For a checkpoint, by part and name."""
        return {
            "theta": self.theta.parameters(),
            "theta_step": self._theta_step.state(),
            **self._balancer.state(),
            **self._nuisance.state(),
            **(self._folds.state() if self._folds else {}),
        }

    def restore(self, part: Callable[[str], dict[str, Tensor]]) -> None:
        """The inverse of `state`, for the same runs; `part` gives the tensors of a part."""
        with torch.no_grad():
            for name, value in part("theta").items():
                self.theta.parameters()[name].copy_(value)
        self._theta_step.restore(part("theta_step"))
        self._nuisance.restore(part)
        self._balancer.restore(part)
        if self._folds is not None:
            self._folds.restore(part)
