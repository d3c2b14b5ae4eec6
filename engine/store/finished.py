"""Which finished runs the store holds already, so that none is trained again."""

from __future__ import annotations

from collections.abc import Iterable

from engine.store.database import Store

_AT_ONCE = 500  # values in one query; SQLite allows some thousands


def finished_runs(store: Store, fingerprints: Iterable[str]) -> dict[str, str]:
    """Fingerprint -> id of the oldest run with it that finished and was not edited by hand.

    Fingerprints without such a run are left out.
    """
    wanted = list(dict.fromkeys(fingerprints))
    found: dict[str, str] = {}
    for start in range(0, len(wanted), _AT_ONCE):
        part = wanted[start : start + _AT_ONCE]
        rows = store.read(
            "SELECT fingerprint, id FROM runs WHERE state = 'finished' AND NOT edited "
            f"AND fingerprint IN ({', '.join('?' * len(part))}) ORDER BY number",
            part,
        )
        for row in rows:
            found.setdefault(row["fingerprint"], row["id"])
    return found
