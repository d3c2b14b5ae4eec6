"""What one block looks like before and after a half-step: a few numbers, and the pairs that moved.

A half-step is an update of phi, of the weights w or of the predictions theta on one block; the
trainer takes them one by one only when asked to, so nothing here is on a run's usual way.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from engine.half_steps import Change, Half, Moved
from engine.methods import Term
from engine.training.batch import Batch
from engine.training.phi import Values

N_MOVED = 3
# Nuisance values of rated pairs by the name they are told under; ratios tell how these moved, and
# differences how what may be 0 did.
TOLD = {"inverse_propensity": "propensity", "omega": "omega", "imputation": "imputation"}
BY_RATIO = ("propensity", "omega", "weight")


@dataclass(frozen=True)
class Seen:
    """One block at one moment, R runs.

    pairs: what each rated pair has, by name, [R or 1, n]. numbers: by name, [R].
    """

    pairs: dict[str, Tensor]
    numbers: dict[str, Tensor]

    @classmethod
    def of(
        cls,
        terms: tuple[Term, ...],
        prediction: Tensor,
        values: tuple[Values, Values],
        multipliers: dict[str, Tensor],
        mass: float,
        target: Tensor,
    ) -> Seen:
        """prediction [R, n] of B_k; mass: s_k; target [R]: mean error over the uniform ratings.

        The loss is the method's estimate on the block with the present weights; its violation that
        minus the target, the constraint of the errors (8), (12) or (13) on this block.
        """
        pairs = {
            told: 1 / values[0][name] if name == "inverse_propensity" else values[0][name]
            for name, told in TOLD.items()
            if name in values[0]
        }
        weighed, numbers = torch.zeros_like(target), {}
        for term in terms:
            if term.support == "uniform":
                continue
            w = multipliers.get(term.support)
            mean = term.value.mean(1) if w is None else (w * term.value).sum(1) / w.sum(1)
            weighed = weighed + (mass if term.support == "observed" else 1.0) * mean
        if "observed" in multipliers:
            pairs["weight"] = multipliers["observed"]
            numbers["entropy"] = _entropy(multipliers["observed"])
        pairs["prediction"] = prediction
        if any(term.support != "uniform" for term in terms):
            numbers |= {"loss": weighed, "violation": weighed - target}
        if "pseudo" in values[1]:
            numbers["pseudo"] = values[1]["pseudo"].mean(1)
        return cls(pairs, numbers)


WATCHED: dict[Half, tuple[str, ...]] = {
    "phi": (*TOLD.values(),),
    "w": ("weight",),
    "theta": ("prediction",),
}


def changes(
    what: Half, before: Seen, after: Seen, batch: Batch, runs: Sequence[str], lanes: Sequence[int]
) -> tuple[Change, ...]:
    """What a half-step changed of some runs' block, and which pairs it moved most."""
    return tuple(_change(what, before, after, batch, runs[lane], lane) for lane in lanes)


def _change(what: Half, before: Seen, after: Seen, batch: Batch, run: str, lane: int) -> Change:
    numbers = {
        name: (_of(before.numbers[name], lane), _of(after.numbers[name], lane))
        for name in after.numbers
        if name in before.numbers
    }
    for name in WATCHED[what]:
        if name not in after.pairs or name == "weight":  # the mean weight is 1
            continue
        was, now = _row(before.pairs[name], lane), _row(after.pairs[name], lane)
        if not torch.equal(was, now):
            numbers[name] = (float(was.mean()), float(now.mean()))
    for name in WATCHED[what]:
        if name in after.pairs:
            moved = _moved(name, before, after, batch, lane)
            if moved:
                return Change(run, numbers, name, moved)
    return Change(run, numbers)


def _moved(name: str, before: Seen, after: Seen, batch: Batch, lane: int) -> tuple[Moved, ...]:
    was, now = _row(before.pairs[name], lane), _row(after.pairs[name], lane)
    if name in BY_RATIO:
        by = (now.clamp(min=1e-12) / was.clamp(min=1e-12)).log().abs()
    else:
        by = (now - was).abs()
    first = by.topk(min(N_MOVED, len(by))).indices.tolist()
    return tuple(
        Moved(int(batch.user[i]), int(batch.item[i]), float(was[i]), float(now[i]))
        for i in first
        if by[i] > 0
    )


def _row(values: Tensor, lane: int) -> Tensor:
    return values[lane if len(values) > 1 else 0].double()


def _of(values: Tensor, lane: int) -> float:
    return float(values[lane if len(values) > 1 else 0])


def _entropy(w: Tensor) -> Tensor:
    """Normalised, of the weights that are not 0, [R]."""
    q = w / w.sum(1, keepdim=True)
    n = (w > 0).sum(1).clamp(min=2)
    return (-torch.xlogy(q, q).sum(1) / n.to(w.dtype).log()).clamp(max=1.0)
