"""The settings the authors publish for their balanced methods (Adam; METHOD section 7).

d, lr and weight_decay are of the prediction model; weights_* of the balancing model.
"""

from __future__ import annotations

from typing import Any

BLOCKS = {
    "coat": {"block_users": 64, "block_items": 64},
    "music": {"block_users": 6000, "block_items": 500},
    "music autodebias": {"block_users": 3000, "block_items": 300},
}


def _row(
    d: int, lr: float, decay: float, weights: tuple[float, float], **rest: Any
) -> dict[str, Any]:
    found = {"d": d, "lr": lr, "weight_decay": decay}
    return found | {"weights_lr": weights[0], "weights_decay": weights[1], **rest}


def _propensity(lr: float, decay: float) -> dict[str, Any]:
    return {"propensity_lr": lr, "propensity_decay": decay}


def _imputation(lr: float, decay: float) -> dict[str, Any]:
    return {"imputation_lr": lr, "imputation_decay": decay}


def _omega(c: float, lr: float, decay: float) -> dict[str, Any]:
    return {"imputation_weight": c, "omega_lr": lr, "omega_decay": decay}


SETTINGS: dict[tuple[str, str], dict[str, Any]] = {
    ("coat", "mf"): _row(10, 1e-3, 1e-3, (1e-3, 1e-3)),
    ("coat", "ips"): _row(32, 1e-3, 1e-3, (1e-3, 1e-3), **_propensity(1e-3, 1e-1)),
    ("coat", "dr"): _row(
        32, 1e-3, 1e-3, (1e-3, 1e-2), **_propensity(1e-3, 1e-2), **_imputation(1e-3, 1e-2)
    ),
    ("coat", "autodebias"): _row(
        32, 1e-3, 1e-3, (1e-2, 1e-2), **_omega(1.0, 1e-3, 1e-1), **_imputation(1e-2, 1e-2)
    ),
    ("music", "mf"): _row(10, 5e-4, 1e-5, (5e-4, 1e-5)),
    ("music", "ips"): _row(32, 1e-3, 5e-4, (5e-3, 1e-1), **_propensity(5e-3, 1e-1)),
    ("music", "dr"): _row(
        32, 1e-3, 1e-5, (1e-3, 1e-3), **_propensity(1e-3, 1e-3), **_imputation(1e-3, 1e-3)
    ),
    ("music", "autodebias"): _row(
        256, 5e-4, 5e-5, (1e-2, 1e-2), **_omega(1e-2, 1e-2, 1e-3), **_imputation(1e-2, 1e-5)
    ),
}
EPOCHS = {"epochs": 500, "patience": 60}


def settings(dataset: str, method: str) -> dict[str, Any]:
    """What is published for a method, of the nearest data set (Coat's size or Music's).

    Methods without published settings get those of MF.
    """
    like = "music" if dataset.endswith("music") else "coat"
    blocks = BLOCKS["music autodebias" if (like, method) == ("music", "autodebias") else like]
    found = SETTINGS.get((like, method), SETTINGS[like, "mf"])
    return {**EPOCHS, **blocks, **found}
