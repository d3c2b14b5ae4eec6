"""`datasets` and `methods`: what there is to train on and with."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated

import typer

from engine import api
from engine.cli.options import AsJson, DataHome
from engine.cli.output import console, print_json, print_table

datasets = typer.Typer(help="The data sets: what they are, what is installed, how to get them.")


@datasets.callback(invoke_without_command=True)
def list_datasets(context: typer.Context, as_json: AsJson = False, data: DataHome = None) -> None:
    """List the data sets."""
    if context.invoked_subcommand is not None:
        return
    found = api.datasets()
    if as_json:
        print_json([asdict(info) for info in found])
        return
    print_table(
        ("name", "title", "users", "items", "biased", "random", "installed"),
        [
            (
                *(info.name, info.title, info.n_users, info.n_items, info.n_biased, info.n_random),
                *("yes" if info.installed else "no: " + info.how_to_get,),
            )
            for info in found
        ],
    )


@datasets.command("get")
def get_dataset(
    name: Annotated[str, typer.Argument(help="name of the data set")], data: DataHome = None
) -> None:
    """Download a data set and verify its content."""
    folder = api.get_dataset(name)
    console.print(f"{name} is in {folder}." if folder else f"{name} needs no download.")


def methods(as_json: AsJson = False) -> None:
    """List the base methods, their equations and what they can be combined with."""
    found = api.methods()
    if as_json:
        print_json([asdict(info) for info in found])
        return
    print_table(
        ("name", "title", "propensities", "balancing", "summary"),
        [
            (m.name, m.title, ", ".join(m.propensities), ", ".join(m.balances), m.summary)
            for m in found
        ],
    )
