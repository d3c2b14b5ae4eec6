"""`report`: the table of one data set, measured here, with the published numbers beside."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated, Any

import typer

from engine import api
from engine.cli.options import AsJson, DataHome, RunsHome
from engine.cli.output import print_json, print_table, watching
from engine.events import METRICS

if TYPE_CHECKING:
    from engine.report import Row

System = tuple[str, str, tuple[str, ...] | None, str | None, str | None]


def command(
    dataset: Annotated[str, typer.Argument(help="data set")],
    seeds: Annotated[int, typer.Option(min=1, help="split seeds, from 0")] = 10,
    lam: Annotated[str, typer.Option(help="strength of the constraint, fixed beforehand")] = "4",
    methods: Annotated[str, typer.Option(help="some methods only, as in mf,ips")] = "",
    residuals: Annotated[
        str, typer.Option(help="errors the weights balance, as in in_sample,cross_fitted")
    ] = "in_sample",
    balance: Annotated[str, typer.Option(help="of the balanced rows")] = "learned,exact",
    moments: Annotated[
        list[str] | None,
        typer.Option(help="what they balance; again for more  [default: e and e,r]"),
    ] = None,
    constraint: Annotated[
        str, typer.Option(help="of exact weights, as in penalised,hard,tolerance")
    ] = "penalised",
    confounding: Annotated[str, typer.Option(help="of simulated data")] = "",
    as_json: AsJson = False,
    data: DataHome = None,
    runs: RunsHome = None,
) -> None:
    """Train every method and way to balance over split seeds; mean with 95 % interval."""
    from engine import report  # it trains in this process, so it imports torch

    store = api.open_runs()
    strength = api.preset(dataset, lam=lam).lam
    chosen: dict[str, Any] = {
        "methods": _split(methods),
        "residuals": _split(residuals),
        "balances": _split(balance),
        "constraints": _split(constraint),
        **({"moments": [tuple(_split(each)) for each in moments]} if moments else {}),
        **({"confounding": confounding} if confounding else {}),
    }
    if as_json:
        for row in report.report(store, dataset, seeds, strength, **chosen):
            print_json(asdict(row))
        return
    with watching() as tell:
        found = list(report.report(store, dataset, seeds, strength, on_event=tell, **chosen))
    _print(found)


def _split(text: str) -> list[str]:
    return [part.strip() for part in text.split(",") if part.strip()]


def _cell(row: Row) -> str:
    cell = f"{row.mean:.3f}"
    if row.seeds > 1:
        cell += f" ± {(row.high - row.low) / 2:.3f}"
    if row.gain is not None:
        cell += f" [{row.gain[0]:+.3f}{_star(row.gain)}]"
    return cell if row.published is None else f"{cell} ({row.published:.3f})"


def _against_u(row: Row) -> str | None:
    if row.against_u is None:
        return None
    mean, low, high = row.against_u
    interval = f" ({low:+.4f} to {high:+.4f}){_star(row.against_u)}"
    return f"{mean:+.4f}{interval if row.seeds > 1 else ''}"


def _star(interval: tuple[float, float, float]) -> str:
    _, low, high = interval
    return "*" if low > 0 or high < 0 else ""


MEANS = (
    "Mean ± half a 95 % interval over seeds; in brackets the gain over uniform weights, * where "
    "its paired interval leaves out 0; in parentheses the paper's number"
)
DIFFERENCES = (
    "Below 0 the estimate tells a frozen predictor's loss better than the few unbiased ratings "
    "alone. Mean over seeds; in parentheses its paired 95 % interval, * where it leaves out 0"
)
# Title, what a cell holds, metrics, how a cell is written.
TABLES: tuple[tuple[str, str, Sequence[str], Callable[[Row], str | None]], ...] = (
    (
        "Test ratings, pairs that B holds too left out",
        MEANS,
        [f"{metric}_clean" for metric in METRICS],
        _cell,
    ),
    ("Test ratings as published", MEANS, METRICS, _cell),
    (
        "Truth (simulated): the predictor's true ideal loss; the weights against the oracle's",
        MEANS,
        ["true_loss", "oracle_correlation", "oracle_kl", "gradient_cosine"],
        _cell,
    ),
    (
        "Truth (simulated): mean error over ten frozen predictors of three estimates of their loss",
        MEANS,
        ["frozen_error", "frozen_error_uniform", "frozen_error_u_mean"],
        _cell,
    ),
    (
        "Truth (simulated): these errors minus that of the plain mean over U",
        DIFFERENCES,
        ["frozen_error", "frozen_error_uniform"],
        _against_u,
    ),
    (
        "The constraint at the best epoch",
        MEANS,
        ["violation_uniform", "violation", "ess", "exact_kl"],
        _cell,
    ),
)


def _print(found: list[Row]) -> None:
    for title, legend, names, write in TABLES:
        cells: dict[System, dict[str, str | None]] = {_system(row): {} for row in found}
        for row in found:
            if row.metric in names:
                cells[_system(row)][row.metric] = write(row)
        if any(cells.values()):
            print_table(
                ("method", "balance", "moments", "residuals", "constraint", *names),
                [
                    (*system[:2], ", ".join(system[2] or ()), *system[3:], *map(of.get, names))
                    for system, of in cells.items()
                    if of
                ],
                f"{title}. {legend}",
            )


def _system(row: Row) -> System:
    return row.method, row.balance, row.moments, row.residuals, row.constraint
