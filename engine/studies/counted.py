"""Two claims of the paper that are counted or timed rather than compared by means."""

from __future__ import annotations

import json
import math

import numpy as np
import pandas as pd

from engine.config import RunConfig
from engine.datasets.ratings import FloatArray
from engine.store.database import Store
from engine.store.reaches import read_reaches
from engine.studies.conclusions import NOT_MEASURED, Outcome, Told
from engine.studies.running import Study

RATIO = 1.5
APART = (
    "for w in none learned; do for k in 0 1 2; do python -m engine train --dataset {dataset} "
    "--method autodebias --balance $w --seed $k; done; done"
)


def feasible(store: Store, study: Study) -> Outcome:
    """Proposition 3: in how many epochs some positive weights satisfy the constraint on e.

    The convex hull of the balanced errors must hold the target, which is known without noise
    wherever exact weights were solved for. Of gallery cells only the best epoch is known.
    """
    frame = study.frame
    own = frame[(frame["moments"] == "e") & (frame["balance"] != "none") & (frame["lam"] > 0)]
    runs = list(own.loc[own["source"] == "measured", "run"])
    told = read_reaches(store, runs)
    epochs = told["exact_feasible"].where(told["reach_moment"].isna(), 0.0)
    shipped = own.loc[own["source"] == "gallery", "exact_feasible"].dropna()
    if epochs.empty and shipped.empty:
        return Outcome(NOT_MEASURED, "")
    words, met, total = [], 0, 0
    for values, what in (
        (epochs, f"epochs of {len(runs)} runs"),
        (shipped, "runs computed earlier, at their best epoch"),
    ):
        if len(values):
            some = int((values > 0).sum())
            met, total = met + some, total + len(values)
            words.append(f"in {some:,} of {len(values):,} {what}")
    said = f"Weights that meet the constraint on e exist {' and '.join(words)}."
    return Outcome("supported" if met == total else "contradicted", said)


def training_time(store: Store, dataset: str) -> Outcome:
    """Seconds an epoch of Bal-AutoDebias over those of AutoDebias, from runs trained apart.

    An epoch's seconds are those of its group shared by its runs, so only groups of one kind and of
    equal size tell: log ratio with Welch's 95 % t interval over groups, against log 1.5.
    """
    groups = _groups(store, dataset)
    if groups.empty:
        return Outcome(NOT_MEASURED, "No AutoDebias was timed yet.")
    apart = [
        (one["size"].iloc[0], one[one["balanced"]]["seconds"], one[~one["balanced"]]["seconds"])
        for _, one in groups[groups["pure"]].groupby(["size", "key"])
        if one["balanced"].nunique() == 2
    ]
    if not apart:
        any_of_both = groups.loc[groups["pure"], "balanced"].nunique() == 2
        reason = (
            "runs of both were trained in groups of different size or settings"
            if any_of_both
            else "no run of both was trained apart: base and balanced runs of a study train in one "
            "group, which shares its time"
        )
        return Outcome("undecided", f"Not comparable: {reason}.", source="", seeds=0)
    size, a, b = max(apart, key=lambda one: min(len(one[1]), len(one[2])))
    return _ratio(np.log(a.to_numpy(float)), np.log(b.to_numpy(float)), int(size))


def _groups(store: Store, dataset: str) -> pd.DataFrame:
    """Groups of AutoDebias: size, key of their settings, mean seconds an epoch and run.

    pure: all of its runs are balanced on e with learned weights, or none has weights.
    """
    rows = store.read(
        "SELECT group_id, config, state, epoch_seconds FROM runs WHERE group_id IN "
        "(SELECT group_id FROM runs WHERE json_extract(config, '$.method') = 'autodebias' "
        "AND json_extract(config, '$.dataset') = ?)",
        (dataset,),
    )
    found: dict[str, list[tuple[RunConfig, float | None]]] = {}
    for row in rows:
        config = RunConfig(**json.loads(row["config"]))
        seconds = row["epoch_seconds"] if row["state"] == "finished" else None
        found.setdefault(row["group_id"], []).append((config, seconds))
    made = []
    for runs in found.values():
        times = [seconds for _, seconds in runs if seconds]
        if len(times) < len(runs):
            continue
        balanced = all(config.balanced for config, _ in runs)
        learned = all(c.moments == ("e",) and c.balance == "learned" for c, _ in runs)
        pure = learned if balanced else not any(config.balanced for config, _ in runs)
        # Every seed draws simulated data of its own, of the same size.
        twin = runs[0][0].twin().model_copy(update={"data_seed": 0})
        made.append((len(runs), twin.group_key(), balanced, pure, float(np.mean(times))))
    return pd.DataFrame(made, columns=["size", "key", "balanced", "pure", "seconds"])


def _ratio(a: FloatArray, b: FloatArray, size: int) -> Outcome:
    ratio = math.exp(float(a.mean() - b.mean()))
    said = (
        f"An epoch takes {ratio:.2f} times as long as AutoDebias' ({len(a)} and {len(b)} groups "
        f"of {size} run{'' if size == 1 else 's'} each"
    )
    if min(len(a), len(b)) < 2:
        told = f"{said}; one timing has no interval)."
        return Outcome("undecided", told, source="measured", seeds=1)
    from scipy import stats  # takes half a second to load

    half = stats.ttest_ind(a, b, equal_var=False).confidence_interval(0.95)
    low, high = math.exp(float(half.low)), math.exp(float(half.high))
    told = f"{said}; 95 % interval {low:.2f} to {high:.2f})."
    verdict: Told = "undecided"
    if high <= RATIO or low > RATIO:
        verdict = "supported" if high <= RATIO else "contradicted"
    return Outcome(verdict, told, source="measured", seeds=min(len(a), len(b)))
