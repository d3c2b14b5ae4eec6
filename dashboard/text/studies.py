"""What the study pages say: plain functions from values to sentences."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from dashboard.charts.theme import decimals_for, lam_label, number
from dashboard.text.curves import interval
from dashboard.text.steering import left, wall

INTRO = {
    "lambda": "How the strength λ of the balance constraint changes the predictor: Figure 2.",
    "uniform": "How much a few more uniform ratings help each method: Figure 3.",
}
VIEWS = {
    "lambda": {"ranking": "Violation and ranking", "errors": "Weights and errors"},
    "uniform": {"ranking": "Ranking and error", "errors": "Constraint and loss"},
}
PARTS = {"test_clean": "Clean test", "test": "Test as published"}
SHOWS = {
    "lambda": {"values": "Values", "gains": "Gain over λ = 0"},
    "uniform": {"values": "Values", "gains": "Gain over MF"},
}
HELP = {
    "datasets": "One row of panels each. Your own ratings: type csv:PATH.",
    "methods": "Base methods whose balanced form is drawn; λ = 0 is the base method itself.",
    "extra": "Beside MF, CausE, KD-Label, AutoDebias, Bal-AutoDebias and MF on uniform ratings.",
    "values": "Type another λ and press Enter: 0.3, 1/64 or 2^-6.",
    "fractions": "Shares of the random ratings; type another, such as 2.5 %, and press Enter.",
    "seeds": "Each seed draws another split of the random ratings and another start; simulated "
    "data are drawn anew too.",
    "moments": "What the weights balance: the error e as in the paper, or more.",
    "epochs": "At most so many passes, for a quick look; left empty, the preset decides.",
    "confounding": "How strongly the hidden confounder acts, on simulated data.",
    "lam": "Of Bal-AutoDebias; the size of U is what varies here.",
    "part": "Clean: without the pairs that stand in the biased ratings too, which a model may know "
    "by heart. As published: with them.",
    "show": "Gain: every seed minus its own reference, so that what seeds share drops out.",
}
AXIS = {"lambda": "λ", "uniform": "share of random ratings"}
GAIN_OVER_MF = "minus MF, paired by seed"
NESTED = (
    "Uniform samples are nested and validation and test stay fixed, so the 5 % point is another "
    "split than Table 2's and does not repeat its numbers."
)
PUBLISHED_NOTE = (
    "Of Figure 2 the paper prints no numbers. Table 2 fixes λ = 0, where a method is its base "
    "(hollow diamonds, under Test as published); at which λ its Bal- rows were tuned it does not "
    "tell, only that the optimum is “around 2⁻⁶”."
)


def named(title: str) -> str:
    """A panel's title within a sentence: "AUC", "true ideal loss"."""
    return title if title[1:2].isupper() else title[:1].lower() + title[1:]


def gain_note(first: float) -> str:
    """What gains are over."""
    return f"minus λ = {lam_label(first)}, paired by seed"


def row_title(title: str, plan: Any, simulated: bool) -> str:
    """A data set's name in bold, with what kind of data it is."""
    kind = "your own data" if plan.dataset.startswith("csv:") else "real data"
    if simulated:
        kind = f"simulated data, {plan.series[0].config.confounding} confounding"
    return f"<b>{title}</b> <span style='color:@muted'>{kind}</span>"


def row_note(found: Any) -> str:
    """How many of its cells there are, and where they come from."""
    n = len(found.plan)
    counts = found.frame["source"].value_counts()
    earlier, here = int(counts.get("gallery", 0)), int(counts.get("measured", 0))
    parts = [f"{here} measured here"] if here else []
    parts += [f"{earlier} computed earlier"] if earlier else []
    known = here + earlier
    said = ", ".join(parts) if known == n else f"{known} of {n} runs" + (
        f" ({', '.join(parts)})" if earlier else ""
    )  # fmt: skip
    return f"<span style='font-size:11px;color:@muted'>{said}</span>"


def to_train(missing: int, total: int, estimate: Any, workers: int) -> str:
    """ "135 of 135 runs to train, about 6 min on 2 cores"."""
    if not missing:
        return f"All {total} runs are measured here."
    return f"{missing} of {total} runs to train{wall(estimate, workers)}."


def status(phase: str, done: int, total: int, estimate: tuple[float, bool], workers: int) -> str:
    """Where the studies on the page stand, in a line."""
    at = f"{done} of {total} runs"
    if done == total:
        return f"All {total} runs measured here"
    if phase == "active":
        return f"Training: {at}{left(estimate, workers)}"
    if phase == "paused":
        return f"Paused at {at}"
    if phase == "stopped":
        return f"Stopped at {at}"
    return f"{at} measured here" if done else "Nothing is measured here yet"


