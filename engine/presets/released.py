"""`released`: what the authors' code does (METHOD section 7), as far as it changes a number.

Weights of mass 1, over n once more in the constraint, which so cannot be met. Entropy minimised, so
slightly that coupled weight decay decides; lambda 1. The propensity starts at 1/2 and is held there
by a decay of 0.1. So weights stay uniform whatever lambda is: that is what this reading shows.
"""

from __future__ import annotations

from typing import Any

from engine.presets import published

PROPENSITY_LEARNED = ("ips", "dr", "ltd")
DENSITY = {"coat": 0.08, "music": 0.0202}


def fields(dataset: str, method: str) -> dict[str, Any]:
    """All that differs from a config's defaults."""
    found = {
        **published.settings(dataset, method),
        "optimizer": "adam",
        "phi_optimizer": "adam",
        "loss_scale": "mean",
        "intercept": False,
        "lam": 1.0,
        "weights_model": "mf",
        "weights_map": "softmax",
        "weights_mass": "released",
        "entropy_sign": "minimise",
        "penalty": "block",
    }
    if method not in PROPENSITY_LEARNED and method != "autodebias":
        # Theirs has no propensity here, ours 1/s: step and decay see the loss times 1/s.
        found["weight_decay"] /= DENSITY["music" if dataset.endswith("music") else "coat"]
    if method in PROPENSITY_LEARNED:
        found |= {"propensity": "bilevel", "propensity_start": "half"}
    if method == "dr":
        found |= {"imputation": "regression"}
    if method == "autodebias":
        found |= {"phi_warmup": 20, "best_after": 50}
    return found
