"""`tune`: settings chosen on the validation ratings of one seed, in a file to train from."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.progress import BarColumn, TextColumn, TimeRemainingColumn
from rich.progress import Progress as Bar

from engine import api
from engine.cli.options import AsJson, DataHome, RunsHome, with_fixed_options
from engine.cli.output import console, print_error, print_json, print_table
from engine.config import RunConfig
from engine.errors import TrainingError
from engine.presets.files import Tuned, seeded, write_settings

if TYPE_CHECKING:
    from engine.tuning import Plan, Progress, TrialTold

FOLDER = "tuned"
STOPPED = 130  # by Ctrl-C, as shells have it


@with_fixed_options
def command(
    config: RunConfig,
    fixed: frozenset[str],
    *,
    trials: Annotated[
        int,
        typer.Option(
            min=1, help="trials in all; those of earlier calls count, missing ones are run"
        ),
    ] = 50,
    seed: Annotated[
        int, typer.Option(min=0, max=2**31 - 1, help="of initialisation and split, and of the data")
    ] = 0,
    metric: Annotated[
        str, typer.Option(help="on its validation ratings: auc, ndcg5, log_loss or mse")
    ] = "auc",
    out: Annotated[
        Path | None, typer.Option(metavar="FILE", help="else in the folder tuned/ of the runs")
    ] = None,
    as_json: AsJson = False,
    data: DataHome = None,
    runs: RunsHome = None,
) -> None:
    """Search for settings; every other option given is held fixed and not searched.

    The preset is the first trial. No test rating is looked at. `train --settings FILE` starts from
    what was found.
    """
    from engine import tuning  # it trains in this process, so it imports torch

    plan = tuning.plan_of(config, seed, metric, fixed)
    try:
        tuned = _as_json(plan, trials) if as_json else _with_bar(plan, trials)
    except KeyboardInterrupt:
        print_error("Stopped; trials that have ended are kept. The same command goes on from here.")
        sys.exit(STOPPED)
    except TrainingError as error:
        print_error(str(error))
        sys.exit(1)
    path = out or _usual_path(plan)
    write_settings(tuned, path)
    if as_json:
        print_json({"event": "tuned", "file": str(path), **tuned.as_json()})
    else:
        _print(tuned, path)


def _as_json(plan: Plan, trials: int) -> Tuned:
    from engine.tuning import tune

    def tell(trial: TrialTold) -> None:
        print_json({"event": "trial", **asdict(trial)})

    return tune(api.open_runs(), plan, trials, on_trial=tell)


def _with_bar(plan: Plan, trials: int) -> Tuned:
    from engine.tuning import tune

    with _bar(plan.metric) as tell:
        return tune(api.open_runs(), plan, trials, tell)


def _usual_path(plan: Plan) -> Path:
    name = re.sub(r"[^A-Za-z0-9_]+", "-", plan.name).strip("-")
    return api.runs_home() / FOLDER / f"{name}.json"


@contextmanager
def _bar(metric: str) -> Iterator[Callable[[Progress], None]]:
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        TimeRemainingColumn(),
        TextColumn("{task.fields[best]}"),
    )
    with Bar(*columns, console=console, transient=True) as bar:
        task = bar.add_task("reading the trials", total=None, best="")

        def tell(progress: Progress) -> None:
            failed = f", {progress.failed} failed" if progress.failed else ""
            bar.update(
                task,
                description=f"{progress.told} of {progress.wanted} trials{failed}",
                completed=progress.told + progress.under_way,
                total=progress.wanted,
                best="" if progress.best is None else _best_so_far(metric, progress),
            )

        yield tell


def _best_so_far(metric: str, progress: Progress) -> str:
    words = f"best validation {metric} {progress.best:.4f}"
    return words if progress.preset is None else f"{words} (preset {progress.preset:.4f})"


def _print(tuned: Tuned, path: Path) -> None:
    """What was found, what it is worth, and the fields in which it differs from the preset."""
    c = tuned.config
    preset = api.preset(c.dataset, c.method, balance=c.balance)
    start = seeded(preset, tuned.seed).model_dump(mode="json")
    print_table(
        ("setting", "preset", "tuned"),
        [
            (name, start[name], value)
            for name, value in c.model_dump(mode="json").items()
            if value != start[name]
        ],
    )
    noise = f"{tuned.validation_ratings} validation ratings"
    if tuned.standard_error is not None:
        noise = f"standard error {tuned.standard_error:.4f} on {noise}"
    of_preset = "failed" if tuned.preset_value is None else f"{tuned.preset_value:.4f}"
    failed = f", {tuned.failed} of them failed" if tuned.failed else ""
    console.print(
        f"{c.dataset}, {c.method}, balance {c.balance}, seed {tuned.seed}: validation "
        f"{tuned.metric} {tuned.value:.4f} ({noise}); preset {of_preset}; {tuned.trials} trials"
        f"{failed}.\nSettings are in {path}; train --settings FILE starts from them.",
        markup=False,
        highlight=False,
        soft_wrap=True,
    )
