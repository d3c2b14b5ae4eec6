"""Studies that ship with Counterweight: cells computed earlier, by the fingerprint of their config.

Numbers only, no rating. A cell is shown as "computed earlier" until the user's own run takes its
place; a config that differs in anything has another fingerprint and so no cell here.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from functools import lru_cache
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).resolve().parents[2] / "data" / "gallery"
FORMAT = 1


@lru_cache(maxsize=1)
def read_gallery() -> tuple[dict[str, Any], ...]:
    """Every shipped study: its plan, how it was made, its cells, references and claims."""
    found = [json.loads(path.read_bytes()) for path in sorted(FOLDER.glob("*.json"))]
    return tuple(study for study in found if study["format"] == FORMAT)


@lru_cache(maxsize=1)
def read_cells() -> dict[str, dict[str, Any]]:
    """fingerprint -> numbers of the cell, of every shipped study."""
    return {
        fingerprint: dict(zip(study["columns"], values, strict=True))
        for study in read_gallery()
        for fingerprint, values in study["cells"].items()
    }


def made_by(fingerprints: Iterable[str]) -> list[str]:
    """How shipped cells were made, a line for each study among them: command, commit, versions."""
    wanted = set(fingerprints)
    return [_made(study) for study in read_gallery() if not wanted.isdisjoint(study["cells"])]


def _made(study: dict[str, Any]) -> str:
    versions = ", ".join(f"{name} {version}" for name, version in study["versions"].items())
    return f"{study['command']}, commit {study['commit']}, {versions}"
