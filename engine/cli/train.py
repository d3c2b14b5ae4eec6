"""`train`: one run in this process, from start to end."""

from __future__ import annotations

import sys
from typing import Annotated

import typer
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

from engine import api
from engine.cli.options import AsJson, DataHome, RunsHome, with_run_options
from engine.cli.output import console, print_json, print_table
from engine.config import RunConfig
from engine.events import METRICS, EpochDone, Event, GroupEpoch, RunDone


@with_run_options
def command(
    config: RunConfig,
    *,
    twin: Annotated[
        bool, typer.Option("--twin", help="train the same run with uniform weights beside it")
    ] = False,
    as_json: AsJson = False,
    data: DataHome = None,
    runs: RunsHome = None,
) -> None:
    """Train one run; options left out take the preset of the data set and the method."""
    api.check(config)
    done = _as_json(config, twin) if as_json else _as_table(config, twin)
    if any(end.state == "failed" for end in done):
        sys.exit(1)


def _as_json(config: RunConfig, twin: bool) -> list[RunDone]:
    done: list[RunDone] = []

    def tell(event: Event) -> None:
        if isinstance(event, GroupEpoch):
            for row in event.runs:
                print_json(row.as_json())
            for end in event.done:
                print_json(end.as_json())
            done.extend(event.done)

    api.train_here([config], tell, twins=twin)
    return done


def _as_table(config: RunConfig, twin: bool) -> list[RunDone]:
    done: list[RunDone] = []
    columns = (
        TextColumn("epoch {task.completed} of {task.total}"),
        BarColumn(),
        TimeRemainingColumn(),
        TextColumn("{task.description}"),
    )
    with Progress(*columns, console=console, transient=True) as progress:
        task = progress.add_task("", total=config.epochs)

        def tell(event: Event) -> None:
            if isinstance(event, GroupEpoch):
                done.extend(event.done)
                if event.runs:
                    words = _in_short(event.runs[0])
                    progress.update(task, completed=event.epoch, description=words)

        api.train_here([config], tell, twins=twin)
    for end in done:
        _print_end(end)
        _print_reach(end.run)
    return done


def _in_short(row: EpochDone) -> str:
    words = [f"validation AUC {row.validation['auc']:.3f}"]
    if row.violation is not None and row.ess is not None:
        words.append(f"violation {row.violation:+.4f} (uniform {row.violation_uniform:+.4f})")
        words.append(f"ESS {row.ess:.1%}")
    return ", ".join(words)


def _print_end(end: RunDone) -> None:
    if end.error is not None:
        console.print(f"Run {end.run} failed after epoch {end.epochs}. {end.error}", markup=False)
    if end.best_epoch is None:
        return
    rows = {"validation": end.validation, "test": end.test, "test_clean": end.test_clean}
    title = f"Run {end.run}: {end.state}, {end.epochs} epochs, best {end.best_epoch}"
    if end.true_loss is not None:
        title += f", true ideal loss {end.true_loss:.4f} (simulated)"
    print_table(
        ("ratings", *METRICS),
        [(part, *(values.get(name) for name in METRICS)) for part, values in rows.items()],
        title,
    )


def _print_reach(run: str) -> None:
    """Whether what the weights were to meet could be met at all, and what kept them from it."""
    reach = api.reach([run])
    if reach.out:
        said = f"Run {run}: constraint out of reach in {reach.counted(reach.out)}; {reach.why}."
        console.print(f"{said} {reach.remedy}", markup=False, highlight=False)
    if reach.bound:
        said = f"Run {run}: {reach.floor_said} and kept the weights from the optimum."
        console.print(said, markup=False, highlight=False)
