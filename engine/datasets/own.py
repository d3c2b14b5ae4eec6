"""Your own ratings: one CSV or Parquet file, or two, with any ids.

Columns: user, item, rating, source (biased | uniform), and optionally propensity, in any order;
further columns are left alone. `biased` are ratings people chose to give, `uniform` ratings of
randomly shown items. Two files need no source column.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from engine.datasets.ratings import FloatArray, IntArray, Pairs, Ratings
from engine.datasets.tables import Table, read_table
from engine.errors import DataError

COLUMNS = ("user", "item", "rating", "source")
SOURCES = ("biased", "uniform")
STARS_THRESHOLD, BINARY_THRESHOLD = 4.0, 1.0


def read_own(path: str | Path) -> Ratings:
    """The ratings of one file. A rating is positive from 4 if any rating is above 1, else from 1.

    Raises:
        DataError: naming file, row and column of the first thing wrong, and what to do.
    """
    table = _read(Path(path), COLUMNS)
    source = table.frame["source"].str.strip().str.lower()
    unknown = np.flatnonzero(~source.isin(SOURCES).to_numpy())
    if len(unknown):
        raise table.fault(int(unknown[0]), "source", "biased or uniform", "correct that cell")
    biased, uniform = (table.where(source == name) for name in SOURCES)
    for name, part in zip(SOURCES, (biased, uniform), strict=True):
        if not len(part):
            raise _no_rows(table.path, name)
    return _ratings(f"csv:{path}", biased, uniform)


def read_own_pair(biased: str | Path, uniform: str | Path) -> Ratings:
    """The ratings of two files with columns user, item, rating (and propensity in the first).

    Raises:
        DataError: as `read_own`.
    """
    tables = [_read(Path(path), COLUMNS[:3]) for path in (biased, uniform)]
    return _ratings(f"csv:{biased}", *tables)


def _read(path: Path, columns: Sequence[str]) -> Table:
    table = read_table(path)
    names = list(table.frame.columns)
    for name in columns:
        if names.count(name) != 1:
            raise DataError(
                f"{path}, row 1",
                ", ".join(names),
                f"the columns {', '.join(columns)}, each once, separated by commas",
                f"name the column {name}" if name not in names else f"rename one {name} column",
            )
    for name in ("user", "item"):
        table.frame[name] = table.frame[name].str.strip()
        blank = np.flatnonzero((table.frame[name] == "").to_numpy())
        if len(blank):
            raise table.fault(int(blank[0]), name, "an id", "fill that cell or remove the row")
    return table


def _no_rows(path: Path, source: str) -> DataError:
    need = {
        "biased": "rows with source biased: ratings people chose to give",
        "uniform": "rows with source uniform: ratings of randomly shown items",
    }
    return DataError(
        f"{path}, column source",
        f"no {source} row",
        need[source],
        f"add {source} ratings; the method cannot do without a few of them",
    )


def _ratings(name: str, biased: Table, uniform: Table) -> Ratings:
    parts = (biased, uniform)
    values = [part.numbers("rating", "a finite number", "correct that cell") for part in parts]
    given = _propensity(biased)
    users, user_names = _codes([part.frame["user"] for part in parts])
    items, item_names = _codes([part.frame["item"] for part in parts])
    pairs = [Pairs(*arrays) for arrays in zip(users, items, values, strict=True)]
    for part, pair in zip(parts, pairs, strict=True):
        part.refuse_twice(pair.code(len(item_names)))
    threshold = STARS_THRESHOLD if max(v.max() for v in values) > 1 else BINARY_THRESHOLD
    for source, part, pair in zip(SOURCES, parts, pairs, strict=True):
        _need_both_classes(part.path, source, pair.rating, threshold)
    order = np.argsort(pairs[0].code(len(item_names)), kind="stable")
    return Ratings(
        name=name,
        n_users=len(user_names),
        n_items=len(item_names),
        biased=pairs[0].take(order),
        random=pairs[1],
        threshold=threshold,
        given_propensity=None if given is None else given[order],
        user_names=user_names,
        item_names=item_names,
        notes=(f"A rating of {threshold:g} or more is positive.",),
    )


def _propensity(biased: Table) -> FloatArray | None:
    """The given propensities of the biased rows; cells of uniform rows are not read."""
    if "propensity" not in biased.frame:
        return None
    allowed, fix = "a number above 0 and at most 1", "correct that cell, or remove the column"
    values = biased.numbers("propensity", allowed, fix)
    bad = np.flatnonzero((values <= 0) | (values > 1))
    if len(bad):
        raise biased.fault(int(bad[0]), "propensity", allowed, fix)
    return values


def _codes(columns: Sequence[pd.Series[str]]) -> tuple[list[IntArray], tuple[str, ...]]:
    """Codes of each column's ids, and the ids in the order of their codes.

    Ids that are all plain whole numbers are sorted as numbers, so that the codes follow them.
    """
    together = pd.concat(columns, ignore_index=True)
    codes, found = pd.factorize(together)
    names = np.array(found, dtype=object)
    plain = all(name.isdecimal() and str(int(name)) == name for name in names)
    order = sorted(range(len(names)), key=(lambda k: int(names[k])) if plain else names.__getitem__)
    rank = np.empty(len(names), np.int64)
    rank[order] = np.arange(len(names))
    ends = np.cumsum([len(column) for column in columns])[:-1]
    return np.split(rank[codes], ends), tuple(str(names[k]) for k in order)


def _need_both_classes(path: Path, source: str, rating: FloatArray, threshold: float) -> None:
    positives = int((rating >= threshold).sum())
    if len(rating) > 1 and 0 < positives < len(rating):
        return
    raise DataError(
        f"{path}, {source} rows",
        "1 rating" if len(rating) == 1 else f"{len(rating)} ratings, {positives} positive",
        f"at least one rating of {threshold:g} or more (positive) and one below (negative)",
        f"add {source} ratings of both kinds",
    )
