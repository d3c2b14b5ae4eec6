"""`runs` shows what the store holds; `worker` trains what waits in it."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from engine import api
from engine.cli.options import AsJson, DataHome, RunsHome
from engine.cli.output import print_json, print_table

app = typer.Typer(help="The runs in the store.", no_args_is_help=True)
COLUMNS = (
    *("run", "state", "dataset", "method", "balance", "lam", "seed", "epochs_done", "best_epoch"),
    *("validation_auc", "test_auc", "test_ndcg5", "test_mse"),
)


@app.command("list")
def list_runs(
    limit: Annotated[int, typer.Option(min=1, help="at most so many, newest first")] = 50,
    as_json: AsJson = False,
    runs: RunsHome = None,
) -> None:
    """List runs, newest first."""
    frame = api.runs(limit=limit)
    rows = frame.astype(object).where(frame.notna(), None).to_dict("records")
    if as_json:
        print_json(rows)
    else:
        print_table(COLUMNS, [tuple(row.get(name) for name in COLUMNS) for row in rows])


@app.command("show")
def show_run(
    run: Annotated[str, typer.Argument(help="run id")],
    as_json: AsJson = False,
    runs: RunsHome = None,
) -> None:
    """Show one run: its settings, results and facts."""
    content = api.run(run).as_json()
    if as_json:
        print_json(content)
    else:
        flat = [(name, _words(value)) for name, value in content.items()]
        print_table(("field", "value"), flat)


def _words(value: object) -> object:
    if isinstance(value, dict):
        return ", ".join(f"{k} {_words(v)}" for k, v in value.items() if v is not None)
    return f"{value:.6g}" if isinstance(value, float) else value


def worker(
    cluster: Annotated[
        str | None,
        typer.Option(
            "--scheduler",
            metavar="ADDRESS",
            help="train on the workers of a Dask cluster: tcp://host:port of its scheduler",
        ),
    ] = None,
    data: DataHome = None,
    runs: RunsHome = None,
) -> None:
    """Train what waits in the store until Ctrl-C; open the lab anywhere with the same --runs."""
    # They import torch, which the other commands here need not.
    if cluster is not None:
        api.check_scheduler(cluster)  # at once
        from engine.jobs.cluster import run_cluster

        sys.exit(run_cluster(api.runs_home(), cluster))
    from engine.jobs.worker import run_worker

    sys.exit(run_worker(api.runs_home()))
