"""The server: `python -m streamlit run dashboard/app.py`.

Beside the app (`main.py`) it serves plotly.js out of the installed plotly package, for the live
figure; nothing is fetched from anywhere else. Workers start with the server, so that the first
Start finds them warm.
"""

from __future__ import annotations

import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import streamlit as st
from starlette.routing import Mount
from starlette.staticfiles import StaticFiles

ROOT = Path(__file__).resolve().parent.parent
if str(ROOT) not in sys.path:  # started from another folder
    sys.path.insert(0, str(ROOT))

from dashboard.live_figure import VENDOR_FOLDER, VENDOR_ROUTE  # noqa: E402
from engine import api  # noqa: E402


@asynccontextmanager
async def workers(_app: st.App) -> AsyncIterator[None]:
    """Start the worker processes with the server; they end with it."""
    api.ensure_workers()
    yield


app = st.App(
    Path(__file__).with_name("main.py"),
    routes=[Mount(VENDOR_ROUTE, StaticFiles(directory=VENDOR_FOLDER))],
    lifespan=workers,
)
