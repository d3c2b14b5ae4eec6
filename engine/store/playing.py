"""What a user asks of a launch beside pause and stop: steps, speed, another lam."""

from __future__ import annotations

import json
from typing import Any, get_args

from engine.config import RunConfig, with_lam
from engine.errors import ConfigError, StoreError
from engine.half_steps import Half, HalfStep
from engine.methods import METHODS
from engine.store.controls import drop, request
from engine.store.database import Row, Store, Transaction
from engine.store.groups import set_waiting
from engine.store.launches import URGENT, find_launch
from engine.store.records import config_of

STEPS = ("epoch", *get_args(Half))
SPEED_MIN, SPEED_MAX = 0.1, 1000.0  # blocks a second
STEPS_MAX = 1000  # waiting ones of a group: more is a stuck key


def ask_step(store: Store, launch: str, to: str) -> None:
    """Train every group of a launch on by one step, then let it stand still, paused.

    Steps asked for meanwhile wait their turn; `resume` drops those that still wait, and so does
    `pause`. A running launch stops at its next block and steps from there.

    Args:
        to: "epoch", to the next epoch's end; "phi", "w" or "theta", until that was updated next.

    Raises:
        ConfigError: no such step, or one that these runs do not have.
        StoreError: there is no such launch, or it has ended.
    """
    groups, runs = _under_way(store, launch)
    _check_step(to, runs)
    with store.transaction() as db:
        for group in groups:
            drop(db, group["id"], "pause")  # a step ends in one
            waiting = db.execute(
                "SELECT count(*) AS n FROM controls WHERE group_id = ? AND kind = 'step'",
                (group["id"],),
            ).fetchone()["n"]
            if waiting < STEPS_MAX:
                request(db, group["id"], "step", {"to": to}, once=False)
            if group["state"] == "paused":
                set_waiting(db, group["id"], "queued")
                db.execute("UPDATE groups SET priority = ? WHERE id = ?", (URGENT, group["id"]))


def _check_step(to: str, runs: list[Row]) -> None:
    if to not in STEPS:
        raise ConfigError("step", to, "one of " + ", ".join(STEPS))
    configs = [config_of(run) for run in runs]
    can = {step for config in configs for step in steps_of(config)}
    if to not in can:
        why = "runs without weights" if to == "w" else "runs that learn no phi"
        raise ConfigError("step", to, f"{', '.join(s for s in STEPS if s in can)} of {why}")
    warm = min(config.phi_warmup for config in configs)
    done = max(run["epochs_done"] for run in runs)
    if to == "phi" and done < warm:
        what = f"epoch, w, theta up to epoch {warm}, since phi_warmup is {warm}"
        raise ConfigError("step", to, what)


def steps_of(config: RunConfig) -> tuple[str, ...]:
    """The steps that a run of this config can take, in the order of the algorithm."""
    has = {"epoch": True, "phi": learns_phi(config), "w": config.balanced, "theta": True}
    return tuple(step for step in STEPS if has[step])


def learns_phi(config: RunConfig) -> bool:
    """Whether anything of phi is learned."""
    learned = METHODS[config.method].learns
    return any(name != "propensity" or config.propensity == "bilevel" for name in learned)


def set_speed(store: Store, launch: str, blocks_per_second: float | None) -> None:
    """How fast a launch trains; None for as fast as it can.

    Raises:
        ConfigError: a speed out of range. StoreError: there is no such launch, or it has ended.
    """
    speed = checked_speed(blocks_per_second)
    _under_way(store, launch)
    with store.transaction() as db:
        db.execute("UPDATE groups SET speed = ? WHERE launch = ?", (speed, launch))


def group_speed(store: Store, group: str) -> float | None:
    """How fast a group is to train, in blocks a second; None for flat out."""
    rows = store.read("SELECT speed FROM groups WHERE id = ?", (group,))
    return rows[0]["speed"] if rows else None


def checked_speed(speed: float | None) -> float | None:
    """The speed if it can be one.

    Raises:
        ConfigError: it cannot.
    """
    if speed is None:
        return None
    number = isinstance(speed, int | float) and not isinstance(speed, bool)
    if not (number and SPEED_MIN <= speed <= SPEED_MAX):
        what = f"blocks a second from {SPEED_MIN:g} up to {SPEED_MAX:g}, or None for flat out"
        raise ConfigError("speed", speed, what)
    return float(speed)


def ask_lam(store: Store, launch: str, lam: float, run: str | None = None) -> None:
    """Move the lam of one run, or of all balanced runs of a launch that still train.

    It moves at the next half-step or block that is trained, and no earlier than that.

    Raises:
        ConfigError: lam is out of range, or no lam acts on the run.
        StoreError: no such launch or run of it, or the run or launch has ended.
    """
    _, rows = _under_way(store, launch)
    asked = [row for row in rows if row["id"] == run] if run is not None else rows
    if not asked:
        raise StoreError(_not_training(store, launch, str(run)))
    configs = {row["id"]: config_of(row) for row in asked}
    if run is None and any(config.balanced for config in configs.values()):
        configs = {name: config for name, config in configs.items() if config.balanced}
    for config in configs.values():
        lam = with_lam(config, lam, config.balanced).lam
    with store.transaction() as db:
        for group in dict.fromkeys(row["group_id"] for row in asked):
            names = [r["id"] for r in asked if r["group_id"] == group and r["id"] in configs]
            if names:
                request(db, group, "lam", {"lam": lam, "runs": names}, once=False)


def _not_training(store: Store, launch: str, run: str) -> str:
    rows = store.read("SELECT state FROM runs WHERE id = ? AND launch = ?", (run, launch))
    if not rows:
        return f"There is no run {run!r} in launch {launch}."
    return f"Run {run} has ended ({rows[0]['state']}): start it again with another lam."


def _under_way(store: Store, launch: str) -> tuple[list[Row], list[Row]]:
    """The groups and runs of a launch that have not ended."""
    find_launch(store, launch)
    groups = store.read(
        "SELECT * FROM groups WHERE launch = ? AND state <> 'ended' ORDER BY number", (launch,)
    )
    if not groups:
        raise StoreError(f"Launch {launch} has ended: start it again.")
    runs = store.read(
        "SELECT * FROM runs WHERE launch = ? AND ended IS NULL ORDER BY number", (launch,)
    )
    return groups, runs


def read_half_steps(store: Store, launch: str) -> tuple[HalfStep, ...]:
    """What the half-steps on the block last looked at changed, the latest last; often nothing.

    Raises:
        StoreError: there is no such launch.
    """
    find_launch(store, launch)
    rows = store.read(
        "SELECT half_steps FROM groups WHERE launch = ? ORDER BY half_steps = '[]', number LIMIT 1",
        (launch,),
    )
    content: list[dict[str, Any]] = json.loads(rows[0]["half_steps"]) if rows else []
    return tuple(HalfStep.of(step) for step in content)


def write_half_step(db: Transaction, group: str, step: HalfStep) -> None:
    """Keep a half-step beside the earlier ones of its block, and those of no other block."""
    row = db.execute("SELECT half_steps FROM groups WHERE id = ?", (group,)).fetchone()
    held = [
        one
        for one in json.loads(row["half_steps"])
        if (one["epoch"], one["block"]) == (step.epoch, step.block) and one["what"] != step.what
    ]
    told = json.dumps([*held, step.as_json()])
    db.execute("UPDATE groups SET half_steps = ? WHERE id = ?", (told, group))
