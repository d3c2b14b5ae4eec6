"""Fixtures that tests of stores and workers share."""

import pytest


@pytest.fixture
def home(tmp_path, monkeypatch):
    """A runs folder of the test's own; drivers look at once for what is asked."""
    monkeypatch.setenv("COUNTERWEIGHT_RUNS", str(tmp_path / "runs"))
    monkeypatch.setattr("engine.jobs.drive.POLL_SECONDS", 0.0)
    return tmp_path / "runs"
