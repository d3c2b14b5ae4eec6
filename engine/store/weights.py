"""The weights that an ended run keeps of its best and last epoch, looked at once and then held."""

from __future__ import annotations

import threading
from collections import OrderedDict
from pathlib import Path
from typing import Any

from numpy.typing import NDArray
from safetensors import SafetensorError, safe_open
from safetensors.numpy import load_file

from engine.config import with_lam
from engine.errors import StoreError
from engine.events import ENDED, LAST
from engine.inspection import Block, Look, Weights
from engine.store.database import Store
from engine.store.history import kept_epochs, read_epochs
from engine.store.observed import ratings_for_weights
from engine.store.records import RunRecord
from engine.store.reports import read_run

KEPT = ("observed", "inverse", "x", "target", "covariance")
FACTS = (
    *("lam", "violation", "target_se", "ess", "entropy", "ess_all", "entropy_all"),
    *("exact_kl", "exact_ess"),
)
HELD_PAIRS = 4_000_000  # of both blocks, of all runs held: some hundred bytes each
HELD_MAX = 6
Key = tuple[str, str, int, int]

_lock = threading.Lock()
_held: OrderedDict[Key, Look] = OrderedDict()


def read_weights(
    store: Store, run: str, block: Block = "observed", epoch: int | None = None
) -> Weights:
    """Everything about the weights of one ended, balanced run: w2 on B, or w1 on D ("all").

    The first look reads the ratings and solves for the exact weights; later ones are immediate.

    Args:
        epoch: one of `pair_epochs`, the best when None.

    Raises:
        StoreError: an unknown run, or one that keeps no such weights: said why.
        DataError: its ratings are not installed here.
    """
    return _look(store, run, epoch).of(block)


def pair_epochs(store: Store, run: str) -> list[int]:
    """The epochs of which a run keeps its weights pair by pair: its best, and its last.

    A study's runs keep the best alone, and so do runs that were stopped. None where a run keeps
    nothing.

    Raises:
        StoreError: an unknown run.
    """
    record = read_run(store, run)
    if record.state not in ENDED or record.arrays is None or record.best_epoch is None:
        return []
    try:
        with safe_open(record.arrays, framework="np") as file:
            names = set(file.keys())
    except (OSError, SafetensorError):
        return []
    last = [record.epochs_done] if f"{LAST}weights.observed" in names else []
    return sorted({record.best_epoch, *last}) if "weights.observed" in names else []


def weights_at_hand(
    store: Store, run: str, block: Block = "observed", epoch: int | None = None
) -> Weights | None:
    """What `read_weights` gives, if that would be immediate.

    Raises:
        StoreError: as `read_weights`.
    """
    look = _at_hand(_wanted(store, run, epoch)[1])
    return look.of(block) if look is not None and look.ready(block) else None


def _look(store: Store, run: str, epoch: int | None) -> Look:
    record, key = _wanted(store, run, epoch)
    held = _at_hand(key)
    if held is not None:
        return held
    assert record.arrays is not None
    found = _inspect(store, record, record.arrays, key[-1])
    with _lock:
        _held[key] = found
        while len(_held) > HELD_MAX or (len(_held) > 1 and _pairs_held() > HELD_PAIRS):
            _held.popitem(last=False)
    return found


def _wanted(store: Store, run: str, epoch: int | None) -> tuple[RunRecord, Key]:
    """The run, and under what its weights are held: another file is another key."""
    record = read_run(store, run)
    stamp = _kept_by(record).stat().st_mtime_ns
    epoch = record.best_epoch if epoch is None else epoch
    assert epoch is not None
    return record, (str(store.home), run, stamp, epoch)


def _at_hand(key: Key) -> Look | None:
    with _lock:
        if key in _held:
            _held.move_to_end(key)
        return _held.get(key)


def _kept_by(record: RunRecord) -> Path:
    if not record.config.balanced:
        raise StoreError(
            f"Run {record.run} has uniform weights: nothing was balanced, so there is nothing to "
            "inspect."
        )
    if record.state not in ENDED:
        raise StoreError(
            f"Run {record.run} has not ended yet; its weights are kept when it ends. The Lab shows "
            "them while it trains."
        )
    if record.arrays is None or record.best_epoch is None:
        raise StoreError(
            f"Run {record.run} keeps no weights: it ended before its first whole epoch, or the "
            "file of its arrays was deleted. Start it again from the Lab."
        )
    return record.arrays


def _arrays(record: RunRecord, path: Path, epoch: int) -> dict[str, NDArray[Any]]:
    """What the file has of one epoch, by name."""
    try:
        arrays = load_file(path)
    except (OSError, SafetensorError) as error:
        raise StoreError(
            f"The arrays of run {record.run} cannot be read: {error}; start the run again."
        ) from None
    last = {k.removeprefix(LAST): v for k, v in arrays.items() if k.startswith(LAST)}
    if epoch == record.best_epoch:
        return {k: v for k, v in arrays.items() if not k.startswith(LAST)}
    if last and epoch == record.epochs_done:
        return last
    also = f" and {record.epochs_done}" if last else ""
    raise StoreError(
        f"Run {record.run} keeps its weights pair by pair of epoch {record.best_epoch}{also} only, "
        f"not of {epoch}."
    )


def _inspect(store: Store, record: RunRecord, path: Path, epoch: int) -> Look:
    arrays = _arrays(record, path, epoch)
    if any(f"weights.{name}" not in arrays for name in KEPT):
        raise StoreError(
            f"Run {record.run} was stored by an older version, which did not keep what its weights "
            "came from. Train it again from the Lab to inspect them."
        )
    ratings = ratings_for_weights(store.home, record.config)
    if len(arrays["weights.observed"]) != len(ratings.biased):
        raise StoreError(
            f"Run {record.run} has {len(arrays['weights.observed']):,} weights, but its data set "
            f"now has {len(ratings.biased):,} biased ratings: the ratings were changed since."
        )
    rows = read_epochs(store, [record.run], FACTS)
    rows = rows[rows["epoch"] == epoch]
    facts = {name: float(rows[name].iloc[0]) for name in FACTS} if len(rows) else {}
    config = record.config
    if record.edited and "lam" in facts:  # moved while it trained: the one of that epoch
        config = with_lam(config, facts["lam"], has_weights=True)
    return Look(record.run, epoch, config, ratings, arrays, facts)


def snapshot_epochs(store: Store, run: str, block: Block = "observed") -> list[int]:
    """The epochs of which a run's weights of a block are kept in aggregate, in order.

    Raises:
        StoreError: an unknown run.
    """
    return kept_epochs(store, run, "histogram" if block == "observed" else "histogram_all")


def _pairs_held() -> int:
    return sum(look.n_pairs for look in _held.values())
