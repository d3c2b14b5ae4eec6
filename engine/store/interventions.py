"""Lam moved by hand while a run trains: recorded with its place, so that a replay moves it there.

A place is (whole epochs, blocks of the next one, half-steps of the next block) trained before. A
run whose lam was moved is no longer the run its config says: it is marked edited, and its
fingerprint becomes its own, so that no look-up by fingerprint finds it.
"""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from dataclasses import dataclass

import pandas as pd

from engine.store.database import Store, Transaction
from engine.store.groups import Claim, hold
from engine.store.launches import find_launch

Place = tuple[int, int, int]
COLUMNS = ("run", "time", "epoch", "block", "half", "old", "new")


@dataclass(frozen=True)
class Intervention:
    """One run's lam becomes `lam` at a place."""

    run: str
    at: Place
    lam: float


@dataclass
class Replays:
    """Moves made after the checkpoint that training goes on from: they are made again there."""

    moves: list[Intervention]

    def due(self, at: Place) -> list[Intervention]:
        """Those to make at a place, each once."""
        if not self.moves:
            return []
        found = [move for move in self.moves if move.at <= at]
        self.moves = self.moves[len(found) :]
        return found

    def within_block(self, at: Place) -> bool:
        """Whether the next one is between two half-steps of the block that comes."""
        return bool(self.moves) and self.moves[0].at[2] > 0 and self.moves[0].at[:2] == at[:2]


def recorded(store: Store, group: str) -> list[Intervention]:
    """All of a group, in the order of their places."""
    rows = store.read(
        "SELECT r.id, i.epoch, i.block, i.half, i.new FROM interventions i "
        "JOIN runs r ON r.number = i.run WHERE r.group_id = ? "
        "ORDER BY i.epoch, i.block, i.half, i.number",
        (group,),
    )
    return [
        Intervention(row["id"], (row["epoch"], row["block"], row["half"]), row["new"])
        for row in rows
    ]


def record(db: Transaction, claim: Claim, at: Place, lams: Mapping[str, float]) -> dict[str, float]:
    """Note that runs of a claimed group get other lams at a place; those that are a move.

    Raises:
        LeaseLost: the group is no longer the claim's.
    """
    hold(db, claim)
    moved = {}
    for run, lam in lams.items():
        number = claim.numbers[run]
        last = db.execute(
            "SELECT new FROM interventions WHERE run = ? ORDER BY number DESC LIMIT 1", (number,)
        ).fetchone()
        old = claim.configs[run].lam if last is None else last["new"]
        if lam == old:
            continue
        db.execute(
            "INSERT INTO interventions (run, time, epoch, block, half, old, new) "
            "VALUES (?, ?, ?, ?, ?, ?, ?)",
            (number, time.time(), *at, old, lam),
        )
        db.execute(
            "UPDATE runs SET edited = 1, fingerprint = fingerprint || '+' || id "
            "WHERE number = ? AND NOT edited",
            (number,),
        )
        moved[run] = lam
    return moved


def read_interventions(store: Store, launch: str) -> pd.DataFrame:
    """A row a move of a launch's runs: COLUMNS, in the order they were made.

    Raises:
        StoreError: there is no such launch.
    """
    find_launch(store, launch)
    rows = store.read_tuples(
        "SELECT r.id, i.time, i.epoch, i.block, i.half, i.old, i.new FROM interventions i "
        "JOIN runs r ON r.number = i.run WHERE r.launch = ? ORDER BY i.time, i.number",
        (launch,),
    )
    return pd.DataFrame(rows, columns=list(COLUMNS))


def asked_lams(payloads: list[str]) -> dict[str, float]:
    """What waiting requests come to: the last lam asked for of every run."""
    lams: dict[str, float] = {}
    for payload in payloads:
        content = json.loads(payload)
        lams |= dict.fromkeys(content["runs"], float(content["lam"]))
    return lams
