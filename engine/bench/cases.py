"""The cases of the benchmark: configs, floors and targets, and the rows they come to."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from engine.bench.timing import apart, import_seconds, textbook_epoch, textbook_epochs, timed
from engine.config import RunConfig, changed
from engine.presets import preset

LAMS = (0.0, 2.0**-9, 2.0**-6, 2.0**-3, 1.0)  # the paper's grid
SEEDS = 5
EPOCHS = 10  # measured, so that what comes every tenth is in them
METHODS = ("ips", "dr", "autodebias")
TITLES = {"mf": "MF", "ips": "IPS", "dr": "DR", "autodebias": "AutoDebias"}
# Seconds an epoch of the released code took on one core of such a machine, by the clock.
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
PARTS = {
    "evaluation": "of an epoch: training error, validation metrics, copy of the best epoch",
    "diagnostics": "of an epoch: the constraint over all ratings, weights in numbers, frontier, "
    "exact weights",
}
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


def comparable(dataset: str, method: str, **changes: object) -> RunConfig:
    """The published settings, weights and phi as both engine and textbook can learn them."""
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
    bases = [comparable("simulated-coat", method, intercept=False) for method in METHODS]
    textbooks = apart(textbook_epochs, bases, 2)
    for method, base, textbook in zip(METHODS, bases, textbooks, strict=True):
        name, key = f"Coat-shaped, Bal-{TITLES[method]}", f"coat {method}"
        alone = timed([base], EPOCHS)
        yield against(f"{name}, one run", textbook, alone.epoch, COAT_FLOORS["alone"], key)
        many[method] = timed(grid(base), EPOCHS).epoch
        each = many[method] / (len(LAMS) * SEEDS)
        yield against(f"{name}, 25 runs, per run", textbook, each, COAT_FLOORS["group"], key)
    for method, bound in BALANCED.items():
        base = comparable("simulated-coat", method)
        yield balanced_row(f"Coat-shaped, Bal-{TITLES[method]}", base, EPOCHS // 2, bound, times=5)
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


def balanced_row(name: str, config: RunConfig, epochs: int, bound: float, times: int) -> Row:
    """Balanced over base: blocks alone, so evaluation and diagnostics are left out.

    Both are timed in turns, and told is the median ratio, as a machine's speed changes.
    """
    turns = []
    for _ in range(times):
        balanced, base = (timed([c], epochs).training for c in (config, config.twin()))
        turns.append((balanced / base, balanced))
    ratio, balanced = sorted(turns)[times // 2]
    return Row(
        f"{name} ÷ {name.split('Bal-')[1]}", balanced, "s/epoch; ratio at most",
        ratio=ratio, target=bound, note=f"blocks alone, without evaluation; median of {times}",
    )  # fmt: skip


def music_rows() -> Iterator[Row]:
    """Music-shaped data: the textbook's DR and AutoDebias from one block, by numbers of pairs."""
    for method in METHODS:
        base = comparable("simulated-music", method, intercept=False)
        whole = method == "ips"
        textbook = apart(textbook_epoch, base, 1 if whole else 0)
        note = "" if whole else "textbook: from one block, by numbers of pairs"
        name = f"Music-shaped, Bal-{TITLES[method]} (d = {base.d})"
        engine = apart(timed, [base], EPOCHS)
        yield against(
            f"{name}, one run",
            textbook,
            engine.epoch,
            MUSIC_FLOORS[method],
            f"music {method}",
            note,
        )
        for part, note in PARTS.items():
            seconds = getattr(engine, part)
            yield Row(
                f"{name}, {part}", seconds, "s/epoch; ratio at most",
                ratio=seconds / engine.epoch, target=0.1, note=note,
            )  # fmt: skip
        if method != "ips":
            yield balanced_row(name, base, 2, BALANCED[method], times=1)
    yield Row(f"{name}, resident", engine.resident, "GiB, at most", target=2.5)


def rows(music: bool = True) -> Iterator[Row]:
    """Every case, as it is measured."""
    yield Row("import engine.api", import_seconds(), "s")
    yield from coat_rows()
    if music:
        yield from music_rows()
