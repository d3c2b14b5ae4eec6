"""Coat: 290 people's ratings of coats, self-selected and random, as the authors' zip holds them.

`train.ascii` (self-selected), `test.ascii` (random) and `propensities.ascii` are dense matrices,
a row a user and a column an item, 0 = not rated; `user_item_features/` is one-hot.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from engine.datasets.ratings import FloatArray, Pairs, Ratings
from engine.errors import DataError

N_USERS, N_ITEMS = 290, 300
FEATURES = "user_item_features"
FIX = (
    "run `python -m engine datasets get coat`, or point COUNTERWEIGHT_DATA at the folder that "
    "holds coat/"
)


def read_coat(folder: Path) -> Ratings:
    """Read Coat from `folder`. Ratings 1 to 5, positive from 4; random ones in row-major order.

    Raises:
        DataError: a file missing, of the wrong shape, or a value that cannot be, with its row.
    """
    biased = _pairs(_ratings(folder / "train.ascii"))
    random = _pairs(_ratings(folder / "test.ascii"))
    propensity = _matrix(folder / "propensities.ascii", (N_USERS, N_ITEMS))
    _refuse(
        folder / "propensities.ascii",
        propensity,
        ~((propensity > 0) & (propensity <= 1)),
        "propensities above 0 and at most 1",
    )
    user_features, user_names = _features(folder, "user", N_USERS)
    item_features, item_names = _features(folder, "item", N_ITEMS)
    return Ratings(
        name="coat",
        n_users=N_USERS,
        n_items=N_ITEMS,
        biased=biased,
        random=random,
        threshold=4.0,
        given_propensity=propensity[biased.user, biased.item],
        user_features=user_features,
        item_features=item_features,
        user_feature_names=user_names,
        item_feature_names=item_names,
        notes=("366 random pairs also stand among the biased ones; test_clean drops them.",),
    )


def _pairs(matrix: FloatArray) -> Pairs:
    user, item = np.nonzero(matrix)
    return Pairs(user.astype(np.int64), item.astype(np.int64), matrix[user, item])


def _ratings(path: Path) -> FloatArray:
    matrix = _matrix(path, (N_USERS, N_ITEMS))
    wrong = ~np.isin(matrix, range(6))
    _refuse(path, matrix, wrong, "whole ratings from 1 to 5, and 0 for not rated")
    if not matrix.any():
        raise DataError(str(path), "not one rating", "ratings from 1 to 5", FIX)
    return matrix


def _features(folder: Path, kind: str, rows: int) -> tuple[FloatArray, tuple[str, ...]]:
    """A feature matrix and its columns' names, a line each in the map file."""
    path = folder / FEATURES / f"{kind}_features_map.txt"
    names = tuple(line.strip() for line in _lines(path) if line.strip())
    path = folder / FEATURES / f"{kind}_features.ascii"
    matrix = _matrix(path, (rows, len(names)))
    _refuse(path, matrix, ~np.isfinite(matrix), "finite numbers")
    return matrix, names


def _lines(path: Path) -> list[str]:
    try:
        return path.read_text(encoding="utf-8").splitlines()
    except (FileNotFoundError, NotADirectoryError):
        raise DataError("dataset", f"coat without {path}", "all files of Coat", FIX) from None
    except (UnicodeDecodeError, OSError) as error:
        raise DataError(str(path), str(error), "a readable text file", FIX) from None


def _matrix(path: Path, shape: tuple[int, int]) -> FloatArray:
    """A dense matrix of numbers separated by blanks, refused unless it has this shape."""
    rows = [line.split() for line in _lines(path) if line.strip()]
    if len(rows) != shape[0]:
        raise DataError(str(path), f"{len(rows)} rows", f"{shape[0]} rows", FIX)
    matrix = np.empty(shape)
    for number, cells in enumerate(rows, 1):
        if len(cells) != shape[1]:
            raise DataError(
                f"{path}, row {number}", f"{len(cells)} columns", f"{shape[1]} columns", FIX
            )
        try:
            matrix[number - 1] = [float(cell) for cell in cells]
        except ValueError as error:
            word = str(error).rpartition(": ")[2]
            raise DataError(f"{path}, row {number}", word, "numbers", FIX) from None
    return matrix


def _refuse(path: Path, matrix: FloatArray, wrong: np.ndarray, allowed: str) -> None:
    if wrong.any():
        row, column = (int(k) for k in np.argwhere(wrong)[0])
        value = float(matrix[row, column])
        raise DataError(f"{path}, row {row + 1}, column {column + 1}", value, allowed, FIX)
