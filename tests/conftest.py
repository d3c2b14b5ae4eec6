"""Fixtures that many tests share."""

import pytest
from hypothesis import settings

from engine.config import make_config
from engine.datasets import DATASETS, load
from engine.datasets.ratings import Ratings
from engine.studies import gallery

# Time says little on a shared machine: no deadline a test, and the same examples in every run.
settings.register_profile("counterweight", deadline=None, derandomize=True)
settings.load_profile("counterweight")


@pytest.fixture(scope="session")
def coat() -> Ratings:
    """The real Coat, read from COUNTERWEIGHT_DATA; tests that need it skip where it is absent."""
    if not DATASETS["coat"].info().installed:
        pytest.skip("Coat is not installed: set COUNTERWEIGHT_DATA to the folder that holds coat/")
    return load(make_config(dataset="coat"))


@pytest.fixture
def no_gallery(tmp_path, monkeypatch):
    """Nothing was computed earlier."""
    monkeypatch.setattr(gallery, "FOLDER", tmp_path / "gallery")
    for cached in (gallery.read_gallery, gallery.read_cells):
        cached.cache_clear()
    yield
    for cached in (gallery.read_gallery, gallery.read_cells):
        cached.cache_clear()
