"""`ablation`: one factor at a time around the published settings, with paired differences."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import typer

from engine import api
from engine.cli.options import AsJson, DataHome, RunsHome
from engine.cli.output import print_json, print_table, watching
from engine.events import METRICS

if TYPE_CHECKING:
    from engine.ablation import Row


def command(
    dataset: Annotated[str, typer.Argument(help="data set")] = "coat",
    seeds: Annotated[int, typer.Option(min=1, help="split seeds, from 0")] = 10,
    lam: Annotated[str, typer.Option(help="strength of the constraint, fixed beforehand")] = "4",
    as_json: AsJson = False,
    data: DataHome = None,
    runs: RunsHome = None,
) -> None:
    """Train Bal-IPS and variants of it over split seeds: what does each factor change?"""
    from engine import ablation  # it trains in this process, so it imports torch

    store, strength = api.open_runs(), api.preset(dataset, lam=lam).lam
    if as_json:
        for row in ablation.ablation(store, dataset, seeds, strength):
            print_json(asdict(row))
        return
    with watching() as tell:
        found = list(ablation.ablation(store, dataset, seeds, strength, tell))
    for title, suffix in (("as published", ""), ("without pairs that B holds too", "_clean")):
        names = [f"{metric}{suffix}" for metric in METRICS]
        rows: dict[tuple[str, str], dict[str, str]] = {
            (row.factor, row.variant): {} for row in found
        }
        for row in found:
            rows[row.factor, row.variant][row.metric] = _cell(row)
        print_table(
            ("factor", "variant", *names),
            [(*key, *(cells.get(name) for name in names)) for key, cells in rows.items()],
            f"Test ratings {title}. Mean over seeds; in brackets the paired difference from the "
            "centre, * where its 95 % interval leaves out 0",
        )


def _cell(row: Row) -> str:
    if row.difference is None:
        return f"{row.mean:.3f}"
    mean, low, high = row.difference
    return f"{row.mean:.3f} [{mean:+.3f}{'*' if low > 0 or high < 0 else ''}]"
