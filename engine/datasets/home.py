"""Where real data sets lie on this machine."""

from __future__ import annotations

import os
from pathlib import Path


def data_home() -> Path:
    """The folder that holds one folder a data set: COUNTERWEIGHT_DATA, or ./data."""
    return Path(os.environ.get("COUNTERWEIGHT_DATA") or "data")


def folder_of(name: str, some_file: str) -> Path:
    """data_home()/name; or data_home() itself if that is the data set's own and holds the file."""
    home = data_home()
    return home if (home / some_file).is_file() else home / name
