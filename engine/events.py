"""What training tells: the trainer yields these; whoever drives it decides what becomes of them."""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from engine.half_steps import HalfStep

RunState = Literal["queued", "running", "paused", "stopped", "finished", "failed"]
ENDED: frozenset[str] = frozenset({"stopped", "finished", "failed"})

METRICS = ("auc", "ndcg5", "ndcg10", "mse", "log_loss")

# Edges of the histogram of log2(weight); counts below the first and above the last edge stay too.
HISTOGRAM_EDGES = tuple(np.linspace(-3.0, 3.0, 49).tolist())
MAP_SIZE = 12
LAST = "last."  # before the names of a run's arrays of its last epoch
# Balanced columns beside e whose violation is kept of every epoch; of others, at a run's end.
TOLD_MOMENTS = ("r", "mass")
# Of a target that no weights reach (`EpochDone`), kept of the epochs that have one.
REACH = ("reach_moment", "reach_low", "reach_high", "reach_target")

# Columns of an epoch that are fields of `EpochDone` under the same name.
_PLAIN = (
    *("lam", "target", "target_se", "violation", "violation_uniform", "loss", "expected_left"),
    *("true_loss", "oracle_correlation", "exact_kl", "exact_violation", "exact_ess"),
    *("exact_feasible", "exact_bound", "violation_in_sample"),
    *("constraint_entropy", "constraint_violation"),
)


@dataclass(frozen=True)
class BlockDone:
    """One block is trained. Drivers poll their controls here."""

    epoch: int
    block: int
    n_blocks: int


@dataclass(frozen=True)
class WeightBlock:
    """One block of balancing weights q = w / mass, all n of them at an epoch's end.

    entropy: H(q) / ln n. ess: 1 / (n sum q^2). ess_estimate: the same of w / p, what the estimate
    rests on. largest: max weight, mean 1. cv: coefficient of variation of w.
    """

    entropy: float
    ess: float
    ess_estimate: float
    largest: float
    cv: float


@dataclass(frozen=True)
class EpochDone:
    """One run at the end of one epoch. Scalars about weights speak of the weights on B.

    Violations are signed, left side minus target, over all ratings, of e whatever is balanced;
    `violation_uniform` is the same at the same theta with uniform weights. `moments` maps every
    balanced moment to (violation, violation_uniform, target_se). `exact_kl` is KL(w || w*) to the
    exact weights at the same theta and lam, the largest over the blocks of weights,
    `exact_violation` what these leave of the violation, `exact_ess` their smallest ESS/n;
    `exact_feasible` is 0 where no weights meet what is asked, `exact_bound` 1 where a floor on ESS
    kept them from it. Where a target lies outside what any weights on these ratings attain,
    `reach_moment` is the place among `moments` of the one that does so most, `reach_low` and
    `reach_high` the ends of what its left side can be, `reach_target` its target.
    `violation_in_sample` is that of theta's own errors where others are balanced.
    `left`: what each block of weights adds to the left side of e; they sum to target + violation.
    `constraint_entropy` and `constraint_violation`: where the weights stand in the phase plane
    (`engine.training.frontier`), `frontier` the best that any weights could do there: rows (lam,
    entropy, violation), at some epochs only. `histogram` and `decile_map` are of the weights on B;
    `histogram_all` and `decile_map_all` of those on D, where there are any, at some epochs only.
    None where a value does not exist (no balancing, no truth, one class).
    """

    run: str
    epoch: int
    lam: float
    target: float
    target_se: float
    violation_uniform: float
    loss: float
    validation: dict[str, float | None]
    seconds: dict[str, float]
    violation: float | None = None
    left: dict[str, float] = field(default_factory=dict)
    blocks: dict[str, WeightBlock] = field(default_factory=dict)
    moments: dict[str, tuple[float, float, float]] = field(default_factory=dict)
    expected_left: float | None = None
    true_loss: float | None = None
    oracle_correlation: float | None = None
    exact_kl: float | None = None
    exact_violation: float | None = None
    exact_ess: float | None = None
    exact_feasible: float | None = None
    exact_bound: float | None = None
    reach_moment: float | None = None
    reach_low: float | None = None
    reach_high: float | None = None
    reach_target: float | None = None
    violation_in_sample: float | None = None
    constraint_entropy: float | None = None
    constraint_violation: float | None = None
    edited: bool = False
    histogram: NDArray[np.int32] | None = None
    decile_map: NDArray[np.float32] | None = None
    histogram_all: NDArray[np.int32] | None = None
    decile_map_all: NDArray[np.float32] | None = None
    frontier: NDArray[np.float64] | None = None

    @property
    def entropy(self) -> float | None:
        """Normalised entropy of the weights on B."""
        return self.blocks["observed"].entropy if "observed" in self.blocks else None

    @property
    def ess(self) -> float | None:
        """Effective sample size over n of the weights on B."""
        return self.blocks["observed"].ess if "observed" in self.blocks else None

    def columns(self) -> dict[str, float | None]:
        """Every scalar under a flat name, as the store keeps it and charts read it."""
        flat: dict[str, float | None] = {name: getattr(self, name) for name in _PLAIN}
        flat |= {f"validation_{k}": v for k, v in self.validation.items()}
        flat |= {f"seconds_{k}": v for k, v in self.seconds.items()}
        for name, block in self.blocks.items():
            suffix = "" if name == "observed" else f"_{name}"
            flat |= {f"{f.name}{suffix}": getattr(block, f.name) for f in fields(block)}
        for name, (violation, uniform, se) in self.moments.items():
            if name in TOLD_MOMENTS:
                flat[f"violation_{name}"] = violation
                flat[f"violation_uniform_{name}"] = uniform
                flat[f"target_se_{name}"] = se
        flat |= {f"left_{name}": part for name, part in self.left.items()}
        return flat

    def as_json(self) -> dict[str, Any]:
        """The line that `train --json` prints."""
        blocks = {
            name: {f.name: getattr(block, f.name) for f in fields(block)}
            for name, block in self.blocks.items()
        }
        return {
            "event": "epoch",
            "run": self.run,
            "epoch": self.epoch,
            "lam": self.lam,
            "entropy": self.entropy,
            "ess": self.ess,
            "violation": self.violation,
            "violation_uniform": self.violation_uniform,
            "target": self.target,
            "target_se": self.target_se,
            "loss": self.loss,
            "true_loss": self.true_loss,
            "oracle_correlation": self.oracle_correlation,
            "exact_kl": self.exact_kl,
            "exact_violation": self.exact_violation,
            "exact_ess": self.exact_ess,
            "exact_feasible": self.exact_feasible,
            "exact_bound": self.exact_bound,
            "reach": self.reach,
            "violation_in_sample": self.violation_in_sample,
            "moments": {k: v[0] for k, v in self.moments.items()},
            "validation": self.validation,
            "blocks": blocks,
            "seconds": self.seconds,
        }

    @property
    def reach(self) -> dict[str, Any] | None:
        """The target that is out of reach, if one is: moment, low, high, target."""
        if self.reach_moment is None:
            return None
        moment = list(self.moments)[int(self.reach_moment)]
        span = {"low": self.reach_low, "high": self.reach_high, "target": self.reach_target}
        return {"moment": moment, **span}


