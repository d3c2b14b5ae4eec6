"""The stand-in for engine.api, put in its place wherever the dashboard looks for it."""

import importlib
import sys

import pytest
from fake_api import FakeEngine

import engine


@pytest.fixture
def fake(monkeypatch: pytest.MonkeyPatch) -> FakeEngine:
    """A FakeEngine that the whole dashboard talks to."""
    standing_in = FakeEngine()
    module = standing_in.module()
    monkeypatch.setitem(sys.modules, "engine.api", module)
    monkeypatch.setattr(engine, "api", module, raising=False)
    names = "forms lam settings widgets controls live ended page_state play moving plane_panel"
    for name in names.split():
        monkeypatch.setattr(importlib.import_module(f"dashboard.{name}"), "api", module)
    state = importlib.import_module("dashboard.page_state")
    state._forecast.cache_clear()
    yield standing_in
    state._forecast.cache_clear()
