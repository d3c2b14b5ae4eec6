"""Studies that ship with Counterweight: cells computed earlier, by the fingerprint of their config.

Numbers only, no rating. A cell is shown as "computed earlier" until the user's own run takes its
place; a config that differs in anything has another fingerprint and so no cell here.
"""

from __future__ import annotations

import json
import math
import platform
import subprocess
from collections.abc import Iterable, Sequence
from datetime import date
from functools import lru_cache
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pandas as pd

from engine.errors import ConfigError
from engine.store.records import to_json, write_atomically
from engine.studies.plan import Plan

ROOT = Path(__file__).resolve().parents[2]
FOLDER = ROOT / "data" / "gallery"
FORMAT = 1
DIGITS = 6


@lru_cache(maxsize=1)
def read_gallery() -> tuple[dict[str, Any], ...]:
    """Every shipped study: its plan, how it was made, its cells, seconds a run, and claims."""
    found = [json.loads(path.read_bytes()) for path in sorted(FOLDER.glob("*.json"))]
    return tuple(study for study in found if study["format"] == FORMAT)


@lru_cache(maxsize=1)
def read_cells() -> dict[str, dict[str, Any]]:
    """key (see `cells.Known`) -> numbers of the cell, of every shipped study."""
    return {
        key: dict(zip(study["columns"], values, strict=True))
        for study in read_gallery()
        for key, values in study["cells"].items()
    }


def write_gallery(
    folder: Path,
    plan: Plan,
    frame: pd.DataFrame,
    numbers: Sequence[str],
    command: str,
    claims: Sequence[dict[str, Any]] = (),
) -> Path:
    """Write a finished study as a file of the gallery; its path.

    Args:
        frame: of `cells.frame`. numbers: its columns to keep. claims: of the claim check.

    Raises:
        ConfigError: a cell has no result of this store.
    """
    open_cells = frame[frame["source"] != "measured"]
    if len(open_cells):
        raise ConfigError("study", f"{len(open_cells)} runs without a result", "a finished study")
    columns = [name for name in numbers if frame[name].notna().any()]
    cells = {
        str(row["key"]): [_short(row[name]) for name in columns] for row in frame.to_dict("records")
    }
    spent = frame.assign(seconds=frame["epoch_seconds"] * frame["epochs_done"])
    content = {
        "format": FORMAT,
        "plan": plan.model_dump(mode="json"),
        "made": {"command": command, "date": date.today().isoformat(), **_versions()},
        "seconds": spent.groupby("method")["seconds"].median().round(2).to_dict(),
        "columns": columns,
        "cells": cells,
        "claims": list(claims),
    }
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{plan.kind}-{plan.dataset}.json"
    write_atomically(path, _a_cell_a_line(content))
    return path


def _a_cell_a_line(content: dict[str, Any]) -> bytes:
    """JSON whose differences can be read."""
    cells = ",\n".join(f"{json.dumps(k)}: {to_json(v)}" for k, v in content["cells"].items())
    parts = [
        f'"{name}": ' + (f"{{\n{cells}\n}}" if name == "cells" else to_json(value))
        for name, value in content.items()
    ]
    return ("{\n" + ",\n".join(parts) + "\n}\n").encode()


def _short(value: Any) -> float | int | None:
    number = float(value)
    if not math.isfinite(number):
        return None
    return int(number) if number == int(number) else float(f"{number:.{DIGITS}g}")


def _versions() -> dict[str, str]:
    names = ("torch", "numpy", "scipy", "pandas")
    return {"commit": _commit(), "python": platform.python_version()} | {
        n: version(n) for n in names
    }


def _commit() -> str:
    command = ["git", "-C", str(ROOT), "rev-parse", "--short=12", "HEAD"]
    try:
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()
    except (OSError, subprocess.CalledProcessError):
        return "unknown"


def made_by(keys: Iterable[str]) -> list[str]:
    """How shipped cells were made, a line for each study among them: command, commit, versions."""
    wanted = set(keys)
    return [_made(s["made"]) for s in read_gallery() if not wanted.isdisjoint(s["cells"])]


def _made(made: dict[str, str]) -> str:
    known = ("command", "date", "commit")
    versions = ", ".join(f"{name} {v}" for name, v in made.items() if name not in known)
    return f"{made['command']}, {made['date']}, commit {made['commit']}, {versions}"
