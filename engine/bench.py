"""How long training takes here: a benchmark whose rows anyone can print again.

Every case of the table is measured twice in one go: the engine, and `engine.textbook`, which
computes the same step as the released code is written (`tests/engine/test_textbook.py` holds the
two to the same numbers). Both run on one thread of one process. Seconds are of processor time, not
of the clock: others on the machine lengthen them less, and ratios hardly. Compare rows of one run.

Floors and targets are of `ratio`. In rows that say "at most", `target` is a bound from above.
"""

from __future__ import annotations

import multiprocessing
import resource
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from engine.config import RunConfig, changed
from engine.presets import preset

if TYPE_CHECKING:
    from engine.datasets.ratings import Ratings

LAMS = (0.0, 2.0**-9, 2.0**-6, 2.0**-3, 1.0)  # the paper's grid
SEEDS = 5
METHODS = ("ips", "dr", "autodebias")
TITLES = {"mf": "MF", "ips": "IPS", "dr": "DR", "autodebias": "AutoDebias"}
# Seconds an epoch of the released code took on one core of such a machine (clock, four at a time).
RELEASED = {
    "coat ips": 0.44,
    "coat dr": 0.82,
    "coat autodebias": 0.86,
    "music ips": 1.5,
    "music dr": 140.0,
    "music autodebias": 200.0,
}
COAT_FLOORS = {"alone": (4.0, 10.0), "group": (30.0, 80.0)}
MUSIC_FLOORS = {"ips": (3.0, 8.0), "dr": (50.0, 80.0), "autodebias": (30.0, 60.0)}
BALANCED = {"mf": 2.5, "ips": 2.5, "dr": 1.5, "autodebias": 1.5}


@dataclass(frozen=True)
class Row:
    """One case. unit: of the seconds, or of what stands in their place; note: how it came about."""

    case: str
    engine_seconds: float
    unit: str = "s/epoch"
    textbook_seconds: float | None = None
    ratio: float | None = None
    floor: float | None = None
    target: float | None = None
    released_seconds: float | None = None
    note: str = ""


@dataclass(frozen=True)
class Timing:
    """Seconds an epoch of a group takes: its blocks alone, and all of it; most memory in GiB."""

    training: float
    epoch: float
    resident: float = 0.0


def comparable(dataset: str, method: str, **changes: object) -> RunConfig:
    """The published settings of a method, as far as engine and textbook both have them: weights
    of mass s and highest entropy, everything of phi bi-level from the first epoch.
    """
    same: dict[str, object] = {"weights_mass": "density", "entropy_sign": "maximise", "lam": 1.0}
    same |= {"imputation": "bilevel", "phi_warmup": 0, "best_after": 0}
    if method == "mf":
        same["propensity"] = "constant"
    return preset(dataset, method, "released", **{**same, **changes})


def grid(base: RunConfig, seeds: int = SEEDS) -> list[RunConfig]:
    """`base` at five lambdas and so many seeds: runs of one group."""
    return [
        changed(base, lam=lam, seed=seed, split_seed=seed) for lam in LAMS for seed in range(seeds)
    ]


def timed(configs: Sequence[RunConfig], epochs: int) -> Timing:
    """What the engine takes an epoch for a whole group, evaluation included in `epoch`."""
    from engine.events import BlockDone, GroupEpoch
    from engine.jobs.building import tuned
    from engine.training.trainer import Trainer

    group = {str(i): changed(c, patience=0) for i, c in enumerate(configs)}
    training = whole = 0.0
    with tuned():
        begun = time.process_time()
        for event in Trainer(group, _without_truth(configs[0])).events():
            now = time.process_time()
            if isinstance(event, BlockDone):
                trained = now - begun
            elif isinstance(event, GroupEpoch):
                if event.epoch > 1:  # the first one warms up
                    training, whole = training + trained, whole + now - begun
                if event.epoch > epochs:
                    break
                begun = time.process_time()
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    return Timing(training / epochs, whole / epochs, peak)


def _without_truth(config: RunConfig) -> Ratings:
    """The ratings as real ones would be, of which nothing more can be told than real ones tell."""
    from engine.datasets import load

    return replace(load(config), truth=None)


def timed_apart(configs: Sequence[RunConfig], epochs: int) -> Timing:
    """The same in a process of its own, whose memory is then of this group alone."""
    spawn = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(1, mp_context=spawn) as pool:
        return pool.submit(timed, configs, epochs).result()


