"""Ratings: where they come from, what they are, how they are split. numpy only, no torch."""

from engine.datasets.catalogue import (
    DATASETS,
    DatasetInfo,
    DatasetSpec,
    catalogue,
    get,
    load,
    spec_of,
)
from engine.datasets.home import data_home

__all__ = [
    "DATASETS",
    "DatasetInfo",
    "DatasetSpec",
    "catalogue",
    "data_home",
    "get",
    "load",
    "spec_of",
]
