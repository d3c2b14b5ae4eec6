"""`bench`: how long training takes on this machine."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated

import typer

from engine import bench
from engine.cli.options import AsJson
from engine.cli.output import print_json, print_table


def command(
    as_json: AsJson = False,
    music: Annotated[bool, typer.Option(help="measure Music-shaped data too")] = True,
) -> None:
    """Time the engine, one thread, simulated data."""
    found = []
    for row in bench.rows(music):
        found.append(row)
        if as_json:
            print_json(asdict(row))
    if not as_json:
        print_table(
            ("case", "textbook", "engine", "of", "ratio", "floor", "target"),
            [
                (r.case, r.textbook_seconds, r.engine_seconds, r.unit, r.ratio, r.floor, r.target)
                for r in found
            ],
        )
