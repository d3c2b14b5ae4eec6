"""The store of this process."""

from __future__ import annotations

import threading

from engine.store.database import Store, runs_home
from engine.store.processes import Watch
from engine.store.queue import reclaim
from engine.store.rebuild import open_store

_lock = threading.Lock()
_stores: dict[str, Store] = {}
_watch = Watch()


def open_runs() -> Store:
    """The store at `runs_home()`, opened once a process and again when its file was moved away.

    Raises:
        StoreError: it cannot be opened.
    """
    home = runs_home()
    with _lock:
        store = _stores.get(str(home))
        if store is None or not store.is_current():
            if store is not None:
                store.close()
            store = _stores[str(home)] = open_store(home)
        return store


def reclaimed_runs() -> Store:
    """The same; a group whose worker has died counts as waiting, and is changed at once.

    Raises:
        StoreError: it cannot be opened.
    """
    store = open_runs()
    reclaim(store, _watch)
    return store
