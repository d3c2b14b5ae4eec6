"""The commands and how they end: 0 done, 1 a run failed, 2 something given cannot be used."""

from __future__ import annotations

import sys

import typer

from engine.cli import ablation, bench, catalogue, presets, report, runs, study, train, tune
from engine.cli.output import print_error
from engine.errors import CounterweightError

app = typer.Typer(
    help="Debiased recommendation with a few unbiased ratings: train, look, compare.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
app.add_typer(catalogue.datasets, name="datasets")
app.command("methods")(catalogue.methods)
app.command("presets")(presets.command)
app.command("train")(train.command)
app.add_typer(runs.app, name="runs")
app.command("worker")(runs.worker)
app.command("study")(study.command)
app.command("bench")(bench.command)
app.command("tune")(tune.command)
app.command("report")(report.command)
app.command("ablation")(ablation.command)


def main() -> None:
    """Run the command line; what a user can put right is one sentence and exit code 2."""
    try:
        app()
    except CounterweightError as error:
        print_error(str(error))
        sys.exit(2)
