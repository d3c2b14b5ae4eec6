"""What is told of every block of weights at an epoch's end, for all runs of a group at once."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from engine.balancing import dot
from engine.config import RunConfig
from engine.diagnostics import SLAB, Deciles, Floats, log2_histogram
from engine.events import LAST, REACH, EpochDone, WeightBlock
from engine.loops import loops
from engine.models.pairs import array
from engine.training.constraint import GlobalPass, Side

SOME, MANY = 5_000, 200_000  # pairs in a constraint beyond which exact weights come more rarely
OFTEN, RARELY = 5, 10  # epochs
LEAST = 1e-37  # a normal number in float32
ROUNDING = 1e-6  # of a propensity in float32


def exact_due(result: GlobalPass, epoch: int, last: int) -> bool:
    """Whether exact weights are solved for at this epoch, to compare learned ones with.

    Their cost grows with all pairs in the constraint, of B and of D: of few, every epoch; of more,
    every fifth or tenth, and the last.
    """
    pairs = sum(side.log_q.shape[1] for side in result.sides)
    every = 1 if pairs <= SOME else OFTEN if pairs <= MANY else RARELY
    return epoch % every == 0 or epoch == last


def told_everywhere(
    result: GlobalPass, lane: int, cells: Deciles, epoch: int, last: int
) -> dict[str, Any]:
    """One run's weights on D in aggregate: at the first epoch, every fifth or tenth (of few pairs
    every one), and the last planned. cells: the map of D.
    """
    side, n_pairs = result.everywhere, len(cells.cell)
    every = 1 if n_pairs <= SOME else OFTEN if n_pairs <= MANY else RARELY
    if side is None or not (epoch == 1 or epoch % every == 0 or epoch == last):
        return {}
    row = torch.tensor([lane], device=side.log_q.device)
    weight = side.shown(row)[0].cpu().numpy()
    return {"histogram_all": log2_histogram(weight), "decile_map_all": cells.mean(weight)}


def last_arrays(kept: Mapping[str, Tensor]) -> dict[str, NDArray[Any]]:
    """Of a run's last epoch as "last.NAME"; tables of factors in float16, as far as they fit."""
    found = {}
    for name, value in kept.items():
        array = value[0].cpu().numpy()
        table = array.ndim > 1 and not name.startswith("weights.")
        if table and np.abs(array).max(initial=0) < np.finfo(np.float16).max:
            array = array.astype(np.float16)
        found[f"{LAST}{name}"] = array
    return found


def weight_blocks(result: GlobalPass) -> list[dict[str, WeightBlock]]:
    """Every run's blocks of weights by support, in numbers (`engine.diagnostics.weight_block`)."""
    found = {"observed": _observed(result.weights, result.inverse)}
    found |= {side.support: _everywhere(side) for side in result.sides if side.support == "all"}
    return [
        {support: blocks[lane] for support, blocks in found.items()}
        for lane in range(len(result.weights))
    ]


def _observed(weights: Tensor, inverse: Tensor) -> list[WeightBlock]:
    """weights [R, n] of B, 0 where a pair is held out; inverse [R or 1, n]. Sums in float64."""
    step = max(1, SLAB // len(weights))
    parts, ps = torch.split(weights.cpu(), step, 1), torch.split(inverse.cpu(), step, 1)
    sums = np.zeros((6, len(weights)))
    for part, p in zip(map(array, parts), map(array, ps), strict=True):
        _add(part, p, np.log(np.maximum(part, part.dtype.type(LEAST))), sums)
    largest = weights.amax(1).double().cpu()
    count, total, logs, square, used, used_square = torch.as_tensor(sums)
    unit = count / total  # times a weight is it of mean 1
    return _rows(
        (
            1 - (logs * unit + count * unit.log()) / (count * count.log()),
            count / (square * unit.square()),
            used.square() / (count * used_square),
            largest * unit,
            (square * unit.square() / count - 1).clamp(min=0).sqrt(),
        )
    )


@loops
def _add(weight: Any, inverse: Any, log: Any, sums: Any) -> None:
    """Add, of weights w [R, n], to sums [6, R]: how many are positive, w, w log w, w^2, w/p,
    (w/p)^2. The largest is not sought here: it would keep the loop from being vectorised.
    """
    for r in range(weight.shape[0]):
        q = r if inverse.shape[0] > 1 else 0
        count, total, logs, square, all_used, used_square = 0.0, 0.0, 0.0, 0.0, 0.0, 0.0
        for k in range(weight.shape[1]):
            w = np.float64(weight[r, k])
            used = w * inverse[q, k]
            count += 1.0 if w > 0 else 0.0
            total += w
            logs += w * log[r, k]
            square += w * w
            all_used += used
            used_square += used * used
        sums[0, r] += count
        sums[1, r] += total
        sums[2, r] += logs
        sums[3, r] += square
        sums[4, r] += all_used
        sums[5, r] += used_square


def _everywhere(side: Side) -> list[WeightBlock]:
    """Of D, in the precision of training: there may be millions; no propensity."""
    n = side.q.shape[1]
    apart = n * side.q - 1
    cv = apart.square().mean(1).sqrt()
    ess = 1 / (1 + cv.square())  # 1 / (n sum q^2), the mean of n q being 1
    entropy = -dot(side.q, side.log_q) / math.log(n)
    return _rows((entropy, ess, ess, apart.amax(1) + 1, cv))


def _rows(columns: tuple[Tensor, ...]) -> list[WeightBlock]:
    """Rounding must not tell of more than uniform weights."""
    entropy, ess, ess_estimate, largest, cv = columns
    table = (entropy.clamp(max=1), ess.clamp(max=1), ess_estimate, largest.clamp(min=1), cv)
    return [WeightBlock(*row) for row in torch.stack(table, dim=1).tolist()]


def told_of_propensity(config: RunConfig, density: float, inverse: Floats) -> dict[str, float]:
    """Of 1/p [|B|]: its spread, whether it is calibrated (then 1), how many are clipped."""
    p = 1 / inverse
    return {
        "propensity_sd": float(p.std(dtype=np.float64)),
        "propensity_calibration": density * float(inverse.mean(dtype=np.float64)),
        "propensity_clipped": float((p <= config.p_min * (1 + ROUNDING)).sum()),
    }


def facts_of(row: EpochDone) -> dict[str, float]:
    """What is kept of a run's weights at its best epoch, beside its metrics."""
    told = {
        "violation": row.violation,
        "violation_uniform": row.violation_uniform,
        "target": row.target,
        "target_se": row.target_se,
        "violation_in_sample": row.violation_in_sample,
        "ess": row.ess,
        "entropy": row.entropy,
        "exact_kl": row.exact_kl,
        "exact_violation": row.exact_violation,
        "exact_feasible": row.exact_feasible,
        "exact_bound": row.exact_bound,
        **{name: getattr(row, name) for name in REACH},
        "oracle_correlation": row.oracle_correlation,
        **{f"violation_{name}": value[0] for name, value in row.moments.items() if name != "e"},
    }
    return {name: value for name, value in told.items() if value is not None}
