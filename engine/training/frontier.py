"""The phase plane: what weights trade, entropy for violation, and the best that any weights can do.

Both axes are those of the balancing loss, so that nothing beats the exact weights in it:

    entropy     sum_b m_b H(q_b) / sum_b m_b ln n_b     over the blocks b of weights, mass m_b
    violation   sqrt(r' A r),  A = c S^-1               |r| where one moment is balanced

For every lam the exact weights q_b = softmax(x_b mu), r(mu) + A^-1 mu / (2 lam) = 0 (METHOD section
5), have the highest entropy of all weights with their violation. The frontier follows them from lam
= 0 on by Newton's method, each lam from the one before, for all runs of a group at once.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from engine.balancing import dot, moment_metric
from engine.config import RunConfig
from engine.training.constraint import GlobalPass
from engine.training.tracing import FAR, STEPS, binned, traced

EVERY = 10  # epochs from one frontier to the next
MOVED = 1e-6  # of the uniform weights' violation: less is rounding
POWERS = tuple(range(-3, 12))  # lam is lam_1/2 times these powers of 2
NEAR, ROUNDING = (
    1e-4,
    1e-6,
)  # an equation is solved: of the uniform weights' violation, of the target


def frontier_due(epoch: int, last: int) -> bool:
    """Whether a frontier is drawn at this epoch: the first, every tenth, and the last planned."""
    return epoch == 1 or epoch % EVERY == 0 or epoch == last


@dataclass(frozen=True)
class Place:
    """Where one run's weights stand in the plane, and the frontier [points, 3] where it is due."""

    entropy: float
    violation: float
    frontier: NDArray[np.float64] | None = None


def places(result: GlobalPass, configs: Sequence[RunConfig], epoch: int) -> list[Place]:
    """Every run's place; frontiers of balanced runs, as often as they cost little."""
    due = [
        lane
        for lane, config in enumerate(configs)
        if config.balanced and frontier_due(epoch, config.epochs)
    ]
    drawn = dict(zip(due, frontiers(result, due), strict=True)) if due else {}
    return [
        Place(entropy, violation, drawn.get(lane))
        for lane, (entropy, violation) in enumerate(zip(*_stand(result), strict=True))
    ]


def _stand(result: GlobalPass) -> tuple[list[float], list[float]]:
    """Entropy and violation of every run's weights."""
    loss = [-s.mass * dot(s.q, s.log_q) for s in result.sides]
    entropy = torch.stack(loss).sum(0) / _most(result)
    violation = _size(result.residual, moment_metric(result.covariance))
    return entropy.clamp(max=1.0).tolist(), violation.tolist()


def frontiers(result: GlobalPass, lanes: list[int]) -> list[NDArray[np.float64]]:
    """The frontier of each of these runs: rows (lam, entropy, violation), lam rising from 0.

    A lam at which Newton's method did not arrive is left out. With one moment it need not arrive:
    the weights of any mu are exact for some lam, which is told in place of the one aimed at.
    """
    one = result.target.shape[1] == 1
    table = _of_one(result, lanes) if one else _of_several(result, lanes)
    return [_sound(points_of) for points_of in table]


def _of_one(result: GlobalPass, lanes: list[int]) -> NDArray[np.float64]:
    """Rows (lam, entropy, violation, whether it stands) of every run, one moment being balanced."""
    found = []
    for lane in lanes:
        blocks = [binned(side.x[lane, :, 0].cpu().numpy()) for side in result.sides]
        masses = [side.mass for side in result.sides]
        found.append(traced(blocks, masses, float(result.target[lane]), POWERS))
    table = np.stack(found)
    table[..., 1] = (table[..., 1] / _most(result)).clip(max=1.0)
    return table


