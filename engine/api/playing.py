"""Play with a launch under way: steps, speed, another lam, a branch."""

from __future__ import annotations

import pandas as pd

from engine.config import RunConfig
from engine.half_steps import HalfStep
from engine.store import branches, playing
from engine.store import interventions as moves
from engine.store.opening import open_runs, reclaimed_runs
from engine.store.records import Launch


def step(launch_id: str, to: str) -> None:
    """Train on by one step and stand still: "epoch", or until "phi", "w" or "theta" was updated.

    Steps asked for meanwhile wait their turn; `resume` and `pause` drop those that still wait.

    Raises:
        ConfigError: no such step for these runs. StoreError: no such launch, or it has ended.
    """
    playing.ask_step(reclaimed_runs(), launch_id, to)


def steps(config: RunConfig) -> tuple[str, ...]:
    """What `step` can go on to in a run of this config."""
    return playing.steps_of(config)


def half_step(launch_id: str) -> tuple[HalfStep, ...]:
    """What the updates of the block last stepped on changed, the latest last; () without any."""
    return playing.read_half_steps(open_runs(), launch_id)


def set_speed(launch_id: str, blocks_per_second: float | None) -> None:
    """Train so many blocks a second, up to 2 by half-steps; None: as fast as it goes.

    Raises:
        ConfigError: out of range. StoreError: no such launch, or it has ended.
    """
    playing.set_speed(open_runs(), launch_id, blocks_per_second)


def set_lam(launch_id: str, lam: float, run: str | None = None) -> None:
    """Move the lam of one run, or of all balanced ones, while they train; twins stay as they are.

    It acts from the next block on and is recorded with its place; the run is edited from then on.
    At 0 nothing but the entropy acts on the weights: they go back to uniform.

    Raises:
        ConfigError: lam is out of range, or no lam acts on the run.
        StoreError: no such launch or run, or it has ended.
    """
    playing.ask_lam(reclaimed_runs(), launch_id, lam, run)


def interventions(launch_id: str) -> pd.DataFrame:
    """Moves of lam: run, time, epoch, block, half (trained before it), old, new; oldest first."""
    return moves.read_interventions(open_runs(), launch_id)


def branch(launch_id: str, token: str | None = None) -> Launch:
    """A new launch that goes on from where this one is, and this one goes on; waits a moment.

    Of a paused launch the branch is paused too. Each run's record names the one it is
    `branched_from`.

    Args:
        token: of a press of the button; the same one again gives the same launch.

    Raises:
        StoreError: no such launch, it has ended, or its worker does not answer.
    """
    return branches.branch(reclaimed_runs(), launch_id, token)
