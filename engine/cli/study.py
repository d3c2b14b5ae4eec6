"""`study`: the paper's figures and tables, or your own grid, trained by worker processes."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from fractions import Fraction
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn

from engine import api
from engine.cli.options import AsJson, DataHome, RunsHome
from engine.cli.output import print_error, print_json, print_table
from engine.errors import ConfigError
from engine.events import METRICS

EVERY_SECONDS = 0.5
SHOWN = (
    *(f"test_{metric}" for metric in METRICS),
    *(f"test_clean_{metric}" for metric in METRICS),
    *("true_loss", "violation", "violation_uniform", "ess", "entropy"),
)

# What fits a terminal; --json has all.
PRINTED = (*(f"test_clean_{metric}" for metric in METRICS), "true_loss", "violation", "ess")


def command(
    kind: Annotated[str, typer.Argument(help="one of " + ", ".join(api.KINDS))],
    dataset: Annotated[str, typer.Option(help="data set")] = "simulated-small",
    seeds: Annotated[int, typer.Option(help="seeds, from 0")] = 5,
    values: Annotated[str, typer.Option(help="of the axis, as in 0,1/64,1,16")] = "",
    methods: Annotated[
        str,
        typer.Option(
            help="some base methods only, as in ips,dr; uniform: added ones, as in dr,bal-dr"
        ),
    ] = "",
    moments: Annotated[str, typer.Option(help="what the weights balance, as in e,r")] = "",
    lam: Annotated[str, typer.Option(help="strength of the constraint where it is fixed")] = "",
    axis: Annotated[str, typer.Option(help="grid: the field along the axis")] = "",
    against: Annotated[str, typer.Option(help="grid: a field with a curve for each level")] = "",
    levels: Annotated[str, typer.Option(help="grid: its levels, as in 10,32")] = "",
    confounding: Annotated[str, typer.Option(help="of simulated data")] = "",
    epochs: Annotated[str, typer.Option(help="at most so many passes")] = "",
    workers: Annotated[int, typer.Option(help="processes; 0: those that work already")] = -1,
    scheduler: Annotated[
        str, typer.Option(metavar="ADDRESS", help="train on a Dask cluster, as in tcp://host:8786")
    ] = "",
    tuned: Annotated[
        Path | None, typer.Option(metavar="DIR", help="settings tuned per seed, by `tune`")
    ] = None,
    save: Annotated[
        Path | None, typer.Option(metavar="DIR", help="keep the finished study as a gallery file")
    ] = None,
    as_json: AsJson = False,
    data: DataHome = None,
    runs: RunsHome = None,
) -> None:
    """Train what a study still misses, and print it. Interrupted, it goes on when run again."""
    given: dict[str, Any] = {
        "values": _numbers("values", values),
        "extra" if kind == "uniform" else "methods": _words(methods),
        "moments": _words(moments),
        "lam": _number("lam", lam) if lam else None,
        "axis": axis or None,
        "against": against or None,
        "levels": _numbers("levels", levels),
        "confounding": confounding or None,
        "epochs": int(_number("epochs", epochs)) if epochs else None,
    }
    choices = {name: value for name, value in given.items() if value not in (None, ())}
    plan = api.make_plan(kind, dataset, seeds=range(seeds), **choices)
    if tuned is not None:
        plan = api.with_tuned(plan, tuned)
    _train(plan, workers, scheduler)
    study = api.study(plan)
    if save is not None:
        command = " ".join(["python -m engine", *_without_folders(sys.argv[1:])])
        print_error(f"Written to {api.save_study(study, save, command)}.")
    _print(study, as_json)


def _without_folders(arguments: list[str]) -> list[str]:
    """A command without the folders of this machine, and without --json."""
    kept, skip = [], False
    for one in arguments:
        if not skip and one not in ("--save", "--data", "--runs", "--json"):
            kept.append(one)
        skip = not skip and one in ("--save", "--data", "--runs")
    return kept


def _train(plan: api.Plan, workers: int, scheduler: str) -> None:
    """Have it trained by local workers, or by a cluster's; returns when it is over."""
    there = api.check_scheduler(scheduler).workers if scheduler else 0
    study = api.study(plan)
    told = api.estimate(study)
    if study.counts["measured"] < len(plan):
        api.start_study(plan)
        n = _ensure(workers, scheduler, there)
        print_error(f"{plan.title}: {told.missing} of {len(plan)} runs to train{_about(told, n)}.")
    troubles = 0
    with _bar(plan) as tell:
        while not (study := api.study(plan)).done and study.counts["measured"] < len(plan):
            tell(study)
            said = api.cluster_troubles() if scheduler else []
            for sentence in said[troubles:]:
                print_error(sentence)
            troubles = len(said)
            time.sleep(EVERY_SECONDS)
    failed = study.frame[study.frame["state"].isin(["failed", "stopped"])]
    for row in failed.drop_duplicates("error").to_dict("records"):
        print_error(f"{row['label']}, seed {row['seed']}: {row['state']}. {row['error'] or ''}")
    if len(failed):
        _print(study, False)
        sys.exit(1)


