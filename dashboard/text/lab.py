"""What the lab says of its states: plain functions from values to sentences."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from dashboard.charts.theme import lam_label
from dashboard.text.settings import HELP, choice


def duration(seconds: float) -> str:
    """ "12 s", "3 min", "1 h 20 min"."""
    if seconds < 90:
        return f"{max(1, round(seconds))} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 90 else f"{minutes // 60} h {minutes % 60} min"


ENDED = {"stopped": "Stopped after", "failed": "Failed after", "finished": "Finished after"}
ASKED = {"stop": "Stopping", "pause": "Pausing", "resume": "Going on", "step": "Stepping"}


def status(progress: Any, planned: int) -> str:
    """Where a launch stands, in words.

    Args:
        planned: the epochs it may take; when it has ended, progress tells those it took.
    """
    if progress.state in ENDED:
        said = f"{ENDED[progress.state]} {progress.epoch} of {planned} epochs"
        early = progress.state == "finished" and progress.epoch < planned
        return said + (": validation AUC rose no more" if early else "")
    at = f"epoch {progress.epoch} of {progress.epochs}"
    if progress.asked in ASKED:
        return f"{ASKED[progress.asked]} at {at}"
    if progress.state == "paused":
        return f"Paused at {at}"
    if progress.state == "queued":
        return _queued(progress)
    if not progress.workers:
        return f"Interrupted at {at}: no worker is running. It goes on when one starts"
    left = progress.eta_seconds
    return at.capitalize() + (f", about {duration(left)} left" if left is not None else "")


def _queued(progress: Any) -> str:
    if not progress.workers:
        return "Waiting: no worker is running. Start one: python -m engine worker"
    if progress.ahead:
        others = "1 group of runs" if progress.ahead == 1 else f"{progress.ahead} groups of runs"
        return f"Queued behind {others}"
    return "Starting" if not progress.epoch else f"About to go on from epoch {progress.epoch}"


def lam_says(lam: float, left: float, half: float, moves: bool = False) -> str:
    """What λ will do here, and where λ½ is. moves: λ of a launch that trains."""
    if lam <= 0:
        said = f"Weights {'go back to' if moves else 'stay'} uniform: nothing is balanced."
    else:
        said = f"Expected violation left: **{100 * left:.0f} %**."
    return f"{said} λ½ ≈ {lam_label(half) if half in _powers() else f'{half:.2g}'}"


def without_lam(config: Any) -> str:
    """What stands in λ's place where exact weights are not penalised."""
    if config.constraint == "hard":
        return "The constraint is met exactly, whatever λ."
    return f"The constraint is met within ±{config.tolerance:g} SE of its target, whatever λ."


def alone(title: str) -> str:
    """Why a base method cannot be balanced."""
    return f"{title} has no balance constraint: it is here to compare with."


def _powers() -> set[float]:
    return {2.0**k for k in range(-9, 9)}


def launch_title(config: Any, seeds: int, lams: Sequence[float] = ()) -> str:
    """A launch in a few words: data, method, λ, seeds.

    Args:
        lams: λ of every run by now, where it may have been moved by hand.
    """
    method = choice(config.method)
    if config.balanced:
        method += " balanced on " + " + ".join(choice(m) for m in config.moments)
        method += ", exact weights" if config.balance == "exact" else ""
        how = {"hard": ", hard constraint", "tolerance": f" within ±{config.tolerance:g} SE"}
        free = config.balance == "exact" and config.constraint in how
        method += how[config.constraint] if free else f", λ = {lam_label(config.lam)}"
        now = ", ".join(dict.fromkeys(lam_label(lam) for lam in lams))
        method += f" → **{now}**" if now not in ("", lam_label(config.lam)) else ""
    data = config.dataset
    if config.dataset.startswith("simulated"):
        data += f", {config.confounding} confounding"
    return f"{method} · {data} · {seeds} seed{'s' if seeds != 1 else ''}"


def questions(balanced: bool, simulated: bool) -> tuple[tuple[str, str], ...]:
    """What the verdict will answer, asked before there is an answer."""
    if not balanced:
        return (("No weights", "The base method alone: nothing to compare with a twin."),)
    asked = (
        ("Constraint", "Do the weights bring the violation within the target's noise?"),
        ("Predictor", "Is it any better for that than its twin with uniform weights?"),
    )
    oracle = ("Weights", "Do they resemble the oracle's, or meet the constraint some other way?")
    return (*asked, oracle) if simulated else asked


# What to try next: a button's name, and why.
TRY = {
    "label": ("Balance the label too", HELP["label_too"]),
    "entropy": (
        "Make entropy large",
        "The sign as printed drives all weight onto one rating. Trains again with entropy as large "
        "as the constraint allows.",
    ),
    "less": (
        "A smaller λ",
        "The estimate rests on few ratings. Trains again with a sixteenth of λ: more violation "
        "left, more even weights.",
    ),
    "more": (
        "A larger λ",
        "More of the violation is left than the target's noise. Trains again with 16 times λ.",
    ),
    "reach": (
        "Ask for less",
        "No weights meet this constraint exactly. Trains again with it penalised at λ: less "
        "violation, not none.",
    ),
    "confound": (
        "Turn confounding on",
        "Without a confounder there is nothing to correct. Trains again with a strong one.",
    ),
    "unseen": (
        "Balance unseen errors",
        "Errors on ratings the model has fitted look small, whatever the weights. Trains again "
        "with cross-fitted errors; it takes several times as long.",
    ),
}
EXAMPLES = "Each fills the settings; Start trains it."
AXES = {"log_epochs": "Epochs on a log axis", "log_values": "Losses and violations on log axes"}
SMOOTHING = (
    "Exponential moving average of the means; the share kept from epoch to epoch. The raw line "
    "stays, thin, beneath."
)
BESIDE = {"weights": "Weights", "plane": "Phase plane"}
FRONTIER = (
    "The dashed curve is made of exact weights at this epoch's models, one for every λ. It is "
    "kept of the first and of every tenth epoch. Other epochs have other models and so other "
    "curves: their points may lie beyond it."
)


def plane_note(plane: Any, shown: Any, begun: bool) -> str:
    """What the phase plane shows, or why it is empty. begun: whether there is an epoch yet."""
    if shown is None:
        return "press Start"
    if not shown.balanced:
        return "uniform: nothing is balanced"
    if plane is None:
        return "an older version did not keep this" if begun else "waiting for an epoch"
    if plane.frontier is None:
        return "path by epoch; no frontier was kept of this run"
    return "path by epoch; dashed: exact weights" + (
        "; ×: at this λ" if plane.best() is not None else ""
    )
