"""Start runs, wait for them or not, and pause, resume and stop them."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from engine.config import RunConfig
from engine.events import Event
from engine.store import controls
from engine.store.launches import create_launch
from engine.store.launches import find_launch as _find_launch
from engine.store.opening import open_runs, reclaimed_runs
from engine.store.playing import checked_speed
from engine.store.records import Launch, Priority


def launch(
    configs: Sequence[RunConfig],
    *,
    twins: bool = True,
    priority: Priority = "lab",
    token: str | None = None,
    paused: bool = False,
    speed: float | None = None,
) -> Launch:
    """Queue runs and their twins: identical configs with uniform weights, shared where equal.

    Args:
        token: of a press of Start; the same one again gives the same launch.
        paused: train nothing until it is resumed or stepped. speed: as `set_speed`.

    Raises:
        ConfigError: no configs, an unknown priority, or a speed out of range.
        StoreError: the store cannot be written.
    """
    return create_launch(
        open_runs(),
        configs,
        twins=twins,
        priority=priority,
        token=token,
        paused=paused,
        speed=checked_speed(speed),
    )


def train_here(
    configs: Sequence[RunConfig],
    on_event: Callable[[Event], object] = lambda event: None,
    *,
    twins: bool = True,
    on_launch: Callable[[Launch], object] = lambda launch: None,
) -> Launch:
    """Train in this process (this imports torch) and return when the last run has ended.

    The runs are stored like any others; `on_event` gets every event once it is stored. Ctrl-C
    leaves them in the queue, where a worker goes on from the last checkpoint.

    Raises:
        ConfigError: no configs. StoreError: the store cannot be written.
    """
    from engine.jobs import local

    return local.train_here(
        open_runs(), configs, twins=twins, on_launch=on_launch, on_event=on_event
    )


def find_launch(id: str) -> Launch:
    """The launch with that id; StoreError when there is none."""
    return _find_launch(open_runs(), id)


def pause(launch_id: str) -> None:
    """Checkpoint and leave the worker free; StoreError when there is no such launch."""
    _ask(launch_id, "pause")


def resume(launch_id: str) -> None:
    """Queue a paused launch again, or take back a pause that has not come about yet."""
    _ask(launch_id, "resume")


def stop(launch_id: str) -> None:
    """End a launch for good; its runs keep their best epoch and are tested on it."""
    _ask(launch_id, "stop")


def _ask(launch_id: str, kind: controls.Kind) -> None:
    controls.ask(reclaimed_runs(), launch_id, kind)
