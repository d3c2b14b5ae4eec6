"""KD-Label's teacher: a matrix factorisation of the uniform ratings, trained before the student."""

from __future__ import annotations

from torch import Tensor

from engine.config import RunConfig
from engine.models import MatrixFactorization
from engine.training.lanes import Lanes
from engine.training.optim import StackedOptimizer

STREAM = 5  # of a run's seed
STEPS, LR, DECAY = 100, 1e-2, 5.0  # as the corrected prediction model; U alone, all of it a step


def teacher_predictions(
    config: RunConfig, shape: tuple[int, int], seeds: list[int], lanes: Lanes
) -> Tensor:
    """Its predictions of B, min-max normalised run by run, [R, n]. The same for the same seed."""
    where = (lanes.lam.dtype, lanes.lam.device)
    model = MatrixFactorization(shape, config.d, seeds, *where, stream=STREAM, intercept=True)
    optimizer = StackedOptimizer(model, "adamw", LR, DECAY)
    user, item = lanes.uniform_user, lanes.uniform_item
    for _ in range(STEPS):
        error = model.score(user, item) - lanes.uniform_label
        model.add_gradient(user, item, 2 * error * (lanes.uniform_share > 0))
        optimizer.step()
    score = model.score(lanes.user, lanes.item)
    low, high = score.amin(1, keepdim=True), score.amax(1, keepdim=True)
    return (score - low) / (high - low).clamp(min=1e-12)
