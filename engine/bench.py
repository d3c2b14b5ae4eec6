"""How long training takes here: a benchmark whose rows anyone can print again.

Timing depends on the machine: compare rows of one run of it, and quote ratios.
"""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from engine.config import RunConfig, changed
from engine.presets import preset

LAMS = (0.0, 1.0, 4.0, 16.0, 64.0)


@dataclass(frozen=True)
class Row:
    """One case: seconds, of what, and how many it must stay under (None: no bound is set)."""

    case: str
    engine_seconds: float
    unit: str
    target: float | None = None


def grid(base: RunConfig, seeds: int) -> list[RunConfig]:
    """`base` at five lambdas and so many seeds: runs of one group."""
    return [
        changed(base, lam=lam, seed=seed, split_seed=seed) for lam in LAMS for seed in range(seeds)
    ]


def seconds_per_epoch(configs: Sequence[RunConfig], epochs: int) -> float:
    """Wall seconds an epoch of the whole group takes, evaluation included, one thread."""
    from engine.events import GroupEpoch
    from engine.jobs.building import build, tuned

    group = {str(i): changed(c, epochs=epochs + 1, patience=0) for i, c in enumerate(configs)}
    with tuned():
        events = build(group).events()
        next(event for event in events if isinstance(event, GroupEpoch))  # the first one warms up
        begun = time.perf_counter()
        for _ in events:
            pass
        return (time.perf_counter() - begun) / epochs


def import_seconds() -> float:
    """Seconds from nothing to an imported `engine.api`, which the app's start waits for."""
    begun = time.perf_counter()
    subprocess.run([sys.executable, "-c", "import engine.api"], check=True)
    return time.perf_counter() - begun


def rows(music: bool = True) -> Iterator[Row]:
    """Every case, as it is measured. Coat-shaped data stand for Coat: same size and density."""
    yield Row("import engine.api", import_seconds(), "s")
    for method in ("mf", "ips"):
        base = preset("simulated-coat", method, lam=4.0)
        name = f"Coat-shaped, Bal-{method.upper()}"
        alone = seconds_per_epoch([base], 30)
        yield Row(f"{name}, one run, 30 epochs", 30 * alone, "s", 10.0)
        yield Row(f"{name}, one run", alone, "s/epoch")
        plain = seconds_per_epoch([base.twin()], 30)
        yield Row(f"{name}, one run, without balancing", plain, "s/epoch")
        many = grid(base, 5)
        yield Row(
            f"{name}, 25 runs in a group", seconds_per_epoch(many, 10) / 25, "s/epoch and run"
        )
    learned = preset("simulated-coat", "ips", lam=4.0, propensity="bilevel")
    yield Row(
        "Coat-shaped, Bal-IPS, bilevel propensity, one run",
        seconds_per_epoch([learned], 20),
        "s/epoch",
    )
    if music:
        large = preset("simulated-music", "ips", lam=4.0)
        yield Row("Music-shaped, Bal-IPS, one run", seconds_per_epoch([large], 4), "s/epoch")
