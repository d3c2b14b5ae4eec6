"""`printed`: the paper to the letter where it can be run (METHOD section 7).

L_W = -sum w log w + lam r^2 minimises the entropy: weights collapse onto few ratings. Sigmoid for
positivity, made to keep the mass; the square of each batch's residual; SGD for theta and xi;
Algorithm 1 before Algorithm 2. lam is where the paper's Figure 2 peaks.
"""

from __future__ import annotations

from typing import Any

from engine.presets import published


def fields(dataset: str, method: str) -> dict[str, Any]:
    """All that differs from a config's defaults."""
    found = {
        **published.settings(dataset, method),
        "optimizer": "sgd",
        "schedule": "sequential",
        "loss_scale": "sum",
        # Published steps are Adam's. These are of the release's baselines, which take plain SGD.
        "lr": 1e-3,
        "weight_decay": 1e-3,
        "intercept": False,
        "lam": 2.0**-6,
        "weights_model": "mf",
        "weights_map": "sigmoid",
        "entropy_sign": "minimise",
        "penalty": "block",
        "weights_lr": 1e-2,
        "weights_decay": 0.0,
    }
    if method in ("ips", "dr", "ltd"):
        found |= {"propensity": "bilevel", "propensity_start": "constant"}
    return found
