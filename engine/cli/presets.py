"""`presets`: the complete settings of a data set and a method, in three readings side by side."""

from __future__ import annotations

from typing import Annotated

import typer

from engine import api
from engine.cli.options import AsJson
from engine.cli.output import print_json, print_table
from engine.presets import READINGS


def command(
    dataset: Annotated[str, typer.Argument(help="data set")] = "coat",
    method: Annotated[str, typer.Argument(help="base method")] = "ips",
    every: Annotated[bool, typer.Option("--all", help="fields all readings share, too")] = False,
    as_json: AsJson = False,
) -> None:
    """Print what the readings `corrected`, `printed` and `released` set, and where they differ."""
    configs = {
        name: api.preset(dataset, method, reading=name).model_dump(mode="json") for name in READINGS
    }
    if as_json:
        print_json(configs)
        return
    rows = []
    for field in configs["corrected"]:
        values = [configs[name][field] for name in READINGS]
        if every or any(value != values[0] for value in values):
            rows.append((field, *(_shown(value) for value in values)))
    print_table(
        ("setting", *READINGS),
        rows,
        f"{dataset}, {method}: {'all settings' if every else 'where the readings differ'}",
    )


def _shown(value: object) -> str:
    if isinstance(value, list):
        return ", ".join(map(str, value))
    return f"{value:g}" if isinstance(value, float) else str(value)
