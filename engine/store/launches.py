"""Making launches: which runs one press of Start means, and which of them train together."""

from __future__ import annotations

import secrets
import time
from collections import Counter
from collections.abc import Sequence

from engine.config import RunConfig
from engine.errors import ConfigError, StoreError
from engine.store.database import Store, Transaction
from engine.store.processes import Process
from engine.store.records import Launch, Priority, launch_of, to_json

# What the queue serves first. A stop that needs a trainer (for its test metrics) comes before all.
URGENT = 0
PRIORITIES: dict[str, int] = {"lab": 1, "study": 2}
_LETTERS = "0123456789abcdefghjkmnpqrstvwxyz"


def new_id(kind: str) -> str:
    """A short id: a letter for the kind and 40 random bits in an alphabet without look-alikes."""
    return kind + "".join(secrets.choice(_LETTERS) for _ in range(8))


def create_launch(
    store: Store,
    configs: Sequence[RunConfig],
    *,
    twins: bool = True,
    priority: Priority = "lab",
    token: str | None = None,
    holder: Process | None = None,
    lanes: int | None = None,
    paused: bool = False,
    speed: float | None = None,
) -> Launch:
    """Store the runs of `configs` and their twins, in groups that wait in the queue.

    Equal configs (by fingerprint) share one run, and a config that is another's twin is that twin.
    The same `token` again gives the launch it gave before, and stores nothing.

    Args:
        holder: a process that will train the launch itself: its groups never wait in the queue.
        lanes: at most so many runs train in one group; None for as many as can.
        paused: nothing trains until it is resumed or stepped. speed: blocks a second.

    Raises:
        ConfigError: no configs, or an unknown priority.
    """
    if not configs:
        raise ConfigError("configs", [], "one or more runs")
    if priority not in PRIORITIES:
        raise ConfigError("priority", priority, "one of " + ", ".join(PRIORITIES))
    with store.transaction() as db:
        known = db.execute("SELECT * FROM launches WHERE token = ?", (token,)).fetchone()
        if known is not None:
            return launch_of(known)
        runs: dict[str, tuple[str, RunConfig]] = {}

        def run_of(config: RunConfig) -> str:
            return runs.setdefault(config.fingerprint(), (new_id("r"), config))[0]

        asked = tuple(run_of(config) for config in configs)
        pairs = {run_of(c): run_of(c.twin()) for c in configs if c.balanced} if twins else {}
        launch = Launch(new_id("l"), asked, pairs)
        db.execute(
            "INSERT INTO launches (id, token, priority, created, runs, twins) "
            "VALUES (?, ?, ?, ?, ?, ?)",
            (launch.id, token, priority, time.time(), to_json(asked), to_json(pairs)),
        )
        _insert_groups(db, launch.id, dict(runs.values()), PRIORITIES[priority], holder, lanes)
        db.execute("UPDATE groups SET speed = ? WHERE launch = ?", (speed, launch.id))
        if paused:
            for table in ("groups", "runs"):
                db.execute(f"UPDATE {table} SET state = 'paused' WHERE launch = ?", (launch.id,))
    return launch


def _insert_groups(
    db: Transaction,
    launch: str,
    runs: dict[str, RunConfig],
    priority: int,
    holder: Process | None,
    lanes: int | None,
) -> None:
    groups: dict[tuple[str, int], str] = {}
    members: Counter[str] = Counter()
    for run, config in runs.items():
        alike = config.group_key()
        key = (alike, members[alike] // lanes if lanes else 0)
        members[alike] += 1
        if key not in groups:
            groups[key] = new_id("g")
            db.execute(
                "INSERT INTO groups (id, launch, priority, state, host, pid, start) "
                "VALUES (?, ?, ?, ?, ?, ?, ?)",
                (
                    *(groups[key], launch, priority, "running" if holder else "queued"),
                    *((holder.host, holder.pid, holder.start) if holder else (None, None, None)),
                ),
            )
        db.execute(
            "INSERT INTO runs (id, launch, group_id, state, config, fingerprint, created) "
            "VALUES (?, ?, ?, 'queued', ?, ?, ?)",
            (
                *(run, launch, groups[key]),
                *(config.model_dump_json(), config.fingerprint(), time.time()),
            ),
        )


def find_launch(store: Store, launch: str) -> Launch:
    """The launch with that id.

    Raises:
        StoreError: there is none.
    """
    rows = store.read("SELECT * FROM launches WHERE id = ?", (launch,))
    if not rows:
        raise StoreError(f"There is no launch {launch!r} in {store.home}.")
    return launch_of(rows[0])
