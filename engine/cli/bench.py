"""`bench`: how long training takes on this machine."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from engine import bench
from engine.cli.options import AsJson
from engine.cli.output import print_json, print_table
from engine.errors import ConfigError

PICTURES = (".svg", ".png")


def command(
    as_json: AsJson = False,
    music: Annotated[bool, typer.Option(help="measure Music-shaped data too")] = True,
    scaling: Annotated[
        bool, typer.Option("--scaling", help="cost against 1e5 to 1e7 ratings, instead")
    ] = False,
    most: Annotated[float, typer.Option(help="with --scaling: ratings at most")] = 1e7,
    out: Annotated[
        Path | None, typer.Option(help="with --scaling: draw the curves, SVG or PNG")
    ] = None,
) -> None:
    """Time the engine, one thread, simulated data."""
    if scaling:
        _scaling(as_json, most, out)
        return
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


def _scaling(as_json: bool, most: float, out: Path | None) -> None:
    if out is not None and out.suffix not in PICTURES:
        raise ConfigError("out", str(out), "a file ending in " + " or ".join(PICTURES))
    found = []
    for row in bench.scaling([n for n in bench.SIZES if n <= most]):
        found.append(row)
        if as_json:
            print_json(asdict(row))
    if not as_json:
        print_table(
            ("ratings", "s/epoch", "µs/rating", "GiB held", "counted", "ratio", "at most"),
            [
                (
                    *(r.ratings, r.epoch_seconds, r.microseconds_per_rating),
                    *(r.held_gib, r.counted_gib, r.ratio, r.target),
                )
                for r in found
            ],
        )
    if out is not None and found:
        bench.draw(found, out)
