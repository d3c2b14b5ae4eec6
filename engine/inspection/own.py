"""Weights somebody brings: a CSV with columns user, item, weight, and what else there is.

Optional: propensity (0 < p <= 1), label (0 or 1), prediction (a finite number). The same numbers
come out as of a run, as far as the columns allow; a fault is named by row and column.
"""

from __future__ import annotations

import tempfile
from dataclasses import dataclass, field
from pathlib import Path, PurePath

import numpy as np
import pandas as pd

from engine.datasets.tables import Table, read_table
from engine.diagnostics import FloatArray
from engine.errors import DataError
from engine.events import HISTOGRAM_EDGES
from engine.inspection import numbers, views

NEEDED = ("user", "item", "weight")
OPTIONAL = ("propensity", "label", "prediction")
NAME = "your file"


@dataclass(frozen=True)
class OwnWeights:
    """pairs: a row a pair: user, item, weight (mean 1), and columns that were given."""

    pairs: pd.DataFrame = field(repr=False)
    numbers: pd.DataFrame = field(repr=False)
    histogram: pd.DataFrame = field(repr=False)
    verdict: str


def read_weights(content: bytes, name: str = "weights.csv") -> pd.DataFrame:
    """The rows of a CSV (or Parquet, by its name) as text cells, for `diagnose`.

    Raises:
        DataError: naming the file, and the row where rows are of unequal length.
    """
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / PurePath(name).name
        path.write_bytes(content)
        try:
            return read_table(path).frame
        except DataError as error:
            field = error.field.replace(f"{folder}/", "")
            raise DataError(field, error.got, error.allowed, error.fix) from None


def diagnose(frame: pd.DataFrame, name: str = NAME) -> OwnWeights:
    """The diagnostics of a frame's weights; its cells may be text or numbers.

    Raises:
        DataError: a column missing, a cell that cannot be (with its row and column), a pair twice.
    """
    table = _table(frame, name)
    weight = _cells(table, "weight", 0, np.inf, "a number from 0, not all 0")
    if not weight.sum() > 0:
        raise DataError(f"{name}, column weight", "only 0", "a positive weight", "check the column")
    pairs = table.frame[["user", "item"]].reset_index(drop=True)
    pairs["weight"] = numbers.mean_one(weight)
    limits = {
        "propensity": (np.nextafter(0, 1), 1.0, "a number above 0 and at most 1"),
        "label": (0.0, 1.0, "a number from 0 to 1"),
        "prediction": (-np.inf, np.inf, "a number"),
    }
    for column, (low, high, allowed) in limits.items():
        if column in table.frame:
            pairs[column] = _cells(table, column, low, high, allowed)
    used = pairs[pairs["weight"] > 0]
    found = _numbers(used, len(pairs) - len(used))
    return OwnWeights(
        pairs,
        numbers.table(found),
        views.histogram(used["weight"].to_numpy(), HISTOGRAM_EDGES),
        _verdict(used),
    )


def _table(frame: pd.DataFrame, name: str) -> Table:
    frame = frame.rename(columns=lambda c: str(c).strip().lower())
    missing = [column for column in NEEDED if column not in frame]
    if missing:
        raise DataError(
            name,
            f"columns {', '.join(map(str, frame.columns))}",
            f"columns {', '.join(NEEDED)} and optionally {', '.join(OPTIONAL)}",
            f"add {', '.join(missing)}",
        )
    if isinstance(frame.index, pd.RangeIndex) and frame.index.start == 0:
        frame.index = pd.RangeIndex(2, 2 + len(frame))  # as a spreadsheet counts under a header
    if frame.empty:
        raise DataError(name, "no rows", "one pair a row", "add the pairs")
    table = Table(Path(name), frame)
    code = np.asarray(frame.groupby(["user", "item"], sort=False, dropna=False).ngroup(), np.int64)
    table.refuse_twice(code)
    return table


def _cells(table: Table, column: str, low: float, high: float, allowed: str) -> FloatArray:
    fix = "correct that cell"
    values = table.numbers(column, allowed, fix)
    bad = np.flatnonzero((values < low) | (values > high))
    if len(bad):
        raise table.fault(int(bad[0]), column, allowed, fix)
    return values


def _numbers(used: pd.DataFrame, zero: int) -> list[numbers.Number]:
    weight = used["weight"].to_numpy()
    rows = numbers.of_weights(weight)
    if zero:
        rows.append(numbers.Number("Pairs of weight 0", zero, "n", "left out of all numbers here"))
    inverse = np.ones(len(used))
    if "propensity" in used:
        inverse = 1 / used["propensity"].to_numpy()
        rows += numbers.of_products(weight, inverse)
    product = weight * inverse
    values = {"label": "Mean label"} if "label" in used else {}
    frame = used
    if {"label", "prediction"} <= set(used.columns):
        frame = used.assign(error=(used["prediction"] - used["label"]) ** 2)
        values["error"] = "Mean squared error"
    for column, title in values.items():
        for words, w in (("unweighted", None), ("weighted", product)):
            mean = float(np.average(frame[column], weights=w))
            how = "as it stands" if w is None else "by w/p, self-normalised"
            rows.append(numbers.Number(f"{title}, {words}", mean, "", how))
    return rows


def _verdict(used: pd.DataFrame) -> str:
    weight = used["weight"].to_numpy()
    share = numbers.top_share(weight)
    cv = float(weight.std() / weight.mean())
    said = f"{len(weight):,} weights, CV {cv:.2f}; the heaviest 1 % carry {100 * share:.1f} %"
    if cv < 0.02:
        said += "; all but uniform, so weighting changes next to nothing"
    return said + ". Whether they balance anything cannot be told from weights alone."
