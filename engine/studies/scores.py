"""How a finished run scores its clean test ratings, from the prediction model the store keeps.

score(u, i) = mu + b_u + c_i + P_u . Q_i at the run's best epoch, with numpy and for the test pairs
only: a claim check needs every rating's score, of which a run's results are the summary.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError, safe_open

from engine.config import RunConfig
from engine.datasets import load
from engine.datasets.ratings import FloatArray, IntArray, Pairs
from engine.datasets.splits import make_split
from engine.errors import StoreError
from engine.store.records import arrays_path

PREFIX = "theta."
CHUNK = 1 << 22  # numbers of one factor table gathered at once


def clean_test(config: RunConfig) -> tuple[Pairs, FloatArray]:
    """The clean test ratings of a run, and their 0/1 labels.

    Raises:
        ConfigError, DataError: its data set is unknown, or not here.
    """
    ratings = load(config)
    split = make_split(ratings, config.split_seed, config.uniform_fraction, config.split)
    pairs = ratings.random.take(split.test_clean)
    return pairs, ratings.label(pairs)


def score_pairs(home: Path, run: str, pairs: Pairs) -> FloatArray:
    """Scores [n] of `pairs` by the run's prediction model; float64 sums of what is stored.

    Of CausE's two tables of items, one after the other, the first: that of the biased ratings.

    Raises:
        StoreError: its arrays are gone or cannot be read.
    """
    path = arrays_path(home, run)
    try:
        with safe_open(path, framework="np") as file:
            held = {
                name.removeprefix(PREFIX): file.get_tensor(name)
                for name in file.keys()  # noqa: SIM118 - a file, not a dict
                if name.startswith(PREFIX)
            }
    except (OSError, SafetensorError) as error:
        raise StoreError(f"The arrays of run {run} cannot be read: {error}.") from None
    missing = {"P", "Q", "b", "c"} - held.keys()
    if missing:
        raise StoreError(f"The arrays of run {run} hold no prediction model; train it again.")
    return _scores(held, pairs.user, pairs.item)


def _scores(held: dict[str, NDArray[np.floating]], user: IntArray, item: IntArray) -> FloatArray:
    out = held["b"][user].astype(np.float64) + held["c"][item]
    if "mu" in held:
        out += float(held["mu"].reshape(-1)[0])
    step = max(1, CHUNK // max(1, held["P"].shape[1]))
    for start in range(0, len(user), step):
        part = slice(start, start + step)
        p = held["P"][user[part]].astype(np.float64)
        out[part] += np.einsum("nd,nd->n", p, held["Q"][item[part]].astype(np.float64))
    return np.asarray(out, dtype=np.float64)


def same_data(a: RunConfig, b: RunConfig) -> bool:
    """Whether two runs are tested on the same ratings."""
    if a.split == b.split == "nested":  # U grows; validation and test stay
        names: tuple[str, ...] = ("dataset", "confounding", "data_seed", "split_seed")
    else:
        names = ("dataset", "confounding", "data_seed", "split_seed", "split", "uniform_fraction")
    return all(getattr(a, name) == getattr(b, name) for name in names)
