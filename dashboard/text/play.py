"""What the play controls say: speeds, steps, and what a step changed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from dashboard.charts.theme import decimals_for, number

STEPS = {"epoch": "Step", "phi": "φ", "w": "w", "theta": "θ"}
UPDATES = {
    "phi": ("Update φ", "what the method learns on uniform ratings"),
    "w": ("Update w", "the balancing weights"),
    "theta": ("Update θ", "the predictor"),
}
HELP = {
    "epoch": "Train one epoch, say what it changed, and stand still. One step at a time.",
    "phi": "Go on until φ is updated next, on one block, and say what that changed.",
    "w": "Go on until the weights are updated next, on one block, and say what that changed.",
    "theta": "Go on until the predictor is updated next, on one block, and say what that changed.",
    "none": "These settings have no such update.",
    "waits": "A step is under way: the next one when it is done.",
    "speed": "How fast it trains: real training, slowed. At 2 blocks a second and below, φ, w and "
    "θ are updated one by one and each says what it changed.",
    "branch": "Copy this launch as it is now into a new one, shown next. Both go on.",
    "lam": "λ can be moved while it trains: from the next block on, in every seed or in one; at 0 "
    "the weights go back to uniform. "
    "A move is marked on every chart and recorded; the run then counts as edited, for no study.",
}
# What is said of a click that its button had already answered.
LATE = {
    "start": "It has started: further clicks on Start changed nothing.",
    "step": "One step at a time: clicks made while it was under way changed nothing.",
    "branch": "One branch was made: further clicks changed nothing.",
}
BY_HALVES = 2.0  # blocks a second, up to which every update is told
# Blocks a second; 0 for as fast as it goes.
SPEEDS = {
    0.0: "full speed",
    50.0: "50 blocks/s",
    10.0: "10 blocks/s",
    2.0: "2 blocks/s",
    0.5: "½ block/s",
}
NAMES = {
    "propensity": "p̂",
    "omega": "ω",
    "imputation": "imputed gap",
    "pseudo": "imputed label",
    "loss": "loss",
    "violation": "violation",
    "entropy": "entropy",
    "prediction": "mean prediction",
}
# What each update is told by, first things first.
TOLD = {
    "phi": ("propensity", "omega", "imputation", "pseudo", "violation"),
    "w": ("entropy", "violation"),
    "theta": ("loss", "violation"),
}
EPOCH = (
    ("Weights", (("entropy", "entropy"), ("ess", "ESS / n"))),
    ("Constraint", (("violation", "violation"), ("violation_uniform", "with uniform weights"))),
    ("Predictor", (("loss", "training loss"), ("validation_auc", "validation AUC"))),
)


def speed(value: float) -> str:
    """A speed in words, also one that is not offered."""
    return SPEEDS.get(value) or f"{value:g} blocks/s"


def arrow(name: str, before: float | None, after: float) -> str:
    """ "0.981 → 0.979": with the digits in which they differ; the latter alone without the former.

    A small change shows no more digits than a chart could.
    """
    signed = name.startswith("violation") or name == "imputation"
    if before is None:
        return number(after, 4, signed=signed)
    digits = decimals_for(abs(after - before), at_most=5)
    was, now = (number(value, digits, signed=signed) for value in (before, after))
    return f"{now} as before" if was == now else f"{was} → {now}"


def change(what: str, found: Any) -> str:
    """What one update changed of one run, and the pairs that it moved most."""
    said = [
        f"{NAMES[name]} {arrow(name, *found.numbers[name])}"
        for name in TOLD[what]
        if name in found.numbers
    ]
    moved = "; ".join(_moved(found.quantity, pair) for pair in found.moved)
    most = f"Most moved (user, item): {moved}" if moved else "No pair moved"
    if what == "w" and not moved:
        most += ": the weights are at their optimum since the last look at all ratings"
    return f"{', '.join(said)}  \n{most}"


def _moved(quantity: str, pair: Any) -> str:
    where = f"({pair.user}, {pair.item})"
    if quantity in ("prediction", "imputation"):
        return f"{where} {arrow(quantity, pair.before, pair.after)}"
    ratio = pair.after / pair.before
    return f"{where} ×{ratio:.{max(3, decimals_for(abs(ratio - 1), at_most=6))}f}"


def halves(
    steps: Sequence[Any], possible: Sequence[str], runs: Sequence[str]
) -> list[tuple[str, str]]:
    """Heading and text of every update of the block looked at, made or still to come.

    The numbers are those of the first run; steps: HalfSteps of one block, the latest last.
    """
    made = {step.what: step for step in steps}
    whose = ", seed 0" if len(runs) > 1 else ""
    told = []
    for what in possible:
        if what not in UPDATES:
            continue
        title, about = UPDATES[what]
        if what not in made:
            told.append((f":gray[{title}]", f":gray[To come on this block: {about}.]"))
            continue
        changes = made[what].changes
        own = next((c for c in changes if c.run == runs[0]), changes[0])
        step = steps[-1]
        place = f" :gray[← epoch {step.epoch}, block {step.block} of {step.n_blocks}{whose}]"
        told.append((f"{title}{place if what == step.what else ''}", change(what, own)))
    return told


def epoch(rows: Mapping[str, tuple[float | None, float]], n: int) -> list[tuple[str, str]]:
    """Heading and text of what epoch `n` changed; rows: before and after it, means by column."""
    told = []
    for title, columns in EPOCH:
        said = [
            f"{name} {arrow(column, *rows[column])}" for column, name in columns if column in rows
        ]
        if said:
            told.append((f"{title} :gray[in epoch {n}]", ", ".join(said)))
    return told


def branch_note(source: str | None, epoch: int) -> str:
    """Where a branch comes from, as a link while that is there."""
    return f" · {f'[branched](?launch={source})' if source else 'branched'} at epoch {epoch}"
