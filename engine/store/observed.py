"""What looking at weights needs of large simulated ratings, kept once a data set beside the runs.

Simulating Music's size takes seconds and 200 MB, of which weights need the rated pairs and h of a
sample: 13 MB that the first process to simulate them leaves behind. A file is of one version of the
simulator and of numpy, whose generators may change; others are made anew.
"""

from __future__ import annotations

import contextlib
import hashlib
import inspect
from collections.abc import Mapping
from functools import cache, lru_cache
from pathlib import Path

import numpy as np
from safetensors import SafetensorError
from safetensors.numpy import load_file, save

from engine.config import RunConfig
from engine.datasets import load, simulated
from engine.datasets.ratings import BiasedTruth, Pairs, Ratings
from engine.diagnostics import sample_pairs
from engine.store.records import write_atomically

FOLDER = "simulated"
LARGE = 2_000_000  # pairs of D from which simulating takes longer than reading
FILES_MAX = 12  # the oldest go: they are made anew by whoever needs them


def ratings_for_weights(home: Path, config: RunConfig) -> Ratings:
    """The ratings of `config`; of large simulated ones `truth` is left out, `biased_truth` there.

    Raises:
        ConfigError, DataError: as `engine.datasets.load`.
    """
    path = _path(home, config)
    if path is None:
        return load(config)
    if not path.is_file():
        ratings = load(config)
        keep_observed(home, config, ratings)
        return ratings
    try:
        return _read(path, path.stat().st_mtime_ns, config.dataset)
    except (OSError, SafetensorError, KeyError):  # cut short or deleted meanwhile
        return load(config)


def keep_observed(home: Path, config: RunConfig, ratings: Ratings) -> None:
    """Leave them to `ratings_for_weights`, unless that was done before; a full disk forbids it."""
    path = _path(home, config)
    known = ratings.truth_of_biased()
    if path is None or path.is_file() or known is None or ratings.given_propensity is None:
        return
    arrays = {
        **{f"biased.{k}": v for k, v in _small(ratings.biased).items()},
        **{f"random.{k}": v for k, v in _small(ratings.random).items()},
        "threshold": np.array([ratings.threshold]),
        "given": ratings.given_propensity,
        "hidden": known.hidden.astype(np.float32),
        "true": known.true_propensity.astype(np.float32),
    }
    sampled = _sampled(ratings)
    if sampled is not None:
        arrays["sampled"] = sampled
    with contextlib.suppress(OSError):
        path.parent.mkdir(exist_ok=True)
        write_atomically(path, save(arrays))
        files = sorted(path.parent.glob("*.safetensors"), key=lambda f: f.stat().st_mtime)
        for old in files[:-FILES_MAX]:
            old.unlink(missing_ok=True)


def _path(home: Path, config: RunConfig) -> Path | None:
    """Where they lie; None where they are not worth a file."""
    size = simulated.SIZES.get(config.dataset)
    if size is None or size.n_users * size.n_items < LARGE:
        return None
    name = f"{config.dataset}-{config.confounding}-{config.data_seed}-{_version()}.safetensors"
    return home / FOLDER / name


@cache
def _version() -> str:
    source = inspect.getsource(simulated) + inspect.getsource(sample_pairs) + np.__version__
    return hashlib.sha256(source.encode()).hexdigest()[:12]


def _sampled(ratings: Ratings) -> np.ndarray | None:
    """h of the pairs of D that the weights on D are looked at by, where these are a sample."""
    drawn = sample_pairs(ratings.n_users * ratings.n_items)
    if ratings.truth is None or drawn is None:
        return None
    return ratings.hidden_of(*np.divmod(drawn, ratings.n_items))


def _small(pairs: Pairs) -> dict[str, np.ndarray]:
    return {
        "user": pairs.user.astype(np.int32),
        "item": pairs.item.astype(np.int32),
        "rating": pairs.rating.astype(np.float32),
    }


@lru_cache(maxsize=2)
def _read(path: Path, stamp: int, name: str) -> Ratings:
    arrays, size = load_file(path), simulated.SIZES[name]
    return Ratings(
        name=name,
        n_users=size.n_users,
        n_items=size.n_items,
        biased=_pairs(arrays, "biased"),
        random=_pairs(arrays, "random"),
        threshold=float(arrays["threshold"][0]),
        simulated=True,
        given_propensity=arrays["given"],
        biased_truth=BiasedTruth(
            arrays["hidden"].astype(np.float64),
            arrays["true"].astype(np.float64),
            arrays.get("sampled"),
        ),
    )


def _pairs(arrays: Mapping[str, np.ndarray], side: str) -> Pairs:
    user, item, rating = (arrays[f"{side}.{name}"] for name in ("user", "item", "rating"))
    return Pairs(user.astype(np.int64), item.astype(np.int64), rating.astype(np.float64))
