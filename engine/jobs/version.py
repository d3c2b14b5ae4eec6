"""Which Counterweight this is: two processes that train for each other must be of one version."""

from __future__ import annotations

import hashlib
from functools import cache
from pathlib import Path

import engine

DIGITS = 12


@cache
def version() -> str:
    """The version and a digest of the engine's sources, which tells apart what has one version.

    Sources are read once a process: call it early, before anybody edits them.
    """
    root = Path(engine.__file__).parent
    digest = hashlib.sha256()
    for path in sorted(root.rglob("*.py")):
        text = path.read_bytes().replace(b"\r\n", b"\n")
        digest.update(f"{path.relative_to(root).as_posix()} {len(text)}\n".encode() + text)
    return f"{engine.__version__} (sources {digest.hexdigest()[:DIGITS]})"
