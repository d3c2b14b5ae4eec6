"""From plans to what the figure draws: studies, the strongest baseline, marks, levels."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd

from dashboard.charts.study_axis import Axis, lambda_axis, uniform_axis
from dashboard.charts.study_panels import PANELS, columns_of
from dashboard.charts.study_rows import MARKS, Curve, Level, Row, as_gains, placed, seeds_of
from dashboard.studying.form import Form
from dashboard.text import studies as text
from engine import api

RANKED = ("auc", "ndcg5", "ndcg10", "mse", "log_loss")


@dataclass(frozen=True)
class Found:
    """One data set's study and what stands beside it.

    why_not: why it cannot be trained here and what to do, "" where it can. facts: None where the
    data cannot be read. baselines: the frame of every base method with uniform weights, same seeds.
    """

    study: Any
    title: str
    simulated: bool
    why_not: str = ""
    facts: Any = None
    baselines: pd.DataFrame | None = None

    @property
    def frame(self) -> pd.DataFrame:
        """A row a cell."""
        return self.study.frame

    @property
    def plan(self) -> Any:
        """Of the study."""
        return self.study.plan


def find(form: Form) -> list[Found]:
    """Every study of a form, as the store knows it now."""
    infos = {info.name: info for info in api.datasets()}
    return [_find(plan, infos) for plan in form.plans]


def again(found: Found) -> Found:
    """The same, looked at anew: only what runs change is read."""
    return replace(found, study=api.study(found.plan), baselines=_baselines(found.plan))


def _find(plan: Any, infos: Mapping[str, Any]) -> Found:
    info = infos.get(plan.dataset)
    title = info.title if info is not None else plan.dataset
    try:
        facts, why_not = api.data_facts(plan), ""
    except api.CounterweightError as error:
        facts, why_not = None, f"{title}: {error}"
    if info is not None and not info.installed:
        why_not = f"{title} is not installed. To get it: {info.how_to_get}."
    return Found(
        study=api.study(plan),
        title=title,
        simulated=plan.dataset.startswith("simulated"),
        why_not=why_not,
        facts=facts,
        baselines=_baselines(plan),
    )


def _baselines(plan: Any) -> pd.DataFrame | None:
    """Base methods with uniform weights on the same data and seeds, whoever trained them."""
    if plan.kind != "lambda":
        return None
    config = plan.series[0].config
    fields = {"confounding": config.confounding} if plan.dataset.startswith("simulated") else {}
    if config.epochs != api.preset(plan.dataset, config.method).epochs:
        fields["epochs"] = config.epochs
    table = api.make_plan("table2", plan.dataset, seeds=plan.seeds, forms=(), **fields)
    frame = api.study(table).frame
    return frame[~frame["series"].str.contains("/")]  # oracle weights are no baseline


def strongest(found: Found) -> tuple[str, str, int] | None:
    """Key and name of the base method that is best on validation, and of how many that is."""
    if found.baselines is None:
        return None
    known = found.baselines[found.baselines["validation_auc"].notna()]
    whole = known.groupby("series")["seed"].nunique() == len(found.plan.seeds)
    keys = [str(key) for key in whole[whole].index]
    best = api.strongest_base(known, [(key, None) for key in keys])
    if best is None:
        return None
    label = str(known.loc[known["series"] == best[0], "label"].iloc[0])
    return best[0], label, len(keys)


def curves_of(plan: Any) -> tuple[Curve, ...]:
    """The plan's series as curves."""
    balanced = lambda one: bool(one.config.balanced) or plan.axis == "lam"  # noqa: E731
    return tuple(Curve(one.key, one.label, one.config.method, balanced(one)) for one in plan.series)


def axis_of(found: Found, values: tuple[float, ...], most_ticks: int) -> Axis:
    """The axis, with the counts of uniform ratings where they are known."""
    if found.plan.kind == "lambda":
        return lambda_axis(values, most_ticks)
    counts: dict[float, int] = dict(found.facts.uniform) if found.facts else {}
    known = found.frame.dropna(subset=["n_uniform"])
    counts |= {float(x): int(n) for x, n in zip(known["x"], known["n_uniform"], strict=True)}
    return uniform_axis(values, counts, most_ticks)


