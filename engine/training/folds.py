"""Cross-fitting: for each balanced run, `folds` more prediction models that each miss a part of B.

The errors that the weights balance are then those of a model that has not seen the pair, so an
overfitting theta cannot hide a violation (METHOD section 5). Fold models train beside theta with
the same weights, blocks and nuisance values; they ride on the run axis, run by run, fold by fold.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from engine.config import RunConfig
from engine.datasets.folds import folds_of
from engine.models import MatrixFactorization
from engine.training.batch import Batch
from engine.training.lanes import Lanes
from engine.training.nuisance import Nuisance, slopes_of
from engine.training.optim import StackedOptimizer
from engine.training.phi import Values


class FoldModels:
    """theta of every fold of every balanced run, [L * F, ...] for L such runs.

    A fold model starts from its run's seed, as theta does unless that goes on from a finished run.
    """

    def __init__(
        self, config: RunConfig, shape: tuple[int, int], seeds: list[int], lanes: Lanes
    ) -> None:
        self._config, self._n = config, config.folds
        self._owner = lanes.balanced.nonzero().flatten()
        fold = folds_of(len(lanes.user), config.folds, config.block_seed)
        self._fold = torch.as_tensor(fold, device=lanes.user.device)
        own = [seeds[lane] for lane in self._owner.tolist() for _ in range(self._n)]
        where = (lanes.lam.dtype, lanes.lam.device)
        self.theta = MatrixFactorization(shape, config.d, own, *where, intercept=config.intercept)
        self._step = StackedOptimizer(self.theta, config.optimizer, config.lr, config.weight_decay)

    def step(
        self,
        batch: Batch,
        nuisance: Nuisance,
        values: tuple[Values, Values],
        multipliers: dict[str, Tensor],
        scale: float,
    ) -> None:
        """One prediction step of every fold model on its own part of the block."""
        if not len(self._owner):
            return
        spread = tuple({k: self._spread(v) for k, v in part.items()} for part in values)
        terms = nuisance.terms(batch, batch.scores(self.theta), (spread[0], spread[1]))
        observed, everywhere = slopes_of(terms)
        lane = torch.arange(self._n, device=observed.device).repeat(len(self._owner))
        # Sums keep their size: a fold model sees F - 1 of F parts.
        sees = (self._fold[batch.position] != lane[:, None]) * (self._n / (self._n - 1))
        observed = observed * sees * self._spread(multipliers["observed"])
        if everywhere is not None:
            everywhere = everywhere * self._spread(multipliers["all"])
            if nuisance.tells_labels:  # an imputed label of a pair of the own fold would tell it
                assert batch.everything is not None
                hidden = torch.ones_like(everywhere)
                hidden[:, batch.everything.cell] = (sees > 0).to(hidden.dtype)
                everywhere = everywhere * hidden
        batch.accumulate(
            self.theta, scale * observed, None if everywhere is None else scale * everywhere
        )
        self._step.step()

    def predictions(self, lanes: Lanes, own: Tensor) -> Tensor:
        """Of every pair of B by the model that has not seen it, [R, n]; `own` for other runs."""
        found = own.clone()
        for fold in range(self._n if len(self._owner) else 0):
            pairs = (self._fold == fold).nonzero().flatten()
            rows = torch.arange(len(self._owner), device=pairs.device) * self._n + fold
            model = MatrixFactorization.of(
                {k: v.index_select(0, rows) for k, v in self.theta.parameters().items()}
            )
            score = model.score(lanes.user[pairs], lanes.item[pairs])
            found[self._owner[:, None], pairs[None, :]] = score
        return found

    def uniform_mean(
        self, lanes: Lanes, own: Tensor, moments: Callable[[Tensor], Tensor]
    ) -> Tensor:
        """Moments of U [R, m, k], mean over the fold models: what their errors are to meet.

        moments: predictions [R', m] -> [R', m, k] with every run's own U. A fold model has fewer
        ratings than theta and a larger error; the target has to be of the models on the left side.
        """
        found = moments(own)
        if not len(self._owner):
            return found
        index = lanes.uniform_user[self._owner], lanes.uniform_item[self._owner]
        total = torch.zeros_like(found[self._owner])
        for fold in range(self._n):
            rows = torch.arange(len(self._owner), device=own.device) * self._n + fold
            model = MatrixFactorization.of(
                {k: v.index_select(0, rows) for k, v in self.theta.parameters().items()}
            )
            whole = own.clone()
            whole[self._owner] = model.score(*index)
            total += moments(whole)[self._owner] / self._n
        found[self._owner] = total
        return found

    def _spread(self, values: Tensor) -> Tensor:
        """[R or 1, ...] to [L * F, ...]."""
        if len(values) == 1:  # shared by all runs, or those of the only one
            return values.expand(len(self._owner) * self._n, *values.shape[1:])
        return values.index_select(0, self._owner).repeat_interleave(self._n, 0)

    def keep(self, lanes: Tensor) -> None:
        """Keep only these runs."""
        place = {int(lane): new for new, lane in enumerate(lanes.tolist())}
        kept = [(k, place[lane]) for k, lane in enumerate(self._owner.tolist()) if lane in place]
        rows = [k * self._n + fold for k, _ in kept for fold in range(self._n)]
        self._owner = torch.tensor([new for _, new in kept], dtype=torch.int64).to(lanes.device)
        self.theta.keep(torch.tensor(rows, dtype=torch.int64, device=lanes.device))
        self._step.keep(torch.tensor(rows, dtype=torch.int64, device=lanes.device))

    def state(self) -> dict[str, dict[str, Tensor]]:
        """For a checkpoint."""
        return {"fold": self.theta.parameters(), "fold_step": self._step.state()}

    def restore(self, part: Callable[[str], dict[str, Tensor]]) -> None:
        """The inverse of `state`, for the same runs."""
        held = part("fold")
        for name, value in self.theta.parameters().items():
            value.copy_(held[name])
        self._step.restore(part("fold_step"))
