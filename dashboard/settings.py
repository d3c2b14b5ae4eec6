"""Which settings stand beside the main controls, in which group, and where each one matters.

Pure functions of a config. A setting that would change nothing in the run is not shown; it keeps
its value, so that it is found again when it matters again.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from engine import api

GROUPS: dict[str, tuple[str, ...]] = {
    "Balancing": (
        *("moments", "residuals", "folds", "target_support"),
        *("constraint", "tolerance", "ess_floor"),
        *("weights_model", "weights_model_all", "weights_dim", "weights_lr", "weights_decay"),
        *("weights_map", "weights_mass", "entropy_sign", "penalty"),
    ),
    "Propensity": (
        *("propensity", "p_min", "normalise_propensity"),
        *("propensity_start", "propensity_dim", "propensity_lr", "propensity_decay"),
    ),
    "Imputation": (
        *("imputation", "imputation_weight"),
        *("imputation_dim", "imputation_lr", "imputation_decay", "omega_lr", "omega_decay"),
    ),
    "Bi-level steps": (
        *("schedule", "phi_warmup", "assumed_lr", "phi_optimizer", "uniform_reuse"),
    ),
    "Prediction model": (
        *("d", "intercept", "optimizer", "lr", "weight_decay", "loss_scale"),
        *("teacher_weight", "teacher_pull", "initial"),
    ),
    "Training": (
        *("epochs", "patience", "best_after"),
        *("sampler", "batch_size", "block_users", "block_items", "block_seed", "dtype"),
    ),
    "Data": ("data_seed", "uniform_fraction", "split"),
}
MOMENTS: tuple[tuple[str, ...], ...] = (
    *(("e",), ("r",), ("e", "r"), ("e", "r", "mass")),
    *(("e_by_popularity",), ("e_by_popularity", "r")),
)
SIMULATED_ONLY = frozenset({"true"})

Where = Callable[[api.RunConfig, Any], bool]


def method_of(name: str) -> Any:
    """What the engine tells of a base method."""
    return next(info for info in api.methods() if info.name == name)


def is_simulated(config: api.RunConfig) -> bool:
    """Whether the config's data are simulated, told by the name alone."""
    return config.dataset.startswith("simulated")


def lam_counts(config: api.RunConfig) -> bool:
    """Whether λ says how well the constraint is met; exact weights may be told otherwise."""
    penalised = config.balance == "exact" and config.constraint == "penalised"
    return config.balance == "learned" or penalised


def shown(config: api.RunConfig) -> dict[str, tuple[str, ...]]:
    """The groups and in each the settings that matter to this run; no group is empty."""
    info = method_of(config.method)
    found = {
        title: tuple(name for name in names if _matters(name, config, info))
        for title, names in GROUPS.items()
    }
    if config.balance == "none":
        del found["Balancing"]
    return {title: names for title, names in found.items() if names}


def offered(name: str, config: api.RunConfig) -> list[Any]:
    """The choices of a setting for this run, [] where it is a number, a switch or a text."""
    value = getattr(config, name)
    found: list[Any] = list(MOMENTS) if name == "moments" else list(api.options(name))
    if name == "propensity":
        found = list(method_of(config.method).propensities)
        if not is_simulated(config):
            found = [kind for kind in found if kind not in SIMULATED_ONLY]
    return found if value in found or not found else [*found, value]


def _matters(name: str, config: api.RunConfig, info: Any) -> bool:
    return name not in ONLY or ONLY[name](config, info)


def _exact(config: api.RunConfig, info: Any) -> bool:
    return config.balance == "exact"


def _learned(config: api.RunConfig, info: Any) -> bool:
    return config.balance == "learned"


def _factors(config: api.RunConfig, info: Any) -> bool:
    """Weights of an MF or NCF, which have a dimension, steps and a map."""
    return config.balance == "learned" and config.weights_model != "log_linear"


def _has_propensity(config: api.RunConfig, info: Any) -> bool:
    return config.propensity != "constant"


def _learns_propensity(config: api.RunConfig, info: Any) -> bool:
    return config.propensity == "bilevel"


def _learns(config: api.RunConfig, info: Any) -> bool:
    """Whether anything but the prediction model and the weights is learned."""
    return config.propensity == "bilevel" or config.method in ("dr", "autodebias")


def _assumes(config: api.RunConfig, info: Any) -> bool:
    """Whether there are bi-level steps, which look ahead by one assumed update."""
    fitted = config.method == "dr" and config.imputation == "regression"
    return _learns(config, info) and not (fitted and config.propensity != "bilevel")


def _of(*methods: str) -> Where:
    return lambda config, info: config.method in methods


# Settings that do not always matter, and when they do.
ONLY: dict[str, Where] = {
    "folds": lambda config, info: config.residuals == "cross_fitted",
    "constraint": _exact,
    "tolerance": lambda config, info: (
        config.balance == "exact" and config.constraint == "tolerance"
    ),
    "ess_floor": _exact,
    "weights_model": _learned,
    "weights_model_all": lambda config, info: _factors(config, info) and "all" in info.supports,
    "weights_dim": _factors,
    "weights_lr": _factors,
    "weights_decay": _factors,
    "weights_map": _factors,
    "weights_mass": _factors,
    "entropy_sign": _factors,
    "penalty": lambda config, info: config.balance == "learned" and config.residuals == "in_sample",
    "propensity": lambda config, info: len(info.propensities) > 1,
    "p_min": _has_propensity,
    "normalise_propensity": _has_propensity,
    "propensity_start": _learns_propensity,
    "propensity_dim": _learns_propensity,
    "propensity_lr": _learns_propensity,
    "propensity_decay": _learns_propensity,
    "imputation": _of("dr"),
    "imputation_dim": _of("dr"),
    "imputation_lr": _of("dr", "autodebias"),
    "imputation_decay": _of("dr", "autodebias"),
    "imputation_weight": _of("autodebias"),
    "omega_lr": _of("autodebias"),
    "omega_decay": _of("autodebias"),
    "assumed_lr": _assumes,
    "phi_warmup": _learns,
    "phi_optimizer": _learns,
    "schedule": _learns,
    "uniform_reuse": _learns,
    "batch_size": lambda config, info: config.sampler == "pairs",
    "block_users": lambda config, info: config.sampler == "blocks",
    "block_items": lambda config, info: config.sampler == "blocks",
    "teacher_weight": _of("kd-label"),
    "teacher_pull": _of("cause"),
    "data_seed": lambda config, info: is_simulated(config),
}


def dataset_titles() -> Callable[[str], str]:
    """From a data set's name to how the user reads it, and whether it is not here."""
    infos = {info.name: info for info in api.datasets()}

    def title(name: str) -> str:
        info = infos.get(name)
        if info is None:  # one's own, by its name
            return name
        return info.title if info.installed else f"{info.title} (not installed)"

    return title
