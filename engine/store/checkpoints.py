"""A group's whole state in one safetensors file: tensors, and the rest as JSON in its metadata.

A checkpoint counts once the store says so: file first (written, synced, renamed), then the row.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file

from engine.errors import StoreError
from engine.store.records import settle

State = tuple[dict[str, torch.Tensor], dict[str, Any]]


def save(home: Path, group: str, block: int, state: State) -> Path:
    """Write the state; the file is named after the group, its whole epochs and the block.

    Raises:
        StoreError: the file cannot be written.
    """
    tensors, meta = state
    path = home / "checkpoints" / f"{group}-{meta['epoch']}-{block}.safetensors"
    part = path.with_name(f"{path.name}.{os.getpid()}.part")
    own = {name: value.detach().cpu().contiguous() for name, value in tensors.items()}
    try:
        save_file(own, part, metadata={"meta": json.dumps(meta)})
        with part.open("rb+") as file:
            os.fsync(file.fileno())
        settle(part, path)
    except (OSError, SafetensorError) as error:
        raise StoreError(
            f"The checkpoint {path} cannot be written: {error}; is the disk full?"
        ) from error
    return path


def load(path: Path) -> State:
    """Read what `save` wrote.

    Raises:
        StoreError: the file is missing or damaged.
    """
    try:
        with safe_open(path, framework="pt") as file:
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
            return tensors, json.loads(file.metadata()["meta"])
    except (OSError, SafetensorError, KeyError, TypeError, ValueError) as error:
        raise StoreError(
            f"The checkpoint {path} cannot be read: {error}; start the run anew."
        ) from error


def remove(home: Path, group: str, keep: Path | None = None) -> None:
    """Delete the group's checkpoint files, all but `keep`."""
    for path in (home / "checkpoints").glob(f"{group}-*"):
        if path != keep:
            path.unlink(missing_ok=True)
