"""From a group's state to what is told of each run: validation each epoch, test once at the end."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from engine.config import RunConfig, columns_of
from engine.datasets.ratings import FloatArray, IntArray, Pairs, Ratings
from engine.datasets.splits import Split
from engine.diagnostics import Deciles, Floats, log2_histogram, log_correlation
from engine.events import EpochDone, RunDone, RunState, WeightBlock
from engine.exact import expected_left
from engine.methods import METHODS
from engine.methods.propensity import PropensityEstimate
from engine.metrics import Ranking, evaluate
from engine.models import MatrixFactorization
from engine.training.best import Best
from engine.training.constraint import GlobalPass
from engine.training.frontier import Place
from engine.training.initial import PREFIX
from engine.training.lemma import bias_facts
from engine.training.reference import exact_facts
from engine.training.telling import exact_due, last_arrays, told_everywhere, told_of_propensity
from engine.training.truth import IdealLoss

PLANE = ("entropy", "violation")


@dataclass(frozen=True)
class Subject:
    """What stays the same of one run while it trains. propensity: what is told of its start."""

    run: str
    config: RunConfig
    split: Split
    propensity: dict[str, float]
    true_propensity: FloatArray | None


class Judge:
    """Evaluates the runs of one group. Test ratings are read in `ended` and nowhere else."""

    def __init__(
        self,
        subjects: Sequence[Subject],
        ratings: Ratings,
        dtype: torch.dtype,
        device: torch.device,
    ) -> None:
        self._ratings, self._device = ratings, device
        self._validation = {s.run: ratings.random.take(s.split.validation) for s in subjects}
        self._ranking = {
            run: Ranking(part.user, ratings.label(part)) for run, part in self._validation.items()
        }
        self._ideal = None if ratings.truth is None else IdealLoss(ratings.truth, dtype, device)
        self._deciles = Deciles.of(ratings)
        on_all = "all" in METHODS[subjects[0].config.method].info.supports
        self._on_all = Deciles.everywhere(ratings) if on_all else None
        self._inverse: dict[str, tuple[Tensor, int]] = {}  # 1/p at a run's last epoch, and its row

    def validation(
        self, subjects: Sequence[Subject], theta: MatrixFactorization
    ) -> list[dict[str, float | None]]:
        """Metrics on each run's validation ratings."""
        parts = [self._validation[s.run] for s in subjects]
        user = self._index(np.stack([part.user for part in parts]))
        item = self._index(np.stack([part.item for part in parts]))
        scores = theta.score(user, item).cpu().double().numpy()
        return [
            self._ranking[subject.run].evaluate(score)
            for subject, score in zip(subjects, scores, strict=True)
        ]

    def true_losses(self, theta: MatrixFactorization) -> list[float | None]:
        """The predictors' true ideal loss, None on real data."""
        return [None] * len(theta.P) if self._ideal is None else [*self._ideal(theta)]

    def epoch(
        self,
        subject: Subject,
        lane: int,
        epoch: int,
        result: GlobalPass,
        blocks: dict[str, WeightBlock],
        place: Place,
        validation: dict[str, float | None],
        true_loss: float | None,
        seconds: dict[str, float],
        edited: bool = False,
    ) -> EpochDone:
        """All that is told of one run at an epoch's end; blocks, place: of its weights, if any."""
        config = subject.config
        shared = len(result.inverse) == 1
        inverse = result.inverse[0 if shared else lane].cpu().numpy()
        self._inverse[subject.run] = (result.inverse, 0 if shared else lane)
        told: dict[str, Any] = {}
        if config.balance != "none":
            told = {"blocks": blocks, **self._weights(subject, result, lane, inverse)}
            if self._on_all is not None and config.balanced:
                told |= told_everywhere(result, lane, self._on_all, epoch, config.epochs)
            told["violation"] = float(result.error_violation[lane])
            told |= {f"constraint_{name}": getattr(place, name) for name in PLANE}
            told["frontier"] = place.frontier
            if result.in_sample is not None:
                told["violation_in_sample"] = float(result.in_sample[lane])
            told["moments"] = self._moments(config, result, lane)
            told |= self._exact(subject, lane, epoch, result)
            told["expected_left"] = expected_left(config.lam, 1.0, float(result.error_spread[lane]))
        return EpochDone(
            run=subject.run,
            epoch=epoch,
            lam=config.lam,
            target=float(result.error_target[lane]),
            target_se=float(result.error_se[lane]),
            violation_uniform=float(result.error_violation_uniform[lane]),
            loss=float(result.loss[lane]),
            left={name: float(part[lane]) for name, part in result.error_parts.items()},
            validation=validation,
            seconds=seconds,
            true_loss=true_loss,
            edited=edited,
            **told,
        )

    def _moments(
        self, config: RunConfig, result: GlobalPass, lane: int
    ) -> dict[str, tuple[float, float, float]]:
        """Every balanced column: violation, the same with uniform weights, the target's error."""
        violation = result.residual[lane].tolist()
        uniform = (result.left_uniform[lane] - result.target[lane]).tolist()
        se = result.covariance[lane].diagonal().sqrt().tolist()
        told = zip(violation, uniform, se, strict=True)
        return dict(zip(columns_of(config.moments), told, strict=True))

    def _exact(
        self, subject: Subject, lane: int, epoch: int, result: GlobalPass
    ) -> dict[str, float]:
        """Learned weights against exact ones, as often as that costs little."""
        if not subject.config.balanced or not exact_due(result, epoch, subject.config.epochs):
            return {}
        return exact_facts(result, lane, subject.config)

    def _weights(
        self, subject: Subject, result: GlobalPass, lane: int, inverse: Floats
    ) -> dict[str, Any]:
        weight = result.weights[lane].cpu().numpy()
        told: dict[str, Any] = {
            "histogram": log2_histogram(weight),
            "decile_map": self._deciles.mean(weight),
        }
        if subject.true_propensity is not None:  # oracle weights are p_hat / p~
            oracle = 1 / (inverse * subject.true_propensity)
            told["oracle_correlation"] = log_correlation(weight, oracle)
        return told

    def ended(
        self,
        subject: Subject,
        state: RunState,
        epochs: int,
        seconds: float | None,
        best: Best | None,
        error: str | None = None,
        last: Mapping[str, Tensor] | None = None,
    ) -> RunDone:
        """The last word on a run: test metrics of its best epoch, read here for the first time.

        last: what is kept of its last epoch, if that is another.
        """
        told: dict[str, Any] = {}
        facts = self._facts(subject)
        if best is not None:
            held = {k: v for k, v in best.tensors.items() if k.startswith(PREFIX)}
            theta = MatrixFactorization.of({k.removeprefix(PREFIX): v for k, v in held.items()})
            theta = theta.items(self._ratings.n_items)  # of two tables of items, the first
            told["best_epoch"] = best.epoch
            told["validation"] = best.validation
            told["test"] = self._score(theta, subject.split.test)
            told["test_clean"] = self._score(theta, subject.split.test_clean)
            told["true_loss"] = None if self._ideal is None else self._ideal.exact(theta)[0]
            told["arrays"] = {k: v[0].cpu().numpy() for k, v in best.tensors.items()}
            told["arrays"] |= last_arrays(last or {})
            bias = bias_facts(theta, self._ratings, subject.config, subject.split)
            facts |= best.facts | bias
        return RunDone(
            run=subject.run,
            state=state,
            epochs=epochs,
            epoch_seconds=seconds,
            facts=facts,
            error=error,
            **told,
        )

    def _score(self, theta: MatrixFactorization, part: IntArray) -> dict[str, float | None]:
        pairs: Pairs = self._ratings.random.take(part)
        score = theta.score(self._index(pairs.user), self._index(pairs.item))[0]
        label = self._ratings.label(pairs)
        return evaluate(pairs.user, label, score.cpu().double().numpy())

    def _of_propensity(self, subject: Subject) -> dict[str, float]:
        """Of an ended run."""
        if subject.run not in self._inverse:
            return subject.propensity
        inverse, row = self._inverse.pop(subject.run)
        values = inverse[row].cpu().numpy()
        return told_of_propensity(subject.config, self._ratings.density, values)

    def _facts(self, subject: Subject) -> dict[str, float]:
        return {
            "density": self._ratings.density,
            **self._of_propensity(subject),
            "n_uniform": float(len(subject.split.uniform)),
            "n_validation": float(len(subject.split.validation)),
            "n_test": float(len(subject.split.test)),
            "n_test_clean": float(len(subject.split.test_clean)),
        }

    def _index(self, values: IntArray) -> Tensor:
        return torch.as_tensor(values, device=self._device)


def subject_of(
    run: str, config: RunConfig, ratings: Ratings, split: Split, p: PropensityEstimate
) -> Subject:
    """The subject of a run, its true propensities included where the truth is known."""
    told = told_of_propensity(config, ratings.density, p.inverse)
    truth = None if ratings.truth is None else ratings.truth.propensity_of(ratings.biased)
    return Subject(run, config, split, told, truth)
