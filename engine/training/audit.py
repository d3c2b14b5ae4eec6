"""What only a simulation can tell of an estimator: its error, and where its gradient points.

At a run's best epoch: the estimate L_Bal of the ideal loss, of the run's own predictor and of ten
frozen ones that were in no constraint, beside the same with uniform weights and the plain mean over
U; the cosine of grad L_Bal with grad L_ideal; the weights against the oracle's.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from engine.datasets.frozen import frozen_predictions
from engine.datasets.ratings import Ratings
from engine.diagnostics import PAIRS_MAX
from engine.models import MatrixFactorization, grad_of
from engine.training.batch import Batch
from engine.training.constraint import GlobalPass
from engine.training.lanes import Lanes
from engine.training.nuisance import Nuisance, slopes_of
from engine.training.phi import Values

Facts = dict[str, float]


@dataclass(frozen=True)
class Case:
    """Some runs at one pass: their models and nuisance values, weights of B and D, and U."""

    theta: MatrixFactorization
    nuisance: Nuisance
    batch: Batch
    values: tuple[Values, Values]
    weights: Tensor
    weights_all: Tensor
    cell_of_u: Tensor
    label_of_u: Tensor
    share_of_u: Tensor


class Audit:
    """For data whose truth is known and whose D is small enough to look at whole."""

    def __init__(self, ratings: Ratings, dtype: torch.dtype, device: torch.device) -> None:
        truth = ratings.truth
        assert truth is not None
        self._shape = truth.label.shape
        self._label = torch.as_tensor(truth.label, dtype=dtype, device=device).flatten()
        frozen = torch.as_tensor(frozen_predictions(truth), dtype=dtype, device=device)
        self._frozen = frozen.flatten(1)  # [10, |D|]
        self._ideal = (self._frozen - self._label).square().mean(1)
        true = truth.propensity_of(ratings.biased)
        self._true_inverse = torch.as_tensor(1 / true, dtype=dtype, device=device)

    @classmethod
    def possible(cls, ratings: Ratings) -> bool:
        """Whether the truth is known and small."""
        return ratings.truth is not None and ratings.truth.label.size <= PAIRS_MAX

    def facts(
        self,
        theta: MatrixFactorization,
        nuisance: Nuisance,
        lanes: Lanes,
        batch: Batch,
        result: GlobalPass,
        which: list[int],
    ) -> list[Facts]:
        """One dictionary for each of the runs `which`."""
        rows = torch.tensor(which, device=lanes.lam.device)
        case = Case(
            theta=MatrixFactorization.of(
                {k: v.index_select(0, rows) for k, v in theta.parameters().items()}
            ).with_gradients(),
            nuisance=nuisance,
            batch=batch,
            values=_of_rows(nuisance.values(batch), rows),
            weights=result.weights.index_select(0, rows),
            weights_all=_weights_all(result, rows),
            cell_of_u=(lanes.uniform_user * self._shape[1] + lanes.uniform_item)[rows],
            label_of_u=lanes.uniform_label[rows],
            share_of_u=lanes.target_share[rows],
        )
        found = {name: value[rows] for name, value in self._own(result).items()}
        found |= self._of_frozen(case) | self._cosines(case)
        found |= self._oracle(case.weights, _row(result.inverse, rows))
        return [
            {name: float(value[place]) for name, value in found.items()}
            for place in range(len(which))
        ]

    def _own(self, result: GlobalPass) -> dict[str, Tensor]:
        """The estimates of the own predictor's loss; its true one is told apart."""
        return {
            "estimate": result.error_violation + result.error_target,
            "estimate_uniform": result.error_violation_uniform + result.error_target,
            "estimate_u_mean": result.error_target,
        }

    def _of_frozen(self, case: Case) -> dict[str, Tensor]:
        """Mean absolute error of three estimates over the frozen predictors, each [R]."""
        own = case.batch.scores(case.theta)
        nothing = torch.zeros_like(case.share_of_u[:, 0])
        total = {name: nothing.clone() for name in ("", "_uniform", "_u_mean")}
        cell = case.batch.user * self._shape[1] + case.batch.item
        for prediction, ideal in zip(self._frozen, self._ideal, strict=True):
            rated = prediction[cell].expand_as(own[0])
            everywhere = None if own[1] is None else prediction.expand_as(own[1])
            swapped = _imputed_label_kept(case.values, own, (rated, everywhere))
            weighted, uniform = nothing, nothing
            for term in case.nuisance.terms(case.batch, (rated, everywhere), swapped):
                observed = term.support == "observed"
                mass = case.batch.mass if observed else 1.0
                multiplier = case.weights if observed else case.weights_all
                weighted = (
                    weighted
                    + mass * torch.einsum("rn,rn->r", multiplier, term.value) / term.value.shape[1]
                )
                uniform = uniform + mass * term.value.mean(1)
            at_u = (prediction[case.cell_of_u] - case.label_of_u).square()
            u_mean = (case.share_of_u * at_u).sum(1)
            for name, estimate in zip(total, (weighted, uniform, u_mean), strict=True):
                total[name] += (estimate - ideal).abs() / len(self._frozen)
        return {f"frozen_error{name}": value for name, value in total.items()}

    def _cosines(self, case: Case) -> dict[str, Tensor]:
        """Cosine of grad L_Bal, and of it with uniform weights, with grad L_ideal, [R]."""
        theta, batch = case.theta, case.batch
        users, items = (torch.arange(n, device=self._label.device) for n in self._shape)
        slope = 2 * (theta.score_grid(users, items) - self._label)
        theta.accumulate_grid(users, items, slope)
        ideal = _taken(theta)
        terms = case.nuisance.terms(batch, batch.scores(theta), case.values)
        observed, everywhere = slopes_of(terms)
        found = {}
        for name in ("gradient_cosine", "gradient_cosine_uniform"):
            weighted = name == "gradient_cosine"
            one = observed * case.weights if weighted else observed
            two = everywhere
            if two is not None and weighted:
                two = two * case.weights_all
            batch.accumulate(theta, one, two)
            found[name] = torch.cosine_similarity(ideal, _taken(theta), dim=1)
        return found

    def _oracle(self, weights: Tensor, inverse: Tensor) -> dict[str, Tensor]:
        """KL of the weights to the oracle's p_hat/p~, both normalised over B, [R]."""
        oracle = self._true_inverse / inverse
        log_q = torch.log(oracle / oracle.sum(1, keepdim=True))
        q = weights / weights.sum(1, keepdim=True)
        ratio = torch.where(q > 0, torch.log(q.clamp(min=1e-38)) - log_q, 0.0)
        return {"oracle_kl": (q * ratio).sum(1)}


