"""A trainer's state under other names of its runs; it needs neither torch nor the trainer."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar

Array = TypeVar("Array")
BEST = "best."  # of tensors of a run's best epoch: "best.RUN/theta.P"
BY_RUN = ("best", "lam")  # what of the rest has the runs as keys


def renamed(
    tensors: Mapping[str, Array], meta: Mapping[str, Any], names: Mapping[str, str]
) -> tuple[dict[str, Array], dict[str, Any]]:
    """What `Trainer.state` gives, of the same runs by other names.

    Args:
        names: old name -> new name.
    """
    told = {**meta, "runs": [names[run] for run in meta["runs"]]}
    for name in BY_RUN:
        if name in meta:
            told[name] = {names[run]: value for run, value in meta[name].items()}
    return {_tensor(name, names): value for name, value in tensors.items()}, told


def _tensor(name: str, names: Mapping[str, str]) -> str:
    if not name.startswith(BEST):
        return name
    run, _, rest = name.removeprefix(BEST).partition("/")
    return f"{BEST}{names[run]}/{rest}"
