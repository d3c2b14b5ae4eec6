"""The cells of a study as one frame: what the store knows of each, a row a cell."""

from __future__ import annotations

import json
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd

from engine.config import changed
from engine.events import METRICS
from engine.store.database import Row, Store
from engine.store.finished import runs_by_fingerprint
from engine.studies.gallery import read_cells
from engine.studies.plan import Cell, Plan

RESULTS = (
    *(f"{part}_{metric}" for part in ("validation", "test", "test_clean") for metric in METRICS),
    "true_loss",
)
# What is kept of the weights at the best epoch, and of the split.
FACTS = (
    *("violation", "violation_uniform", "target", "target_se", "violation_in_sample"),
    *("ess", "entropy", "exact_kl", "exact_violation", "exact_feasible", "exact_bound"),
    *("oracle_correlation", "oracle_kl", "violation_r"),
    *("estimate", "estimate_uniform", "estimate_u_mean"),
    *("frozen_error", "frozen_error_uniform", "frozen_error_u_mean"),
    *("gradient_cosine", "gradient_cosine_uniform"),
    *("n_uniform", "n_validation", "n_test", "n_test_clean", "propensity_sd"),
)
NUMBERS = ("best_epoch", "epochs_done", "epoch_seconds", *RESULTS, *FACTS)
SETTINGS = (
    *("dataset", "method", "balance", "moments", "residuals", "lam", "uniform_fraction"),
    *("d", "optimizer", "lr", "weight_decay", "epochs"),
)
COLUMNS = (
    *("series", "label", "x", "seed", "run", "launch", "state", "source", "key"),
    *(*SETTINGS, "trials", "error", *NUMBERS),
)
PENDING = frozenset({"queued", "running", "paused"})


@dataclass(frozen=True)
class Known:
    """A cell with its complete config's fingerprint, "" while the run it starts from is missing.

    key: the fingerprint without the name of a run, so the same in every store: what the gallery
    goes by. row: the run in the store, None where there is none.
    """

    cell: Cell
    key: str
    fingerprint: str
    row: Row | None

    @property
    def state(self) -> str:
        """Of its run; "missing" without one, "waiting" while what it starts from has not ended."""
        if not self.fingerprint:
            return "waiting"
        return "missing" if self.row is None else str(self.row["state"])


_held: OrderedDict[str, tuple[tuple[Cell, str], ...]] = OrderedDict()


def _cells(plan: Plan) -> tuple[tuple[Cell, str], ...]:
    """Every cell with its fingerprint, `initial` aside; the last few plans are held."""
    if plan.id not in _held:
        _held[plan.id] = tuple((cell, cell.config.fingerprint()) for cell in plan.cells())
        while len(_held) > 8:
            _held.popitem(last=False)
    return _held[plan.id]


def known_cells(store: Store, plan: Plan) -> list[Known]:
    """Every cell of the plan with its run."""
    cells = _cells(plan)
    first = runs_by_fingerprint(store, [print for cell, print in cells if not cell.series.start])
    starts = {(cell.series.key, cell.seed): print for cell, print in cells}
    found, second = [], []
    for cell, fingerprint in cells:
        if not cell.series.start:
            found.append(Known(cell, fingerprint, fingerprint, first.get(fingerprint)))
            continue
        start = starts[cell.series.start, cell.seed]
        key, row = f"{start}>{fingerprint}", first.get(start)
        if row is None or row["state"] != "finished":
            found.append(Known(cell, key, "", None))
            continue
        config = changed(cell.config, initial=row["id"])
        whole = Cell(cell.series, cell.x, cell.seed, config)
        found.append(Known(whole, key, config.fingerprint(), None))
        second.append(found[-1].fingerprint)
    rows = runs_by_fingerprint(store, second) if second else {}
    return [replace(one, row=one.row or rows.get(one.fingerprint)) for one in found]


def frame(plan: Plan, known: Sequence[Known]) -> pd.DataFrame:
    """A row a cell, in the plan's order: `COLUMNS`, NaN for numbers that do not exist.

    source: "measured" in this store; "gallery" for numbers computed earlier, which stand for a cell
    until its own run has ended; "" where there is no result.
    """
    shipped = read_cells()
    rows = [_row(one, shipped.get(one.key)) for one in known]
    numeric = set(NUMBERS)
    if plan.axis and all(isinstance(x, int | float) for x in plan.values):
        numeric.add("x")
    return pd.DataFrame(  # column by column: a thousand cells are read at every look
        {
            name: np.array([row.get(name) for row in rows], dtype=np.float64)
            if name in numeric
            else [row.get(name) for row in rows]
            for name in COLUMNS
        }
    )


def _row(one: Known, shipped: dict[str, Any] | None) -> dict[str, Any]:
    cell, row = one.cell, one.row
    config = cell.config
    told: dict[str, Any] = {
        "series": cell.series.key,
        "label": cell.series.label,
        "x": cell.x,
        "seed": cell.seed,
        "run": "" if row is None else row["id"],
        "launch": "" if row is None else row["launch"],
        "state": one.state,
        "source": "",
        "key": one.key,
        "trials": cell.series.trials,
        "error": None if row is None else row["error"],
        **{name: getattr(config, name) for name in SETTINGS},
        "moments": ",".join(config.moments) if config.balanced else "",
    }
    if row is not None:
        told |= {name: row[name] for name in ("best_epoch", "epochs_done", "epoch_seconds")}
    if one.state == "finished" and row is not None:
        told |= {"source": "measured", **results_of(json.loads(row["results"]))}
    elif shipped is not None:  # until the user's own has ended
        state = one.state if one.state in PENDING else "finished"
        told |= {"source": "gallery", **shipped, "state": state}
    return told


def results_of(results: dict[str, Any]) -> dict[str, Any]:
    """A run's results under flat names."""
    flat: dict[str, Any] = {"true_loss": results.get("true_loss")}
    for part in ("validation", "test", "test_clean"):
        flat |= {f"{part}_{name}": v for name, v in (results.get(part) or {}).items()}
    facts = results.get("facts") or {}
    return flat | {name: facts[name] for name in FACTS if name in facts}
