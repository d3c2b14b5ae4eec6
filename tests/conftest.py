"""Fixtures that many tests share."""

import pytest
from hypothesis import settings

from engine.config import make_config
from engine.datasets import DATASETS, load
from engine.datasets.ratings import Ratings

# Time says little on a shared machine: no deadline a test, and the same examples in every run.
settings.register_profile("counterweight", deadline=None, derandomize=True)
settings.load_profile("counterweight")


@pytest.fixture(scope="session")
def coat() -> Ratings:
    """The real Coat, read from COUNTERWEIGHT_DATA; tests that need it skip where it is absent."""
    if not DATASETS["coat"].info().installed:
        pytest.skip("Coat is not installed: set COUNTERWEIGHT_DATA to the folder that holds coat/")
    return load(make_config(dataset="coat"))