def _ensure(workers: int, scheduler: str, there: int) -> int:
    """Whoever trains is ready; how many at a time. there: workers of the cluster."""
    if scheduler:
        api.ensure_cluster(scheduler)
        return there
    return len(api.ensure_workers(workers if workers >= 0 else None)) or len(api.workers())


def _about(told: api.Estimate, workers: int) -> str:
    if not told.seconds:
        return ", nothing like them was timed yet"
    wall = told.wall(workers)
    words = f"{wall:.0f} s" if wall < 100 else f"{wall / 60:.0f} minutes"
    cores = "1 core" if workers == 1 else f"{workers} cores"
    return f", {'about' if told.known else 'more than'} {words} on {cores}"


@contextmanager
def _bar(plan: api.Plan) -> Iterator[Any]:
    columns = (TextColumn("{task.description}"), BarColumn(), TextColumn("{task.fields[eta]}"))
    with Progress(*columns, console=Console(stderr=True), transient=True) as progress:
        task = progress.add_task(plan.title, total=len(plan), eta="")

        def tell(study: api.Study) -> None:
            told = api.estimate(study)
            n = len(api.workers())
            eta = _about(told, n).removeprefix(", ") if told.seconds else ""
            progress.update(task, completed=study.counts["measured"], eta=f"{eta} left" * bool(eta))

        yield tell


def _print(study: api.Study, as_json: bool) -> None:
    rows = api.summarise(study.frame, SHOWN)
    if as_json:
        for row in rows.to_dict("records"):
            print_json({"study": study.id, "dataset": study.plan.dataset, **row})
        return
    metrics = [name for name in PRINTED if name in set(rows["metric"])]
    axis = [study.plan.axis] if study.plan.axis else []
    table = []
    for (label, x), own in rows.groupby(["label", "x"], sort=False, dropna=False):
        cells = {row["metric"]: _cell(row) for row in own.to_dict("records")}
        table.append((label, *([x] if axis else []), *map(cells.get, metrics)))
    print_table(
        ("series", *axis, *(name.removeprefix("test_clean_") for name in metrics)),
        table,
        f"{study.plan.title}, clean test ratings: mean ± half a 95 % interval over "
        f"{len(study.plan.seeds)} seeds",
    )


def _cell(row: Mapping[Any, Any]) -> str:
    return f"{row['mean']:.3f} ± {(row['high'] - row['low']) / 2:.3f}"


def _words(text: str) -> tuple[str, ...]:
    return tuple(part.strip() for part in text.split(",") if part.strip())


def _numbers(field: str, text: str) -> tuple[Any, ...]:
    """Numbers where they are numbers, words where they are words."""
    try:
        return tuple(_plain(_number(field, part)) for part in _words(text))
    except ConfigError:
        if any(part[0].isdigit() for part in _words(text)):
            raise
        return _words(text)


def _plain(value: float) -> float | int:
    return int(value) if value == int(value) and abs(value) >= 1 else value


def _number(field: str, text: str) -> float:
    try:
        return float(Fraction(text))
    except (ValueError, ZeroDivisionError):
        raise ConfigError(field, text, "numbers, as in 0,1/64,0.5,16") from None
