"""What the study pages say: plain functions from values to sentences."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from dashboard.charts.theme import decimals_for, lam_label, number
from dashboard.text.lab import duration

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


def wall(estimate: tuple[float, bool], workers: int) -> str:
    """ ", about 6 min on 2 cores"; estimate: seconds of one core, and whether all was timed."""
    seconds, known = estimate
    if not seconds:
        return ", nothing like them was timed yet"
    n = max(1, workers)
    cores = "1 core" if n == 1 else f"{n} cores"
    return f", {'about' if known else 'more than'} {duration(seconds / n)} on {cores}"


def status(phase: str, done: int, total: int, estimate: tuple[float, bool], workers: int) -> str:
    """Where the studies on the page stand, in a line."""
    at = f"{done} of {total} runs"
    if phase == "active":
        if not workers:
            return f"{at}. No worker is running: python -m engine worker"
        left = duration(estimate[0] / workers) + " left" if estimate[0] else ""
        return f"Training: {at}" + (f", about {left}" if left else "")
    if phase == "paused":
        return f"Paused at {at}"
    if phase == "stopped":
        return f"Stopped at {at}"
    if done == total:
        return f"All {at} measured here"
    return f"{at} measured here" if done else "Nothing is measured here yet"


def earlier(counts: dict[str, int], made: Sequence[str]) -> str:
    """How many cells ship with Counterweight, and how they were made."""
    n = sum(counts.values())
    if not n:
        return ""
    points = "1 point was" if n == 1 else f"{n} points were"
    return f"{points} computed earlier (open marks), and yours take their place: {'; '.join(made)}."


def failed(label: str, x: Any, axis: str, seed: int, state: str, error: Any) -> str:
    """One failed or stopped cell in a sentence."""
    at = f" at λ = {lam_label(float(x))}" if axis == "lam" else f" at {100 * float(x):.3g} %"
    why = f": {error}" if isinstance(error, str) and error else ""
    said = "was stopped" if state == "stopped" else "failed"
    return f"{label}{at}, seed {seed}, {said}{why.rstrip('.')}."


def interval(found: tuple[float, float, float], digits: int, signed: bool = True) -> str:
    """A gain with its interval: "+0.010 (+0.006 to +0.014)"."""
    mean, low, high = (number(v, digits, signed=signed) for v in found)
    return f"{mean} ({low} to {high})"


def curve(label: str, metric: str, shape: Any, lower: bool = False) -> str:
    """What one curve does, in a sentence with its numbers; lower: less of the metric is better."""
    if shape is None:
        return f"**{label}**: {metric} is not known at two λ yet."
    peak = lam_label(shape.peak)
    if shape.kind == "unknown":
        return (
            f"**{label}**: best {metric} at λ = {peak}, "
            f"{number(shape.rise[0], 4)} better than λ = {lam_label(shape.first)}; "
            "one seed tells no noise."
        )
    digits = decimals_for(max(shape.rise[2] - shape.rise[1], shape.fall[2] - shape.fall[1]) / 2)
    first, last = lam_label(shape.first), lam_label(shape.last)
    if shape.kind == "flat":
        best = f"Its best λ, {peak}, is {number(shape.rise[0], 4)} better than λ = {first}"
        best = f"No λ is better than {first}" if shape.peak == shape.first else best
        return (
            f"**{label}**: no change of {metric} is sure. {best}, and its loss from λ = {peak} "
            f"to {last} is {number(shape.fall[0], 3)}; {shape.seeds} seeds show changes of "
            f"{number(shape.resolvable, 3)} and more for sure."
        )
    rise = f"improves by {interval(shape.rise, digits, False)} from λ = {first} to {peak}"
    fall = f"loses {interval(shape.fall, digits, False)} from λ = {peak} to {last}"
    if shape.kind == "rises_then_falls":
        way = "falls then rises" if lower else "rises then falls"
        return f"**{label}**: {metric} {way}: it {rise} and {fall}."
    if shape.kind == "rises":
        return f"**{label}**: {metric} {rise}; no loss after that is sure."
    return f"**{label}**: {metric} {fall}; no gain before that is sure."


def choice(label: str, chosen: Any, metric: str) -> str:
    """The λ that validation picks, and what that costs on test."""
    if chosen is None:
        return f"{label}: validation chooses once a λ has all its seeds."
    at = lam_label(float(chosen.chosen))
    if chosen.best_on_test is None or math.isnan(chosen.regret):
        return f"{label}: validation chooses λ = {at}."
    top = lam_label(float(chosen.best_on_test))
    if top == at:
        return f"{label}: validation chooses λ = {at}, the best on test too."
    if abs(chosen.regret) < 5e-5:
        return f"{label}: validation chooses λ = {at}, as good on test as the best, {top}."
    return (
        f"{label}: validation chooses λ = {at}; λ = {top}, best on test, would have given "
        f"{number(abs(chosen.regret), 4)} more {metric}, known only afterwards."
    )


def nothing_yet(found: Any) -> str:
    """In place of sentences about results."""
    return "No result yet" + ("." if found.why_not else ": press Start.")


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
