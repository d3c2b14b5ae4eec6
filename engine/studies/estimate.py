"""How long a study will take, told before it starts: from runs like its own that have ended."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass

import pandas as pd

from engine.datasets.catalogue import spec_of
from engine.store.database import Store
from engine.studies.cells import PENDING
from engine.studies.gallery import read_gallery


@dataclass(frozen=True)
class Estimate:
    """seconds: of one core, shared by `workers`. missing: runs to train. known: whether every
    method among them has been timed, here or in the gallery; else the seconds are too few.
    """

    seconds: float
    missing: int
    known: bool

    def wall(self, workers: int) -> float:
        """Wall seconds on so many workers."""
        return self.seconds / max(1, workers)


def estimate(store: Store, frame: pd.DataFrame) -> Estimate:
    """From seconds a run of the same method took: in this study, in this store, in the gallery.

    Of other data sets, in proportion to |D|. Runs under way count by the epochs they have left.
    """
    todo = frame[(frame["source"] != "measured") & ~frame["state"].isin(["failed", "stopped"])]
    if todo.empty:
        return Estimate(0.0, 0, True)
    here = frame[frame["source"] == "measured"]
    total, known = 0.0, True
    for method, own in todo.groupby("method"):
        like = here[here["method"] == method]
        seconds = float((like["epoch_seconds"] * like["epochs_done"]).median())
        if pd.isna(seconds):
            seconds = _elsewhere(store, str(method), str(own["dataset"].iloc[0]))
        if pd.isna(seconds):
            known = False
            continue
        left = 1 - (own["epochs_done"] / own["epochs"]).where(own["state"].isin(PENDING), 0.0)
        total += seconds * float(left.fillna(1.0).clip(0.05).sum())
    return Estimate(total, len(todo), known)


def _elsewhere(store: Store, method: str, dataset: str) -> float:
    rows = store.read(
        "SELECT config, epoch_seconds * epochs_done AS seconds FROM runs WHERE state = 'finished' "
        "AND epoch_seconds IS NOT NULL AND json_extract(config, '$.method') = ? "
        "ORDER BY number DESC LIMIT 200",
        (method,),
    )
    held = [(json.loads(row["config"])["dataset"], row["seconds"]) for row in rows]
    found = _median(held, dataset)
    if pd.isna(found):
        shipped = [
            (study["plan"]["dataset"], seconds)
            for study in read_gallery()
            for name, seconds in study["seconds"].items()
            if name == method
        ]
        found = _median(shipped, dataset)
    return found


def _median(held: Iterable[tuple[str, float]], dataset: str) -> float:
    """Median seconds of the same data set's runs, else of all in proportion to |D|."""
    seconds = pd.DataFrame(list(held), columns=["dataset", "seconds"])
    same = seconds[seconds["dataset"] == dataset]
    if len(same):
        return float(same["seconds"].median())
    size = _pairs(dataset)
    other = seconds.assign(pairs=seconds["dataset"].map(_pairs)).dropna()
    if size is None or other.empty:
        return float("nan")
    return float((other["seconds"] / other["pairs"]).median() * size)


def _pairs(dataset: str) -> float | None:
    if dataset.startswith("csv:"):
        return None
    about = spec_of(dataset).about
    return float((about.n_users or 0) * (about.n_items or 0)) or None
