"""Which fields of a run cannot be combined."""

from __future__ import annotations

from typing import TYPE_CHECKING

from engine.config.moments import check_moments
from engine.errors import ConfigError

if TYPE_CHECKING:
    from engine.config.run import RunConfig

# What the sampler of single pairs can be combined with.
WITH_PAIRS: dict[str, tuple[object, ...]] = {
    "method": ("mf", "ips", "dr", "autodebias", "ltd"),
    "residuals": ("in_sample", "held_out"),
    "target_support": ("all",),
    "imputation": ("bilevel",),
    "weights_model": ("log_linear", "mf"),
    "weights_model_all": ("same", "mf"),
}


def check_fields(config: RunConfig) -> None:
    """Refuse a config whose fields, each good by itself, do not agree.

    Raises:
        ConfigError: naming one of them.
    """
    check_moments(config.moments)
    linear = config.weights_model == "log_linear"
    if linear:
        _check_linear(config)
    if config.penalty == "block" and config.residuals != "in_sample":
        raise ConfigError("penalty", "block", f"global with residuals {config.residuals}")
    if config.balance == "exact" and not linear and config.method in ("dr", "autodebias"):
        raise ConfigError(
            "weights_model", config.weights_model, "log_linear with balance exact", "leave it out"
        )
    if config.initial and config.residuals == "held_out" and config.balanced:
        raise ConfigError(
            "residuals", "held_out", "in_sample or cross_fitted with initial",
            "the run it starts from has fitted every pair",
        )  # fmt: skip
    if config.sampler == "pairs":
        _check_pairs(config)


def _check_linear(config: RunConfig) -> None:
    if config.weights_map == "sigmoid":
        raise ConfigError("weights_map", "sigmoid", "softmax with weights_model log_linear")
    if config.weights_model_all != "same":
        raise ConfigError(
            "weights_model_all", config.weights_model_all, "same with weights_model log_linear"
        )
    if (config.entropy_sign, config.weights_mass) != ("maximise", "density"):
        name = "entropy_sign" if config.entropy_sign == "minimise" else "weights_mass"
        raise ConfigError(
            "weights_model", "log_linear", f"mf or ncf with {name} {getattr(config, name)}"
        )


def _check_pairs(config: RunConfig) -> None:
    for name, known in WITH_PAIRS.items():
        if getattr(config, name) not in known:
            words = f"{', '.join(map(str, known))} with sampler pairs"
            raise ConfigError(name, getattr(config, name), words, "or choose sampler blocks")
