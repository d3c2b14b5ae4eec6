"""Complete settings that suit a data set and a method: `preset` fills in what the user left out."""

from __future__ import annotations

from typing import Any

from engine.config import RunConfig, make_config
from engine.errors import ConfigError
from engine.methods import METHODS

# The corrected reading. Chosen on simulated-coat (DEVIATIONS.md, row 10), never on a test rating.
CORRECTED: dict[str, Any] = {
    "optimizer": "adamw",
    "loss_scale": "sum",
    "d": 32,
    "lr": 1e-2,
    "weight_decay": 5.0,
    "weights_dim": 10,
    "weights_lr": 1e-2,
    "weights_decay": 0.0,
}
_MUSIC = {"block_users": 3000, "block_items": 500}
OWN: dict[str, dict[str, Any]] = {
    "music": _MUSIC,
    "simulated-music": _MUSIC,
    # For watching: with more decay theta overfits less, so the violation it hides is seen, and
    # without early stopping all seeds are drawn to the end (the best epoch is chosen all the same).
    "simulated-small": {"weight_decay": 10.0, "epochs": 120, "patience": 0},
}


def preset(dataset: str, method: str = "ips", **changes: Any) -> RunConfig:
    """The corrected preset of a data set and a method, with `changes` on top, checked.

    Propensity: constant for MF; the simulator's nominal one on simulated data (the premise of
    Lemma 1); naive Bayes elsewhere.

    Raises:
        ConfigError: an unknown method or option, or a value that is not allowed.
    """
    if method not in METHODS:
        raise ConfigError("method", method, "one of " + ", ".join(METHODS))
    simulated = dataset.startswith("simulated")
    fields: dict[str, Any] = {"dataset": dataset, "method": method}
    fields |= CORRECTED | OWN.get(dataset, {})
    fields["propensity"] = _propensity(method, simulated)
    return make_config(**{**fields, **changes})


def _propensity(method: str, simulated: bool) -> str:
    offered = METHODS[method].info.propensities
    wanted = "given" if simulated else "naive_bayes"
    return wanted if wanted in offered else offered[0]