def earlier(counts: dict[str, int], made: Sequence[str]) -> str:
    """How many cells ship with Counterweight, and how they were made."""
    n = sum(counts.values())
    if not n:
        return ""
    points = "1 point was" if n == 1 else f"{n} points were"
    alike: dict[str, list[str]] = {}  # how and when: what several commands share is said once
    for command, _, how in (one.partition(", ") for one in made):
        alike.setdefault(how, []).append(command)
    said = "; ".join(f"{', '.join(commands)}, {how}" for how, commands in alike.items())
    return f"{points} computed earlier (open marks), and yours take their place: {said}."


def failed(label: str, x: Any, axis: str, seed: int, error: Any) -> str:
    """One failed cell in a sentence."""
    at = f" at λ = {lam_label(float(x))}" if axis == "lam" else f" at {100 * float(x):.3g} %"
    why = f": {error}" if isinstance(error, str) and error else ""
    return f"{label}{at}, seed {seed}, failed{why.rstrip('.')}."


def nothing_yet(found: Any) -> str:
    """In place of sentences about results."""
    waits = found.why_not or found.study.state in ("active", "paused")
    return "No result yet" + ("." if waits else ": press Start.")


def baseline(best: tuple[str, str, int] | None) -> str:
    """What the dashed black line is."""
    if best is None:
        return "No base method has all seeds yet, so no baseline is drawn."
    of = f"the best on validation AUC of the {best[2]} base methods measured on these seeds"
    return f"Dashed black: {best[1]}, {of}." if best[2] > 1 else (
        f"Dashed black: {best[1]}, the only base method measured on these seeds."
    )  # fmt: skip


def chance(levels: Sequence[Any], titles: dict[str, str]) -> str:
    """What a random scorer gets; its line is drawn, and out of sight where it is far below."""
    said = [f"{titles[one.metric]} {number(one.value, 3)}" for one in levels]
    return f"A random scorer (dotted) gets {', '.join(said)}." if said else ""


def alone(frame: Any, column: str, title: str) -> str:
    """What the uniform ratings alone achieve, over the axis."""
    own = frame[(frame["series"] == "mf-uniform") & frame[column].notna()]
    means = own.groupby("x")[[column, "n_uniform"]].mean().sort_index()
    if means.empty:
        return "What the uniform ratings alone achieve (MF on U) is not measured yet."
    ends = [means.iloc[0], means.iloc[-1]] if len(means) > 1 else [means.iloc[0]]
    said = " and ".join(f"{number(e[column], 3)} with {int(e['n_uniform']):,}" for e in ends)
    return f"Those ratings alone (MF on U, nothing biased): {title} {said}."


def pairwise(title: str, found: Any, x: float) -> str:
    """A paired difference at one size of U, in a sentence."""
    mean, low, high, n = found
    at = f"at {100 * x:.3g} %"
    if math.isnan(low):
        return f"{at}: {title} {number(mean, 4, signed=True)} ({n} seed, no interval)"
    digits = decimals_for((high - low) / 2)
    return f"{at}: {title} {interval((mean, low, high), digits)}"


def caption(
    kind: str, titles: Sequence[str], seeds: int, part: str, levels: bool, gains: bool
) -> str:
    """What the figure's signs mean, as a caption to put under it."""
    where = "without pairs rated in training" if part == "test_clean" else "as published"
    noise = f"Mean over {seeds} seeds with 95 % t intervals; test ratings {where}."
    if seeds == 1:
        noise = f"One seed; test ratings {where}."
    if gains:
        noise += f" Metrics are {'minus MF' if kind == 'uniform' else 'minus λ = 0'}, by seed."
    if kind == "uniform":
        about = f"Metrics against the number of uniform ratings on {', '.join(titles)}."
        return f"{about} {noise} {NESTED}"
    said = [
        f"Metrics against the strength λ of the balance constraint on {', '.join(titles)}.",
        noise,
    ]
    said.append("λ = 0, left of the break, is the base method; shaded: the grid of the paper.")
    said.append("Violation: band, ± standard error of the target; dashed, uniform weights.")
    said.append("Circles: λ chosen on validation AUC (the smallest within one standard error).")
    if levels:
        said.append("Dashed black: the strongest baseline on validation; dotted: a random scorer.")
    if part == "test":
        said.append("Hollow diamonds: published values of the base methods.")
    return " ".join(said)