def textbook_epoch(config: RunConfig, epochs: int | None) -> float:
    """Seconds an epoch of the textbook; without `epochs`, from one block, by numbers of pairs."""
    from engine.datasets import load
    from engine.jobs.building import tuned
    from engine.textbook import Textbook
    from engine.training.trainer import Trainer

    ratings = load(config)
    textbook = Textbook(config, ratings, Trainer({"run": config}, ratings).state()[0])
    blocks = textbook.blocks(1)
    with tuned():
        users, items = blocks[0]
        textbook.step(users[:50], items)  # warms up
        begun = time.process_time()
        if epochs is None:
            textbook.step(users, items)
            first = time.process_time() - begun
            pairs = sum(len(u) * len(i) for u, i in blocks) / (len(users) * len(items))
            begun = time.process_time()
            textbook.evaluate(blocks)
            return first * pairs + time.process_time() - begun
        for epoch in range(epochs):
            textbook.epoch(1 + epoch)
        return (time.process_time() - begun) / epochs


def import_seconds() -> float:
    """Seconds from nothing to an imported `engine.api`, which the app's start waits for."""
    begun = time.perf_counter()
    subprocess.run([sys.executable, "-c", "import engine.api"], check=True)
    return time.perf_counter() - begun


def against(
    case: str, textbook: float, engine: float, bounds: tuple[float, float], key: str, note: str = ""
) -> Row:
    """A row of the table."""
    return Row(
        *(case, engine, "s/epoch", textbook, textbook / engine, *bounds, RELEASED[key]), note
    )


def coat_rows() -> Iterator[Row]:
    """Coat-shaped data stand for Coat: same size and density."""
    many = {}
    for method in METHODS:
        base = comparable("simulated-coat", method, intercept=False)
        textbook = textbook_epoch(base, 2)
        name, key = f"Coat-shaped, Bal-{TITLES[method]}", f"coat {method}"
        alone = timed([base], 10)
        yield against(f"{name}, one run", textbook, alone.epoch, COAT_FLOORS["alone"], key)
        many[method] = timed(grid(base), 2).epoch
        each = many[method] / (len(LAMS) * SEEDS)
        yield against(f"{name}, 25 runs, per run", textbook, each, COAT_FLOORS["group"], key)
    for method, bound in BALANCED.items():
        base = comparable("simulated-coat", method)
        yield balanced_row(f"Coat-shaped, Bal-{TITLES[method]}", base, 10, bound)
    yield study_row(many)


def study_row(group_epoch: dict[str, float]) -> Row:
    """Three methods x five lambdas x five seeds, 500 epochs each, the groups on two cores."""
    cores = [0.0, 0.0]
    for seconds in sorted(group_epoch.values(), reverse=True):
        cores[cores.index(min(cores))] += 500 * seconds
    return Row(
        "Coat-shaped, λ study, 75 runs, two cores", max(cores), "s, at most", target=480.0,
        note="500 epochs of every run, from the group rows above",
    )  # fmt: skip


def balanced_row(name: str, config: RunConfig, epochs: int, bound: float) -> Row:
    """Balanced over base: blocks alone, so evaluation and diagnostics are left out."""
    balanced, base = (timed([c], epochs).training for c in (config, config.twin()))
    return Row(
        f"{name} ÷ {name.split('Bal-')[1]}", balanced, "s/epoch; ratio at most",
        ratio=balanced / base, target=bound, note="blocks alone, without evaluation",
    )  # fmt: skip


def music_rows() -> Iterator[Row]:
    """Music-shaped data: the textbook's DR and AutoDebias from one block, by numbers of pairs."""
    for method in METHODS:
        base = comparable("simulated-music", method, intercept=False)
        whole = method == "ips"
        textbook = textbook_epoch(base, 1 if whole else None)
        note = "" if whole else "textbook: from one block, by numbers of pairs"
        name = f"Music-shaped, Bal-{TITLES[method]} (d = {base.d})"
        engine = timed_apart([base], 10 if whole else 3)
        yield against(
            f"{name}, one run",
            textbook,
            engine.epoch,
            MUSIC_FLOORS[method],
            f"music {method}",
            note,
        )
        share = 1 - engine.training / engine.epoch
        yield Row(
            f"{name}, evaluation and diagnostics", engine.epoch - engine.training,
            "s/epoch; ratio at most", ratio=share, target=0.2,
            note="share of an epoch; a tenth each",
        )  # fmt: skip
        if method != "ips":
            yield balanced_row(name, base, 2, BALANCED[method])
    yield Row(f"{name}, resident", engine.resident, "GiB, at most", target=2.5)


def rows(music: bool = True) -> Iterator[Row]:
    """Every case, as it is measured."""
    yield Row("import engine.api", import_seconds(), "s")
    yield from coat_rows()
    if music:
        yield from music_rows()
