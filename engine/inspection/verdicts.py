"""The one-line reading of a run's weights: spread, constraint, exact and oracle kept apart."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np

from engine.inspection import numbers

if TYPE_CHECKING:
    from engine.inspection.weights import Weights

INERT_CV = 0.02
COLLAPSED = 0.5  # of the weight on one pair in a hundred
CLOSE, FAR = 0.9, 0.5
ORACLE_CLOSE, ORACLE_PARTLY = 0.6, 0.2


def verdict(found: Weights, facts: Mapping[str, float]) -> str:
    """What the weights are, in one sentence; a high ESS is never praised."""
    parts = [spread(found), constraint(found, facts), exact(found), oracle(found)]
    said = [part for part in parts if part]
    return "; ".join(said) + "."


def spread(found: Weights) -> str:
    """How far from 1 they are."""
    weight = found.column("weight")[found.used]
    cv = float(weight.std() / weight.mean())
    if cv < INERT_CV:
        return f"All but uniform (CV {cv:.3f}): weighting changes next to nothing here"
    noun = "pairs" if found.block == "all" else "ratings"
    share = numbers.top_share(weight)
    if share > COLLAPSED:
        return f"Collapsed: the heaviest 1 % of the {noun} carry {100 * share:.0f} % of the weight"
    low, high = np.quantile(weight, [0.01, 0.99])
    return f"Most {noun} count ×{low:.2f} to ×{high:.2f} (CV {cv:.2f})"


def constraint(found: Weights, facts: Mapping[str, float]) -> str:
    """Whether the violation of each moment lies within its target's standard error."""
    if found.constraint.empty:
        violation, se = facts.get("violation", math.nan), facts.get("target_se", math.nan)
        if not math.isfinite(violation * se):
            return ""
        word = "met" if abs(violation) <= se else "not met"
        return f"constraint {word} (violation {violation:+.4f}, target's SE {se:.4f})"
    frame = found.constraint
    apart = (frame["weight"] - frame["target"]).abs()
    open_ = frame.loc[apart > frame["se"] * (1 + 1e-6), "moment"]
    if len(open_) == 0:
        return "constraint met within the target's SE"
    return f"constraint not met on {', '.join(open_)}"


def exact(found: Weights) -> str:
    """How near they are to the exact weights of the same moments."""
    if "exact" not in found.pairs:
        return ""
    config = found.config
    hard = config.balance == "exact" and config.constraint == "hard"
    r, apart = found.beside("exact_hard" if hard else "exact")
    name = "the exact weights" + (" (hard)" if hard else " at this λ")
    if r is None:
        return f"{name} are uniform too" if _uniform(found) else f"{name} are uniform"
    if r >= CLOSE:
        return f"close to {name} (r = {r:.2f}, KL {apart:.4f})"
    return f"{'partly' if r >= FAR else 'not'} {name} (r = {r:.2f}, KL {apart:.4f})"


def oracle(found: Weights) -> str:
    """Whether they undo the confounding, where the truth is known."""
    if "oracle" not in found.pairs:
        return ""
    if found.block == "all":
        return f"KL {found.beside('oracle')[1]:.4f} from uniform, which is their oracle"
    r, _ = found.beside("oracle")
    if r is None:
        oracle_spread = found.column("oracle").std()
        flat = oracle_spread < INERT_CV
        return "nothing to correct: oracle weights are 1" if flat else ""
    if r >= ORACLE_CLOSE:
        return f"close to the oracle's (r = {r:.2f})"
    if r >= ORACLE_PARTLY:
        return f"partly the oracle's (r = {r:.2f})"
    return f"not the oracle's (r = {r:.2f})"


def _uniform(found: Weights) -> bool:
    return bool(found.column("weight")[found.used].std() < INERT_CV)
