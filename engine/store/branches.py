"""Branches: a launch that goes on from where another one is, while that one goes on too.

What both have in common is copied: epochs, weights, moves of lam, runs that have ended. From there
on, the same numbers unless something is changed in one of them.
"""

from __future__ import annotations

import json
import shutil
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from safetensors import SafetensorError, safe_open
from safetensors.numpy import save

from engine.errors import StoreError
from engine.store.controls import request
from engine.store.database import Row, Store, Transaction
from engine.store.groups import BY_EPOCH
from engine.store.interventions import Place
from engine.store.launches import find_launch, new_id
from engine.store.records import Launch, arrays_path, to_json, write_atomically, write_run_file
from engine.training.naming import renamed

PATIENCE = 15.0  # seconds until a worker has checkpointed: between two blocks, or an epoch's end


@dataclass(frozen=True)
class _Copy:
    """A group's checkpoint under the names of the branch; file None where nothing was trained.

    state: of the branch's group.
    """

    group: Row
    state: str
    id: str
    file: Path | None
    at: Place


def branch(store: Store, launch: str, token: str | None = None) -> Launch:
    """A new launch that goes on from where `launch` is now; that one goes on as it did.

    A running launch is asked for a checkpoint first, and the branch waits in the queue; of a paused
    one the branch is paused too.

    Args:
        token: of a press of the button; the same one again gives the same launch.

    Raises:
        StoreError: there is no such launch, it has ended, or its worker does not answer.
    """
    source = find_launch(store, launch)
    known = store.read("SELECT id FROM launches WHERE token = ?", (token,))
    if known:
        return find_launch(store, known[0]["id"])
    _have_checkpoints(store, launch)
    names = {run: new_id("r") for run in source.all_runs}
    copies = _copies(store, launch, names)
    made = Launch(
        new_id("l"),
        tuple(names[run] for run in source.runs),
        {names[run]: names[twin] for run, twin in source.twins.items()},
    )
    with store.transaction() as db:
        row = db.execute("SELECT * FROM launches WHERE id = ?", (launch,)).fetchone()
        db.execute(
            "INSERT INTO launches (id, token, priority, created, runs, twins) "
            "VALUES (?, ?, ?, ?, ?, ?)",
            (
                *(made.id, token, row["priority"], time.time()),
                *(to_json(made.runs), to_json(made.twins)),
            ),
        )
        for copy in copies:
            _insert_group(db, made.id, copy)
            for run in db.execute(
                "SELECT * FROM runs WHERE group_id = ? ORDER BY number", (copy.group["id"],)
            ).fetchall():
                _insert_run(store, db, made.id, copy, run, names)
            _copy_lams_asked(db, copy, names)
    return made


def _have_checkpoints(store: Store, launch: str) -> None:
    """Wait until every group of a launch that is being trained has checkpointed just now."""
    with store.transaction() as db:
        groups = db.execute(
            "SELECT id, state FROM groups WHERE launch = ? AND state <> 'ended'", (launch,)
        ).fetchall()
        if not groups:
            raise StoreError(f"Launch {launch} has ended: nothing of it is left to go on.")
        for group in groups:
            if group["state"] == "running":
                request(db, group["id"], "checkpoint")
    deadline = time.monotonic() + PATIENCE
    while store.read(
        "SELECT 1 FROM controls c JOIN groups g ON g.id = c.group_id "
        "WHERE g.launch = ? AND g.state = 'running' AND c.kind = 'checkpoint' LIMIT 1",
        (launch,),
    ):
        if time.monotonic() > deadline:
            raise StoreError(
                f"The worker that trains launch {launch} has not checkpointed within "
                f"{PATIENCE:.0f} s; pause the launch and branch from it then."
            )
        time.sleep(0.02)


def _copies(store: Store, launch: str, names: Mapping[str, str]) -> list[_Copy]:
    """Every group's checkpoint, copied; a file that a newer one has replaced is looked for anew."""
    for _ in range(5):
        groups = store.read("SELECT * FROM groups WHERE launch = ? ORDER BY number", (launch,))
        try:
            copies = [_copy(store, group, names) for group in groups]
        except FileNotFoundError:
            continue
        if all(copy.group["state"] == "ended" for copy in copies):
            break
        return copies
    raise StoreError(f"Launch {launch} has ended meanwhile: nothing of it is left to go on.")


