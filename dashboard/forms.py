"""Config <-> URL, as pure functions: what the controls say, checked, and how a link repeats it.

A form starts from raw choices (text from a URL, values from widgets) by field name. What was not
chosen comes from the preset of the data set and the method; λ, if left open, is λ½ on the grid.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from dashboard import view
from dashboard.lam import on_grid, parse_lam
from dashboard.settings import is_simulated, method_of
from engine import api

DEFAULTS: dict[str, Any] = {"dataset": "simulated-small", "method": "ips"}
# The default λ in units of λ½: to first order 1/(1 + 16), 6 %, of the violation is left.
DEFAULT_STRENGTH = 16
SEEDS_DEFAULT, SEEDS_MAX = 5, 20
# Not settings of a run: the launch shown, how it is looked at, what Streamlit puts into a URL.
NOT_FIELDS = frozenset({"launch", "embed", "embed_options", *view.NAMES})
# Set for every seed by `configs`, so not choices of their own.
BY_SEED = frozenset({"seed", "split_seed"})
# What a choice of these makes stale: its preset value is another one, or its meaning changes.
STALE = {
    "dataset": ("lam", "propensity", "propensity_start", "initial", "block_users", "block_items"),
    "method": ("lam", "propensity"),
    "confounding": ("lam",),
    "propensity": ("lam",),
}


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
    form = _read(choices, known)
    if "lam" not in form.chosen and form.config.balance != "none":
        half = lam_half(form.config)
        if half is not None:
            lam = on_grid(DEFAULT_STRENGTH * half)
            form = replace(form, config=api.changed(form.config, lam=lam))
    return form


def _read(choices: Mapping[str, Any], known: tuple[str, ...] | None, last: str = "") -> Form:
    """The form with λ as the preset has it. last: the choice that others give way to."""
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
                chosen[name] = _raw(name, raw, known)
        except api.FieldError as error:
            errors[name] = str(error)
    config = _complete(chosen, errors, last)
    return Form(config, seeds, errors, {name: getattr(config, name) for name in chosen})


def _seeds(raw: Any) -> int:
    text = str(raw).strip()
    if text.isdigit() and 1 <= int(text) <= SEEDS_MAX:
        return int(text)
    raise api.ConfigError("seeds", raw, f"a whole number from 1 up to {SEEDS_MAX}")


def _raw(name: str, raw: Any, known: tuple[str, ...] | None) -> Any:
    """One choice as the config takes it. Raises ConfigError where no config could tell it wrong."""
    if name not in api.RunConfig.model_fields:
        api.make_config(**{name: raw})
    own = str(raw).startswith("csv:")
    if name == "dataset" and known is not None and raw not in known and not own:
        raise api.ConfigError("dataset", raw, f"one of {', '.join(known)}, or csv:PATH")
    if name == "lam":
        return parse_lam(raw)
    if name == "moments" and isinstance(raw, str):
        return tuple(part.strip() for part in raw.split(","))
    return raw


def _complete(chosen: dict[str, Any], errors: dict[str, str], last: str) -> api.RunConfig:
    """The preset with the choices on top; a choice that does not go with the others is dropped."""
    while True:
        try:
            return _config(chosen)
        except api.FieldError as error:
            name = _to_blame(error, chosen, last)
            errors[name] = str(error)
            del chosen[name]


def _config(chosen: Mapping[str, Any]) -> api.RunConfig:
    """The choices as a config that suits its method. Raises ConfigError.

    A method without a balance constraint has balance none, whatever was chosen for another.
    """
    fields = DEFAULTS | chosen
    config = api.preset(fields.pop("dataset"), fields.pop("method"), **fields)
    method = method_of(config.method)
    if config.propensity not in method.propensities:
        allowed = f"{', '.join(method.propensities)} for {method.title}"
        raise api.ConfigError("propensity", config.propensity, allowed)
    if config.balance not in method.balances:
        config = api.changed(config, balance=method.balances[0])
    return config


def _to_blame(error: api.FieldError, chosen: Mapping[str, Any], last: str) -> str:
    """The choice to drop: the one named, else one without which the error is another or none."""
    if error.field in chosen and error.field != last:
        return error.field
    for name in chosen:
        if name not in (last, "dataset", "method"):
            try:
                _config({k: v for k, v in chosen.items() if k != name})
            except api.FieldError as other:
                if str(other) == str(error):
                    continue
            return name
    if error.field in chosen:
        return error.field
    raise error


def after(choices: Mapping[str, Any], name: str, value: Any) -> dict[str, Any]:
    """The choices once `name` was chosen anew, without those it makes stale or rules out."""
    before = _read(choices, None)
    stale = STALE.get(name, ())
    if name == "method" and len(method_of(before.config.method).balances) == 1:
        stale += ("balance",)  # it was not the reader's
    kept = {k: v for k, v in choices.items() if k not in stale} | {name: value}
    ruled_out = _read(kept, None, last=name).errors.keys() - before.errors.keys() - {name}
    return {k: v for k, v in kept.items() if k not in ruled_out}


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
