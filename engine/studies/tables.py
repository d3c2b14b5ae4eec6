"""A table of the paper from a study: measured beside published, gains over the base, settings.

Measured: mean and standard deviation over seeds of a run's test metrics at its best epoch. Nothing
is marked for its mean: a mark says what the claim check of METHOD 6 supports, and nothing else.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import pandas as pd

from engine.claims import Claim
from engine.datasets.catalogue import spec_of
from engine.events import METRICS
from engine.published import published, published_models, published_start
from engine.studies.plan import Plan, Series
from engine.studies.running import Study
from engine.studies.summary import gain, lower_is_better, summarise

Part = Literal["test_clean", "test"]
TRUE_LOSS = "true_loss"
OPTIMIZERS = {"adam": "Adam", "adamw": "AdamW", "sgd": "SGD"}
SOURCES = {"measured": "measured", "gallery": "computed earlier", "mixed": "partly earlier"}


@dataclass(frozen=True)
class Gain:
    """By how much a row is better than its base, paired by seed; positive is better.

    low, high: 95 % t interval of this one difference, NaN with one seed. relative: mean gain over
    the base's mean on the same seeds. n: seeds that both have.
    """

    mean: float
    low: float
    high: float
    n: int
    relative: float


@dataclass(frozen=True)
class Number:
    """One metric of one row. sd: between seeds, NaN with one. n = 0 and NaN where nothing is known.

    published: the paper's mean; published_relative: its gain over its own base in the same table.
    claim: the check of "this row is better than its base", None where there is none.
    """

    mean: float
    sd: float
    n: int
    published: float | None = None
    gain: Gain | None = None
    published_relative: float | None = None
    claim: Claim | None = None


@dataclass(frozen=True)
class TableRow:
    """One method. base: label of what gains are over, "" for none. pending: seeds yet to come.

    d, optimizer: several, as "10, 32", where settings were tuned per seed and differ.
    """

    key: str
    label: str
    base: str
    d: str
    optimizer: str
    trials: int
    source: str
    pending: int
    numbers: Mapping[str, Number]


@dataclass(frozen=True)
class Table:
    """A table as data. metrics: columns in order; part: which test ratings; seeds: as planned."""

    kind: str
    title: str
    dataset: str
    part: Part
    metrics: tuple[str, ...]
    rows: tuple[TableRow, ...]
    seeds: int
    checked: bool

    @property
    def has_published(self) -> bool:
        """Whether the paper has any number of it."""
        return any(n.published is not None for row in self.rows for n in row.numbers.values())

    @property
    def has_gains(self) -> bool:
        """Whether any row has a base."""
        return any(row.base for row in self.rows)

    @property
    def caption(self) -> str:
        """Data, seeds, split, which test ratings, and what every mark means."""
        return _caption(self)


def make_table(study: Study, part: Part = "test_clean", claims: Sequence[Claim] = ()) -> Table:
    """The table of a study without an axis.

    Args:
        part: "test_clean", duplicates of biased ratings dropped, or "test", as published.
        claims: of `claim_check.check_study`; marks are shown for clean ratings only, which is what
            claims are about.

    Raises:
        ValueError: the study has an axis: a figure, not a table.
    """
    plan, frame = study.plan, study.frame
    if plan.axis:
        raise ValueError(f"{plan.title} varies {plan.axis}: it is a figure, not a table")
    truth = plan.dataset.startswith("simulated")
    metrics = (*METRICS, TRUE_LOSS) if truth else METRICS
    columns = {m: m if m == TRUE_LOSS else f"{part}_{m}" for m in metrics}
    found = summarise(frame, list(columns.values())).to_dict("records")
    means = {(row["series"], row["metric"]): row for row in found}
    checked = {(c.a, c.b, c.metric): c for c in claims if part == "test_clean"}
    rows = tuple(_row(study, series, columns, means, checked) for series in plan.series)
    return Table(
        plan.kind,
        plan.title,
        plan.dataset,
        part,
        metrics,
        rows,
        len(plan.seeds),
        any(n.claim is not None for row in rows for n in row.numbers.values()),
    )


def _row(
    study: Study,
    series: Series,
    columns: Mapping[str, str],
    means: Mapping[tuple[str, str], Mapping[Any, Any]],
    checked: Mapping[tuple[str, str, str], Claim],
) -> TableRow:
    plan = study.plan
    labels = {one.key: one.label for one in plan.series}
    own = study.frame[study.frame["series"] == series.key]
    sources = set(own["source"]) - {""}
    source = sources.pop() if len(sources) == 1 else "mixed" if sources else ""
    base = next((one for one in plan.series if one.key == series.base), None)
    configs = [series.by_seed.get(seed, series.config) for seed in plan.seeds]
    numbers = {}
    for metric, column in columns.items():
        told = published_of(plan, series, metric)
        over = published_of(plan, base, metric) if base else None
        at = means.get((series.key, column))
        numbers[metric] = Number(
            mean=float("nan") if at is None else float(at["mean"]),
            sd=float("nan") if at is None else float(at["sd"]),
            n=0 if at is None else int(at["n"]),
            published=told,
            gain=_gain(study.frame, column, series) if base else None,
            published_relative=(told - over) / over if told and over else None,
            claim=checked.get((series.label, labels.get(series.base, ""), metric)),
        )
    return TableRow(
        series.key,
        series.label,
        labels.get(series.base, ""),
        ", ".join(map(str, sorted({config.d for config in configs}))),
        ", ".join(sorted({OPTIMIZERS[config.optimizer] for config in configs})),
        series.trials,
        SOURCES.get(source, ""),
        int((own["source"] == "").sum()),
        numbers,
    )


def _gain(frame: pd.DataFrame, column: str, series: Series) -> Gain | None:
    """Paired over the seeds both have, positive where the row is better than its base."""
    found = gain(frame, column, (series.key, None), (series.base, None))
    if found is None:
        return None
    mean, low, high, n = found
    both = set(frame.loc[(frame["series"] == series.key) & frame[column].notna(), "seed"])
    base = frame[(frame["series"] == series.base) & frame["seed"].isin(both)][column].dropna()
    if lower_is_better(column):
        mean, low, high = -mean, -high, -low
    return Gain(mean, low, high, n, mean / abs(float(base.mean())))


def published_of(plan: Plan, series: Series, metric: str) -> float | None:
    """The paper's mean for one row, None for rows and metrics that the paper does not have."""
    config, dataset = series.config, plan.dataset
    printed = config.balance == "learned" and tuple(config.moments) == ("e",)
    printed &= config.residuals == "in_sample"
    if config.balanced and not printed:
        return None
    if plan.kind == "table2":
        named = config.balanced or series.key == config.method  # the oracle's row is ours
        return published(dataset, config.method, config.balanced, metric) if named else None
    if plan.kind == "table3":
        start, method = (series.start, config.method) if series.start else (config.method, "")
        return published_start(dataset, start, method, metric)
    if plan.kind == "table4":
        return published_models(dataset, config.weights_model_all, config.weights_model, metric)
    return None


def _caption(table: Table) -> str:
    own = table.dataset.startswith("csv:")
    about = None if own else spec_of(table.dataset).about
    where = table.dataset if about is None else about.title
    data = f"{where} ({'simulated data' if about is not None and about.simulated else 'real data'})"
    ratings = (
        "clean test ratings: pairs that the biased ratings hold too are dropped"
        if table.part == "test_clean"
        else "test ratings as published, pairs that the biased ratings hold too included"
    )
    said = [
        f"{table.title.split(' on ')[0]}: {data}. Mean ± standard deviation over {table.seeds} "
        f"seeds, which vary initialisation and split (5 % uniform, 5 % validation, 90 % test); "
        f"{ratings}. NDCG is a mean over users with a positive."
    ]
    if table.has_gains:
        said.append("RI: relative improvement over the base, positive is better.")
    if table.has_published:
        said.append("In italics: published by the paper, not measured, duplicates included.")
    if table.checked:
        said.append(
            "Marks are verdicts of simultaneous intervals on a gain over the base: + supported, "
            "(+) supported but negligible, = practically equal, − contradicted, none undecided."
        )
    return " ".join(said)