def _of_several(result: GlobalPass, lanes: list[int]) -> NDArray[np.float64]:
    """Those rows with several moments, by tensors, all runs at once."""
    rows = torch.tensor(lanes, device=result.target.device)
    blocks = _Blocks(result, rows)
    metric = moment_metric(result.covariance[rows]).double()
    soft = torch.linalg.inv_ex(metric).inverse
    target = result.target[rows].double()
    mu = torch.zeros_like(target)
    left, entropy, bend = blocks.at(mu)
    start = _size(left - target, metric)
    pull = torch.linalg.eigvals(torch.nan_to_num(metric @ bend)).real.amax(1)
    half = 1 / (2 * pull.clamp(min=1e-12))  # moments that do not vary: nothing moves, nor fails
    near = NEAR * start + ROUNDING * _size(target, metric)
    points = [torch.stack([torch.zeros_like(start), entropy, start, torch.ones_like(start)])]
    for power in POWERS[::2]:
        lam = half * 2.0**power
        ridge = soft / (2 * lam[:, None, None])
        for _ in range(STEPS):
            gap = left - target + (ridge @ mu.unsqueeze(-1)).squeeze(-1)
            step = torch.linalg.solve_ex(bend + ridge, gap).result
            mu = mu - step * (FAR / blocks.reach(step)).clamp(max=1.0)
            left, entropy, bend = blocks.at(mu)
            gap = left - target + (ridge @ mu.unsqueeze(-1)).squeeze(-1)
            arrived = _size(gap, metric) <= near
            if bool(arrived.all()):
                break
        violation = _size(left - target, metric)
        points.append(torch.stack([lam, entropy, violation, arrived.double()]))
    return np.asarray(torch.stack(points, dim=1).permute(2, 1, 0).cpu().numpy())


def _sound(points: NDArray[np.float64]) -> NDArray[np.float64]:
    """The rows (lam, entropy, violation) whose equation is solved, and whose weights moved."""
    kept = np.isfinite(points).all(1) & (points[:, 3] > 0)
    kept[1:] &= (points[1:, 2] < points[0, 2] * (1 - MOVED)) & (points[1:, 1] >= 0)
    return points[kept, :3]


class _Blocks:
    """The blocks of weights of some runs, at any mu."""

    def __init__(self, result: GlobalPass, rows: Tensor) -> None:
        self._x = [
            side.x.index_select(0, rows).transpose(1, 2).contiguous() for side in result.sides
        ]
        self._mass = [side.mass for side in result.sides]
        self._most = _most(result)

    def reach(self, step: Tensor) -> Tensor:
        """How far apart a step of mu moves log weights, [R, 1]."""
        change = [(step.to(x.dtype).unsqueeze(1) @ x).squeeze(1) for x in self._x]
        spans = [c.amax(1, keepdim=True) - c.amin(1, keepdim=True) for c in change]
        return torch.stack(spans).amax(0).double()

    def at(self, mu: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Left sides [R, k], entropy [R] and the derivative of the former by mu [R, k, k]."""
        left, entropy = torch.zeros_like(mu), torch.zeros_like(mu[:, 0])
        bend = mu.new_zeros(*mu.shape, mu.shape[1])
        for x, mass in zip(self._x, self._mass, strict=True):
            score = (mu.to(x.dtype).unsqueeze(1) @ x).squeeze(1)  # x [R, k, n]
            most = score.amax(1, keepdim=True)
            weight = score.sub_(most).exp_()
            sums = weight.sum(1, keepdim=True)
            total = (most + sums.log()).squeeze(1)
            weighted = x * weight.div_(sums).unsqueeze(1)
            mean = weighted.sum(2)
            square = weighted @ x.transpose(1, 2)
            left += mass * mean
            entropy += mass * (total - (mu * mean).sum(1))  # -sum q log q, log q = x mu - total
            bend += mass * (square - mean.unsqueeze(2) * mean.unsqueeze(1))
        return left, (entropy / self._most).clamp(max=1.0), bend


def _most(result: GlobalPass) -> float:
    """The entropy of uniform weights, sum_b m_b ln n_b."""
    return sum(side.mass * math.log(side.x.shape[1]) for side in result.sides)


def _size(residual: Tensor, metric: Tensor) -> Tensor:
    """sqrt(r' A r), [R]."""
    if residual.shape[1] == 1:
        return residual[:, 0].abs()
    return torch.einsum("ri,rij,rj->r", residual, metric, residual).clamp(min=0).sqrt()
