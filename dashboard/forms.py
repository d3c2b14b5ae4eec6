"""Config <-> URL, as pure functions: what the controls say, checked, and how a link repeats it.

A form starts from raw choices (text from a URL, values from widgets) by field name. What was not
chosen comes from the preset of the data set and the method; λ, if left open, is λ½ on the grid.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from engine import api

DEFAULTS: dict[str, Any] = {"dataset": "simulated-small", "method": "ips", "balance": "learned"}
# The default λ in units of λ½: to first order 1/(1 + 16), 6 %, of the violation is left.
DEFAULT_STRENGTH = 16
SEEDS_DEFAULT, SEEDS_MAX = 5, 20
# Not settings of a run: the launch shown, and what Streamlit itself puts into a URL.
NOT_FIELDS = frozenset({"launch", "embed", "embed_options"})
# Set for every seed by `configs`, so not choices of their own.
BY_SEED = frozenset({"seed", "split_seed"})
# What a choice of these makes stale: its preset value is another one, or its meaning changes.
STALE = {
    "dataset": ("lam", "propensity", "block_users", "block_items"),
    "method": ("lam", "propensity"),
    "confounding": ("lam",),
    "propensity": ("lam",),
}
_SUPERSCRIPTS = str.maketrans("⁻⁰¹²³⁴⁵⁶⁷⁸⁹−", "-0123456789-")


@dataclass(frozen=True)
class Form:
    """What the controls say: a complete config (for seed 0), how many seeds, and what was wrong.

    errors: a sentence by field; a wrong choice is left out and its preset value stands in.
    refused: a sentence by field that Start gave: right by itself, but it cannot be trained.
    chosen: the choices that hold, by field.
    """

    config: api.RunConfig
    seeds: int
    errors: dict[str, str] = field(default_factory=dict)
    chosen: dict[str, Any] = field(default_factory=dict)
    refused: dict[str, str] = field(default_factory=dict)

    def said(self, name: str) -> str:
        """What is to be said beside a field: why it is wrong, or why it was refused at Start."""
        return self.errors.get(name) or self.refused.get(name, "")


def form_of(
    choices: Mapping[str, Any],
    *,
    known: tuple[str, ...],
    lam_half: Callable[[api.RunConfig], float | None],
) -> Form:
    """The form that raw choices give; a wrong one becomes a sentence, never an exception.

    Args:
        choices: raw values by field name, such as the parameters of a URL.
        known: the data sets there are; others may be given as "csv:PATH".
        lam_half: the λ that halves a config's violation, None where it cannot be told.
    """
    errors: dict[str, str] = {}
    chosen: dict[str, Any] = {}
    seeds = SEEDS_DEFAULT
    for name, raw in choices.items():
        if name in NOT_FIELDS or name in BY_SEED:
            continue
        try:
            if name == "seeds":
                seeds = _seeds(raw)
            else:
                chosen[name] = _value(name, raw, known)
        except api.FieldError as error:
            errors[name] = str(error)
    config = _complete(chosen, errors)
    if "lam" not in chosen and config.balance != "none":
        half = lam_half(config)
        if half is not None:
            config = api.changed(config, lam=on_grid(DEFAULT_STRENGTH * half))
    return Form(config, seeds, errors, chosen)


def _seeds(raw: Any) -> int:
    text = str(raw).strip()
    if text.isdigit() and 1 <= int(text) <= SEEDS_MAX:
        return int(text)
    raise api.ConfigError("seeds", raw, f"a whole number from 1 up to {SEEDS_MAX}")


def _value(name: str, raw: Any, known: tuple[str, ...]) -> Any:
    """One raw choice as the config holds it. Raises ConfigError when it cannot be."""
    if name == "dataset" and raw not in known and not str(raw).startswith("csv:"):
        raise api.ConfigError("dataset", raw, f"one of {', '.join(known)}, or csv:PATH")
    if name == "lam":
        raw = parse_lam(raw)
    elif name == "moments" and isinstance(raw, str):
        raw = tuple(part.strip() for part in raw.split(","))
    return getattr(api.make_config(**{name: raw}), name)


def _complete(chosen: dict[str, Any], errors: dict[str, str]) -> api.RunConfig:
    """The preset with the choices on top; a choice that does not go with the others is dropped."""
    while True:
        fields = DEFAULTS | chosen
        try:
            return api.preset(fields.pop("dataset"), fields.pop("method"), **fields)
        except api.FieldError as error:
            if error.field not in chosen:
                raise
            errors[error.field] = str(error)
            del chosen[error.field]


def parse_lam(raw: Any) -> Any:
    """λ from "0.25", "1/64", "2^-6", "2**-6" or "2⁻⁶"; anything else is returned as it came."""
    if not isinstance(raw, str):
        return raw
    text = raw.strip().replace("**", "^")
    power = re.fullmatch(r"2\^?([-⁻−]?[0-9⁰¹²³⁴⁵⁶⁷⁸⁹]{1,3})", text)
    if power and ("^" in text or not text.isascii()):
        return 2.0 ** int(power[1].translate(_SUPERSCRIPTS))
    ratio = re.fullmatch(r"(\d+(?:\.\d+)?)\s*/\s*(\d+(?:\.\d+)?)", text)
    if ratio and float(ratio[2]):
        return float(ratio[1]) / float(ratio[2])
    return text


def on_grid(lam: float) -> float:
    """The value of the λ grid nearest to `lam` on the log scale, never 0."""
    grid = [value for value in api.LAM_GRID if value > 0]
    if not lam > 0 or not math.isfinite(lam):
        return grid[-1]
    return min(grid, key=lambda value: abs(math.log2(value) - math.log2(lam)))


def lam_options(lam: float) -> list[float]:
    """What the λ slider offers: the grid, and `lam` itself where it lies between."""
    return sorted({*api.LAM_GRID, lam})


def after(choices: Mapping[str, Any], name: str, value: Any) -> dict[str, Any]:
    """The choices once `name` was chosen anew, without those it makes stale."""
    return {k: v for k, v in choices.items() if k not in STALE.get(name, ())} | {name: value}


def configs(form: Form) -> list[api.RunConfig]:
    """One config a seed: initialisation and split vary together, 0 to seeds - 1."""
    return [api.changed(form.config, seed=k, split_seed=k) for k in range(form.seeds)]


def form_of_runs(launched: list[api.RunConfig]) -> dict[str, Any]:
    """The raw choices that would launch these runs again."""
    first = launched[0]
    return dict(params_from_config(first, len(launched)))


def params_from_config(
    config: api.RunConfig, seeds: int, launch: str | None = None
) -> dict[str, str]:
    """The URL's parameters: the controls always, other settings where the preset has another.

    `config_from_params` of the result gives the same config back.
    """
    preset = api.preset(config.dataset, config.method)
    always = {"dataset", "method", "balance"}
    always |= {"lam"} if config.balance != "none" else set()
    always |= {"confounding"} if is_simulated(config) else set()
    params = {
        name: as_text(value)
        for name, value in config.model_dump().items()
        if name not in BY_SEED
        and (name in always or (value != getattr(preset, name) and name != "lam"))
    }
    params["seeds"] = str(seeds)
    if launch:
        params["launch"] = launch
    return params


def is_simulated(config: api.RunConfig) -> bool:
    """Whether the config's data are simulated, told by the name alone."""
    return config.dataset.startswith("simulated")


def as_text(value: Any) -> str:
    """A config value as URL and command line write it; reads back to the same value."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, tuple | list):
        return ",".join(str(part) for part in value)
    if isinstance(value, float):
        return repr(int(value)) if value == int(value) and abs(value) < 1e15 else repr(value)
    return str(value)


def command_line(config: api.RunConfig, seeds: int = 1) -> str:
    """The shell command that trains the same: settings that differ from the preset's are named."""
    params = params_from_config(config, seeds)
    params.pop("seeds")
    words = ["python -m engine train"]
    for name, text in params.items():
        quoted = (
            text if re.fullmatch(r"[\w.,:/+-]+", text) else "'" + text.replace("'", "'\\''") + "'"
        )
        words.append(f"--{name.replace('_', '-')} {quoted}")
    if seeds == 1:
        return " ".join([*words, "--seed 0"])
    numbers = " ".join(str(k) for k in range(seeds))
    train = " ".join([*words, "--seed $k --split-seed $k"])
    return f"for k in {numbers}; do {train}; done"
