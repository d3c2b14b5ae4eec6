"""Configs made and changed, and what is said of a field that cannot be used."""

from __future__ import annotations

import difflib
from typing import Any, Literal, get_args, get_origin

from pydantic import ValidationError
from pydantic.fields import FieldInfo

from engine.config.run import SEED_FIELDS, RunConfig
from engine.errors import ConfigError


def make_config(**fields: Any) -> RunConfig:
    """A checked config; the first thing wrong is raised as a ConfigError in words.

    Raises:
        ConfigError: naming field, got, allowed, fix.
    """
    try:
        return RunConfig(**fields)
    except ValidationError as error:
        raise _in_words(error) from None


def changed(config: RunConfig, **fields: Any) -> RunConfig:
    """`config` with some fields changed, checked anew."""
    return make_config(**{**config.model_dump(), **fields})


def with_lam(config: RunConfig, lam: float, has_weights: bool) -> RunConfig:
    """`config` of a run under way at another lam; at 0 its weights go back to uniform.

    Args:
        has_weights: whether the run began with weights, at a lam above 0.

    Raises:
        ConfigError: no lam acts on the run, or it cannot have this one.
    """
    if config.balance == "none":
        raise ConfigError("lam", lam, "none for a run without weights", "name a balanced run")
    if not has_weights:
        what = "none for a run that began at lam 0 and so has no weights"
        raise ConfigError("lam", lam, what, "start it again with a lam above 0")
    if config.balance == "exact" and config.constraint != "penalised":
        what = f"none with constraint {config.constraint}, which no lam acts on"
        raise ConfigError("lam", lam, what)
    return changed(config, lam=lam)


def _in_words(error: ValidationError) -> ConfigError:
    first = error.errors()[0]
    name = str(first["loc"][0]) if first["loc"] else "config"
    if first["type"] == "extra_forbidden":
        near = difflib.get_close_matches(name, RunConfig.model_fields, n=1)
        return ConfigError(
            name, first["input"], "a known option", f"did you mean {near[0]}?" if near else ""
        )
    return ConfigError(name, first["input"], allowed(name), closest(name, first["input"]))


def seed_fields(config: RunConfig, seed: int) -> dict[str, int]:
    """That seed for initialisation and split, and for the data where they are simulated.

    Simulated data are drawn anew for every seed: a claim is about the process, not one draw.
    """
    names = SEED_FIELDS if config.dataset.startswith("simulated") else SEED_FIELDS[:2]
    return dict.fromkeys(names, seed)


def options(name: str) -> tuple[str, ...]:
    """The choices of a field that is a choice, else ()."""
    annotation = RunConfig.model_fields[name].annotation
    if get_origin(annotation) is tuple:
        annotation = get_args(annotation)[0]
    return tuple(get_args(annotation)) if get_origin(annotation) is Literal else ()


def allowed(name: str) -> str:
    """What a field accepts, in words."""
    choices = options(name)
    if choices:
        return "one of " + ", ".join(choices)
    info = RunConfig.model_fields[name]
    kind = "a whole number" if info.annotation is int else "a finite number"
    if info.annotation not in (int, float):
        return {str: "a name", bool: "true or false"}.get(info.annotation, "a list")  # type: ignore[arg-type]
    return f"{kind} {_bounds(info)}"


def _bounds(info: FieldInfo) -> str:
    words = []
    for constraint in info.metadata:
        for attribute, word in (
            *(("gt", "above"), ("ge", "from")),
            *(("le", "up to"), ("lt", "below")),
        ):
            if hasattr(constraint, attribute):
                words.append(f"{word} {getattr(constraint, attribute):g}")
    return " ".join(words)


def closest(name: str, got: object) -> str:
    """The choice a mistyped value probably meant, as a question; empty when none is near."""
    near = difflib.get_close_matches(str(got), options(name), n=1)
    return f"did you mean {near[0]}?" if near else ""