def row_of(form: Form, found: Found, most_ticks: int = 12) -> Row:
    """What the figure draws of one study."""
    part = form.looks["part"]
    columns = columns_of(form.kind, part)
    gains = form.looks["show"] == "gains"
    frame, said = (_gains(found, columns) if gains else (found.frame, ""))  # fmt: skip
    axis, curves = axis_of(found, form.values, most_ticks), curves_of(found.plan)
    means = placed(api.summarise(frame, columns), curves, axis)
    known = found.frame["target_se"].dropna()
    return Row(
        title=text.row_title(found.title, found.plan, found.simulated),
        note=text.row_note(found),
        simulated=found.simulated,
        axis=axis,
        curves=curves,
        means=means,
        seeds=placed(seeds_of(frame, columns), curves, axis),
        marks=placed(_marks(form, found, means, gains), curves, axis)[list(MARKS)],
        levels=() if gains else _levels(found, part),
        band=float(known.mean()) if len(known) else None,
        gain=said,
    )


def _gains(found: Found, columns: list[str]) -> tuple[pd.DataFrame, str]:
    """Metrics as differences, seed by seed; the violation stays what it is."""
    changed = [c for c in columns if c not in ("violation", "violation_uniform", "target_se")]
    if found.plan.axis == "lam":
        first = min(found.plan.values)
        over = {one.key: (one.key, first) for one in found.plan.series}
        return as_gains(found.frame, changed, over), text.gain_note(float(first))
    over = {one.key: ("mf", None) for one in found.plan.series}
    return as_gains(found.frame, changed, over), text.GAIN_OVER_MF


def chance(found: Found, part: str) -> list[Level]:
    """What a random scorer gets of each ranking metric; none where the data cannot be read."""
    told = found.facts.chance if found.facts is not None else {}
    known = {key: told.get(f"{part}_{key}", float("nan")) for key in RANKED}
    return [
        Level(key, float(value), "random scorer", "chance")
        for key, value in known.items()
        if np.isfinite(value)
    ]


def _levels(found: Found, part: str) -> tuple[Level, ...]:
    levels = chance(found, part)
    best = strongest(found)
    if best is not None and found.baselines is not None:
        own = found.baselines[found.baselines["series"] == best[0]]
        for key in (*RANKED, "true_loss"):
            value = own[PANELS[key].column(part)].mean()
            if np.isfinite(value):
                levels.append(Level(key, float(value), best[1], "baseline"))
    return tuple(levels)


def _marks(form: Form, found: Found, means: pd.DataFrame, gains: bool) -> pd.DataFrame:
    """Chosen on validation, best on test, published; of the λ study alone."""
    rows: list[tuple[Any, ...]] = []
    if found.plan.kind == "lambda":
        part = form.looks["part"]
        curves = dict(list(means.groupby(["metric", "series"], sort=False)))
        choices = {
            one.key: api.choose(found.frame, one.key, part=part) for one in found.plan.series
        }
        for key in (*RANKED, "true_loss", "ess", "violation"):
            panel = PANELS[key]
            for series, choice in choices.items():
                own = curves.get((panel.column(part), series))
                rows += [] if own is None else _choice_marks(own, panel, choice)
            if panel.split and not gains:
                rows += _published(found.plan, panel.key, panel.column(part), part)
    return pd.DataFrame(rows, columns=["series", "metric", "kind", "x", "value"])


def _choice_marks(own: pd.DataFrame, panel: Any, choice: Any) -> list[tuple[Any, ...]]:
    """A ring at the λ that validation AUC chooses; a star at the best mean on test."""
    if choice is None:
        return []
    metric = str(own["metric"].iloc[0])
    at = own.set_index("x")["mean"]
    series = str(own["series"].iloc[0])
    rows: list[tuple[Any, ...]] = []
    if choice.chosen in at.index:
        rows.append((series, metric, "chosen", choice.chosen, float(at[choice.chosen])))
    if panel.split and len(at) > 1:
        best = at.idxmin() if panel.lower else at.idxmax()
        rows.append((series, metric, "best", best, float(at[best])))
    return rows


def _published(plan: Any, key: str, column: str, part: str) -> list[tuple[Any, ...]]:
    """Table 2's base methods at λ = 0, the only points of the figure that the paper fixes.

    They are of the ratings as published, duplicates included, so of that part alone.
    """
    if part != "test" or 0.0 not in plan.values:
        return []
    values = [
        (s.key, api.published(plan.dataset, s.config.method, False, key)) for s in plan.series
    ]
    return [(k, column, "published", 0.0, float(v)) for k, v in values if v is not None]
