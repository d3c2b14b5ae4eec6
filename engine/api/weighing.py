"""The weights of runs, in aggregate or pair by pair, and what no weights could have beaten."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from engine.inspection import Block, Weights
from engine.reach import Reach, reach_of
from engine.store import frontiers, history, reports
from engine.store import weights as kept_weights
from engine.store.opening import open_runs
from engine.store.reaches import read_reaches
from engine.store.records import Snapshot


def snapshot(run: str, epoch: int | None = None, block: Block = "observed") -> Snapshot:
    """The weights of one epoch in aggregate, of the latest kept when `epoch` is None.

    Args:
        block: the weights on B ("observed"), or those on D ("all"), kept of some epochs only.
    """
    return history.read_snapshot(open_runs(), run, epoch, block)


def snapshot_epochs(run: str, block: Block = "observed") -> list[int]:
    """The epochs that `snapshot` knows of, in order; StoreError when there is no such run."""
    return kept_weights.snapshot_epochs(open_runs(), run, block)


def weights(run: str, block: Block = "observed", epoch: int | None = None) -> Weights:
    """An ended run's weights at an epoch, pair by pair, with everything to judge them by.

    Args:
        block: w2 on the biased ratings ("observed"), or w1 on all pairs ("all"), which DR and
            AutoDebias have.
        epoch: one of `pair_epochs`; the best when None.

    Raises:
        StoreError: no such run, or it keeps no such weights. DataError: its ratings are not here.
    """
    return kept_weights.read_weights(open_runs(), run, block, epoch)


def pair_epochs(run: str) -> list[int]:
    """The epochs that `weights` knows of, the best and the last; none where nothing is kept."""
    return kept_weights.pair_epochs(open_runs(), run)


def weights_at_hand(
    run: str, block: Block = "observed", epoch: int | None = None
) -> Weights | None:
    """What `weights` gives where that is immediate, None where it has to be worked out first.

    Raises:
        StoreError: as `weights`.
    """
    return kept_weights.weights_at_hand(open_runs(), run, block, epoch)


def frontier(run: str, epoch: int) -> pd.DataFrame:
    """What no weights can beat at that epoch's models: lam, entropy and violation of exact ones.

    Raises:
        StoreError: no such run, or no frontier was kept of that epoch.
    """
    return frontiers.read_frontier(open_runs(), run, epoch)


def frontier_epochs(run: str) -> list[int]:
    """The epochs that `frontier` knows of, in order; StoreError when there is no such run."""
    return frontiers.frontier_epochs(open_runs(), run)


def reach(runs: Sequence[str]) -> Reach:
    """Whether the constraint of these runs of one kind could be met while they trained.

    Raises:
        StoreError: no such run.
    """
    store = open_runs()
    records = [reports.read_run(store, run) for run in runs]
    best = {one.run: one.best_epoch for one in records if one.best_epoch is not None}
    config = next((one.config for one in records if one.config.balanced), records[0].config)
    return reach_of(read_reaches(store, runs), config, best)
