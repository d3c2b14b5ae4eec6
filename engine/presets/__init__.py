"""Complete settings that suit a data set and a method: `preset` fills in what the user left out.

Three readings of the paper, each a complete config that can be read and diffed (`python -m engine
presets coat ips`): `corrected`, the default; `printed`, the paper to the letter, its entropy sign
included; `released`, what the authors' code does. METHOD.md and DEVIATIONS.md say what they differ
in.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from engine.config import RunConfig, make_config
from engine.errors import ConfigError
from engine.methods import METHODS
from engine.presets import corrected, printed, released

READINGS: dict[str, Callable[[str, str], dict[str, Any]]] = {
    "corrected": corrected.fields,
    "printed": printed.fields,
    "released": released.fields,
}


def preset(
    dataset: str, method: str = "ips", reading: str = "corrected", **changes: Any
) -> RunConfig:
    """The preset of a data set and a method, with `changes` on top, checked.

    Propensity: constant for MF; the simulator's nominal one on simulated data (the premise of
    Lemma 1); naive Bayes elsewhere; learned where the reading says so. Methods that cannot be
    balanced get balance none, lam 0.

    Raises:
        ConfigError: an unknown method, reading or option, or a value that is not allowed.
    """
    if method not in METHODS:
        raise ConfigError("method", method, "one of " + ", ".join(METHODS))
    if reading not in READINGS:
        raise ConfigError("reading", reading, "one of " + ", ".join(READINGS))
    fields: dict[str, Any] = {"dataset": dataset, "method": method}
    fields["propensity"] = _propensity(method, dataset.startswith("simulated"))
    fields |= READINGS[reading](dataset, method)
    if METHODS[method].info.balances == ("none",):
        fields |= {"balance": "none", "lam": 0.0}
    return make_config(**{**fields, **changes})


def _propensity(method: str, simulated: bool) -> str:
    offered = METHODS[method].info.propensities
    wanted = "given" if simulated else "naive_bayes"
    return wanted if wanted in offered else offered[0]