def _copy(store: Store, group: Row, names: Mapping[str, str]) -> _Copy:
    name, state = new_id("g"), group["state"]
    if state in ("running", "queued"):
        steps = "SELECT 1 FROM controls WHERE group_id = ? AND kind = 'step' LIMIT 1"
        state = "paused" if store.read(steps, (group["id"],)) else "queued"
    if group["checkpoint"] is None:
        return _Copy(group, state, name, None, (0, 0, 0))
    path = store.home / "checkpoints" / group["checkpoint"]
    try:
        with safe_open(path, framework="np") as file:
            tensors = {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118
            meta = json.loads(file.metadata()["meta"])
    except SafetensorError as error:
        raise StoreError(f"The checkpoint {path} cannot be read: {error}.") from error
    tensors, meta = renamed(tensors, meta, names)
    copied = path.with_name(path.name.replace(group["id"], name, 1))
    with store.in_words():
        write_atomically(copied, save(tensors, metadata={"meta": json.dumps(meta)}))
    return _Copy(group, state, name, copied, (meta["epoch"], meta["block"], meta.get("half", 0)))


def _insert_group(db: Transaction, launch: str, copy: _Copy) -> None:
    group = copy.group
    db.execute(
        "INSERT INTO groups (id, launch, priority, state, checkpoint, checkpoint_epoch, "
        "seconds_per_epoch, speed) VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
        (
            *(
                copy.id,
                launch,
                group["priority"],
                copy.state,
                copy.file.name if copy.file else None,
            ),
            *(copy.at[0], group["seconds_per_epoch"], group["speed"]),
        ),
    )


def _insert_run(
    store: Store, db: Transaction, launch: str, copy: _Copy, run: Row, names: Mapping[str, str]
) -> None:
    """A run's row with its epochs up to the branch; one that has ended is copied as it ended."""
    ended = run["ended"] is not None and (run["settled"] or copy.group["state"] == "ended")
    last = run["epochs_done"] if ended else copy.at[0]
    content = {
        **dict(run),
        "id": names[run["id"]],
        "launch": launch,
        "group_id": copy.id,
        "state": run["state"] if ended else copy.state,
        "created": time.time(),
        "ended": run["ended"] if ended else None,
        "results": run["results"] if ended else "{}",
        "epochs_done": last,
        "branched_from": run["id"],
        "branched_epoch": last,
    }
    del content["number"]
    names_of, marks = ", ".join(content), ", ".join("?" * len(content))
    number = db.execute(
        f"INSERT INTO runs ({names_of}) VALUES ({marks})", tuple(content.values())
    ).lastrowid
    for table in BY_EPOCH:
        columns = _columns(db, table, "run")
        db.execute(
            f"INSERT INTO {table} (run, {columns}) SELECT ?, {columns} FROM {table} "
            "WHERE run = ? AND epoch <= ?",
            (number, run["number"], last),
        )
    columns = _columns(db, "interventions", "run", "number")
    db.execute(
        f"INSERT INTO interventions (run, {columns}) SELECT ?, {columns} FROM interventions "
        "WHERE run = ? AND (? OR (epoch, block, half) <= (?, ?, ?)) ORDER BY number",
        (number, run["number"], ended, *copy.at),
    )
    if ended:
        arrays = arrays_path(store.home, run["id"])
        if arrays.exists():
            shutil.copyfile(arrays, arrays_path(store.home, content["id"]))
        write_run_file(store, db, content["id"])


def _columns(db: Transaction, table: str, *but: str) -> str:
    names = [row["name"] for row in db.execute(f"PRAGMA table_info({table})")]
    return ", ".join(f'"{name}"' for name in names if name not in but)


def _copy_lams_asked(db: Transaction, copy: _Copy, names: Mapping[str, str]) -> None:
    """A lam asked for that has not moved yet moves in both."""
    for row in db.execute(
        "SELECT payload FROM controls WHERE group_id = ? AND kind = 'lam' ORDER BY number",
        (copy.group["id"],),
    ).fetchall():
        content = json.loads(row["payload"])
        content["runs"] = [names[run] for run in content["runs"]]
        request(db, copy.id, "lam", content, once=False)
