"""What is told of every block of weights at an epoch's end, for all runs of a group at once."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from engine.events import WeightBlock
from engine.training.constraint import GlobalPass, Side

SOME, MANY = 5_000, 200_000  # pairs in a constraint beyond which exact weights come more rarely
OFTEN, RARELY = 5, 10  # epochs


def exact_due(result: GlobalPass, epoch: int, last: int) -> bool:
    """Whether exact weights are solved for at this epoch, to compare learned ones with.

    Their cost grows with all pairs in the constraint, of B and of D: of few, every epoch; of more,
    every fifth or tenth, and the last.
    """
    pairs = sum(side.log_q.shape[1] for side in result.sides)
    every = 1 if pairs <= SOME else OFTEN if pairs <= MANY else RARELY
    return epoch % every == 0 or epoch == last


def weight_blocks(result: GlobalPass) -> list[dict[str, WeightBlock]]:
    """Every run's blocks of weights by support, in numbers (`engine.diagnostics.weight_block`)."""
    found = {"observed": _observed(result.weights, result.inverse)}
    found |= {side.support: _everywhere(side) for side in result.sides if side.support == "all"}
    return [
        {support: blocks[lane] for support, blocks in found.items()}
        for lane in range(len(result.weights))
    ]


def _observed(weights: Tensor, inverse: Tensor) -> list[WeightBlock]:
    """weights [R, n] of B, 0 where a pair is held out; inverse [R or 1, n]."""
    w = weights.double()
    n = (w > 0).sum(1, keepdim=True).double()
    q = w / w.sum(1, keepdim=True)
    used = q * inverse
    columns = (
        -torch.xlogy(q, q).sum(1) / n[:, 0].log(),
        1 / (n[:, 0] * q.square().sum(1)),
        used.sum(1).square() / (n[:, 0] * used.square().sum(1)),
        (n * q).amax(1),
        ((n * q - 1).square() * (w > 0)).sum(1).div(n[:, 0]).sqrt(),
    )
    return _rows(columns)


def _everywhere(side: Side) -> list[WeightBlock]:
    """Of D, in the precision of training: there may be millions; no propensity."""
    n = side.q.shape[1]
    apart = n * side.q - 1
    cv = apart.square().mean(1).sqrt()
    ess = 1 / (1 + cv.square())  # 1 / (n sum q^2), the mean of n q being 1
    entropy = -(side.q * side.log_q).sum(1) / math.log(n)
    return _rows((entropy, ess, ess, apart.amax(1) + 1, cv))


def _rows(columns: tuple[Tensor, ...]) -> list[WeightBlock]:
    """Rounding must not tell of more than uniform weights."""
    entropy, ess, ess_estimate, largest, cv = columns
    table = (entropy.clamp(max=1), ess.clamp(max=1), ess_estimate, largest.clamp(min=1), cv)
    return [WeightBlock(*row) for row in torch.stack(table, dim=1).tolist()]