def _row(values: Tensor, rows: Tensor) -> Tensor:
    """Of some runs; a row shared by all stays."""
    return values if len(values) == 1 else values.index_select(0, rows)


def _of_rows(values: tuple[Values, Values], rows: Tensor) -> tuple[Values, Values]:
    one, two = ({k: _row(v, rows) for k, v in part.items()} for part in values)
    return one, two


def _weights_all(result: GlobalPass, rows: Tensor) -> Tensor:
    """Weights of mean 1 on D; ones where there are none."""
    side = result.everywhere
    return result.weights.new_ones(len(rows), 1) if side is None else side.shown(rows)


def _imputed_label_kept(
    values: tuple[Values, Values],
    own: tuple[Tensor, Tensor | None],
    other: tuple[Tensor, Tensor | None],
) -> tuple[Values, Values]:
    """Nuisance values for another predictor: DR's imputed label r_hat + g stays what it is."""
    kept = []
    for part, mine, theirs in zip(values, own, other, strict=True):
        if "imputation" in part and mine is not None and theirs is not None:
            part = {**part, "imputation": mine + part["imputation"] - theirs}
        kept.append(part)
    return kept[0], kept[1]


def _taken(theta: MatrixFactorization) -> Tensor:
    """All of theta's gradient as rows [R, parameters], and set back to 0."""
    rows = [grad_of(value).flatten(1).clone() for value in theta.parameters().values()]
    theta.zero_grad()
    return torch.cat(rows, dim=1)