# The flat names `EpochDone.columns` can give, in the order of the store's columns. A name added
# here becomes a column of every store at its next opening.
EPOCH_COLUMNS = (
    *("lam", "target", "target_se", "violation", "violation_uniform", "loss"),
    *(f"validation_{name}" for name in METRICS),
    *("seconds_phi", "seconds_weights", "seconds_prediction", "seconds_evaluation"),
    *("entropy", "ess", "ess_estimate", "largest", "cv"),
    *("entropy_all", "ess_all", "ess_estimate_all", "largest_all", "cv_all"),
    *(
        f"{what}_{name}"
        for name in TOLD_MOMENTS
        for what in ("violation", "violation_uniform", "target_se")
    ),
    *("expected_left", "true_loss", "oracle_correlation"),
    *("exact_kl", "exact_violation", "exact_ess", "exact_feasible", "exact_bound"),
    *("violation_in_sample", "left_observed", "left_all"),
    *("constraint_entropy", "constraint_violation"),
)


@dataclass(frozen=True)
class RunDone:
    """A run ended. `arrays` holds the best epoch's parameters and weights, by name; of a balanced
    run that was trained to its end those of its last epoch too, as "last.NAME".

    state: finished (trained to its end), stopped (by the user) or failed (`error` says why).
    epoch_seconds: wall seconds an epoch of the whole group took, divided by the runs in it.
    """

    run: str
    state: RunState
    epochs: int
    best_epoch: int | None = None
    epoch_seconds: float | None = None
    validation: dict[str, float | None] = field(default_factory=dict)
    test: dict[str, float | None] = field(default_factory=dict)
    test_clean: dict[str, float | None] = field(default_factory=dict)
    true_loss: float | None = None
    facts: dict[str, float] = field(default_factory=dict)
    error: str | None = None
    arrays: dict[str, NDArray[Any]] = field(default_factory=dict, repr=False)

    def as_json(self) -> dict[str, Any]:
        """The last line that `train --json` prints."""
        skip = {"arrays"} | ({"error"} if self.error is None else set())
        content = {f.name: getattr(self, f.name) for f in fields(self) if f.name not in skip}
        return {"event": "finished", **content}


@dataclass(frozen=True)
class GroupEpoch:
    """All a group has to tell at an epoch's end: one event, one transaction.

    `runs` holds one EpochDone for every run still training; `done` the runs that ended here. A run
    stopped or broken in mid-epoch comes in `done` of a GroupEpoch whose `runs` is empty.
    """

    epoch: int
    runs: tuple[EpochDone, ...]
    done: tuple[RunDone, ...] = ()


Event = BlockDone | HalfStep | GroupEpoch
